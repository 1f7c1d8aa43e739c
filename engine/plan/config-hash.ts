/** Fingerprint of what a container's process is born with. A difference means recreate; what the kernel can change in place is left out. */
import type { ContainerRecord } from '../model/container.ts';
import { sha256Hex } from './names.ts';

export type Born = Pick<ContainerRecord, 'launch' | 'imageDigest' | 'fileHashes'>;

export function configHash(born: Born): string {
  return sha256Hex(JSON.stringify(partsOf(born))).slice(0, 16);
}

/** The parts that differ, by the names people know them by: `command, environment`. */
export function changedParts(before: Born, after: Born): string[] {
  const [old, now] = [partsOf(before), partsOf(after)];
  return Object.keys(now)
    .filter((part) => JSON.stringify(old[part]) !== JSON.stringify(now[part]))
    .sort();
}

/**
 * Left out: addresses and limits (changed in place), resolv.conf (its content is rewritten in place, and containers of older versions
 * have it in another way), log and stop settings (read when used). A v1 cgroup that a limit brings is joined in place, too.
 */
function partsOf({ launch, imageDigest, fileHashes }: Born): Readonly<Record<string, unknown>> {
  return {
    image: [imageDigest, launch.lowerdirs],
    command: launch.argv,
    environment: launch.environment,
    volumes: launch.mounts.filter(({ target }) => target !== '/etc/resolv.conf'),
    'mounted files': fileHashes,
    workingDir: launch.workingDir,
    user: [launch.uid, launch.gid, launch.additionalGids],
    hostname: launch.hostname,
    // Absent where it has one of its own, so that what was made before there was a choice keeps its hash.
    'network mode': launch.network,
    userns: launch.idMap ?? null,
    readOnly: launch.readOnlyRoot,
    capabilities: launch.capabilities,
    sysctls: launch.sysctls,
    'masked paths': [launch.maskedPaths, launch.readonlyPaths],
    seccomp: launch.seccompFile ?? null,
    init: launch.init,
    cgroup: launch.cgroupUnified ?? null,
  };
}
