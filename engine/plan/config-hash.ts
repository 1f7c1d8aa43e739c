/** Fingerprint of what a container's process is born with. A difference means recreate; what the kernel can change in place is left out. */
import type { BindSource } from '../model/facts.ts';
import type { LaunchSpec } from '../model/launch.ts';
import { sha256Hex } from './names.ts';

interface Inputs {
  readonly imageDigest: string;
  readonly bindSources: Readonly<Record<string, BindSource>>;
}

/**
 * Part → its fingerprint, short and stable, so that a plan can name what changed. Left out: addresses and limits (changed in place),
 * the host's resolv.conf (a host that moves between networks must not restart containers), log and stop settings (read when used).
 */
export function configParts(launch: LaunchSpec, { imageDigest, bindSources }: Inputs): Record<string, string> {
  const mounts = launch.mounts.filter(({ target }) => target !== '/etc/resolv.conf');
  const files = launch.mounts.flatMap((mount) => {
    const source = mount.type === 'bind' ? bindSources[mount.source] : undefined;
    return mount.type === 'bind' && source?.kind === 'file' ? [[mount.source, source.hash]] : [];
  });
  return fingerprints({
    image: [imageDigest, launch.lowerdirs],
    command: launch.argv,
    environment: launch.environment,
    volumes: mounts,
    'mounted files': files,
    workingDir: launch.workingDir,
    user: [launch.uid, launch.gid, launch.additionalGids],
    hostname: launch.hostname,
    userns: launch.idMap,
    readOnly: launch.readOnlyRoot,
    capabilities: launch.capabilities,
    sysctls: launch.sysctls,
    'masked paths': [launch.maskedPaths, launch.readonlyPaths],
    seccomp: launch.seccompFile,
    init: launch.init,
    cgroup: launch.cgroupUnified,
  });
}

export function configHash(parts: Readonly<Record<string, string>>): string {
  return sha256Hex(JSON.stringify(Object.entries(parts).sort())).slice(0, 16);
}

/** The parts that differ, in order: `command, environment`. */
export function changedParts(before: Readonly<Record<string, string>>, after: Readonly<Record<string, string>>): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].sort().filter((part) => before[part] !== after[part]);
}

function fingerprints(values: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([part, value]) => [part, sha256Hex(JSON.stringify(value ?? null)).slice(0, 12)]));
}
