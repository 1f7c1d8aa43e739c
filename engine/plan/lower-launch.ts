/** What one container's process is born with, in the kernel's terms. */
import type { MountSpec } from '../../dsl/spec.ts';
import type { ResolvedImage } from '../model/facts.ts';
import type { LaunchMount, LaunchSpec } from '../model/launch.ts';
import { UID_RANGE_SIZE } from './allocate.ts';
import { capabilitySet } from './capabilities.ts';
import { imageKey } from './image-key.ts';
import { mountsOf } from './image-volumes.ts';
import type { LowerContext } from './lower-context.ts';
import { hostsPath } from './lower-hosts.ts';
import { resolvConfPath } from './lower-resolv-conf.ts';
import { joinedContainer, launchNetwork } from './network-mode.ts';
import { NO_IMAGE } from './no-image.ts';
import { MASKED_PATHS, READONLY_PATHS } from './protected-paths.ts';
import type { Replica } from './replicas.ts';
import { DEFAULT_STOP_SIGNAL, signalNumber } from './signals.ts';
import { resolveUser } from './user.ts';

/** 10 MiB, then one rotated file of the same size is kept. */
const LOG_MAX_BYTES = 10 * 1024 * 1024;

interface CgroupDirectories {
  readonly unified: string | undefined;
  readonly legacy: readonly string[];
  readonly oomFile: string | undefined;
}

export function lowerLaunch(context: LowerContext, replica: Replica, cgroups: CgroupDirectories): LaunchSpec {
  const { facts, allocation } = context;
  const { name, service } = replica;
  const image = facts.images[imageKey(service.image)] ?? NO_IMAGE;
  const directory = `${facts.containersDirectory}/${name}`;
  const user = resolveUser(service.user ?? image.user, image);
  const base = allocation.uidBases[name];
  const network = launchNetwork(context.spec, replica);
  return {
    directory,
    logFile: `${facts.logsDirectory}/${name}.log`,
    logMaxBytes: LOG_MAX_BYTES,
    hostname: service.hostname ?? name,
    ...(network === undefined ? {} : { network }),
    idMap: base === undefined ? undefined : { base, size: UID_RANGE_SIZE },
    lowerdirs: image.lowerdirs,
    upperdir: `${directory}/upper`,
    workdir: `${directory}/work`,
    readOnlyRoot: service.readOnly,
    mounts: lowerMounts(context, replica, image),
    maskedPaths: MASKED_PATHS,
    readonlyPaths: READONLY_PATHS,
    sysctls: { ...(network === undefined ? DEFAULT_SYSCTLS : {}), ...sysctlPaths(service.sysctls) },
    cgroupUnified: cgroups.unified,
    cgroupLegacy: cgroups.legacy,
    oomFile: cgroups.oomFile,
    ...user,
    capabilities: capabilitySet(service.capAdd, service.capDrop),
    seccompFile: facts.seccompFile,
    workingDir: service.workingDir ?? image.workingDir,
    argv: argvOf(replica, image),
    environment: environmentOf(context, replica, image),
    init: service.init,
    stopSignal: signalNumber(service.stopSignal ?? DEFAULT_STOP_SIGNAL) ?? 15,
  };
}

/** As in Compose: an entrypoint in the stack file also discards the image's command. */
function argvOf({ service }: Replica, image: ResolvedImage): string[] {
  if (service.entrypoint) return [...service.entrypoint, ...(service.command ?? [])];
  return [...image.entrypoint, ...(service.command ?? image.command)];
}

/** Later wins: image, env files in order, `environment`. */
function environmentOf({ facts }: LowerContext, { name, service }: Replica, image: ResolvedImage): Record<string, string> {
  const files = service.envFile.map(({ path }) => {
    const file = facts.envFiles[path];
    return file && 'values' in file ? file.values : {};
  });
  const merged: Record<string, string> = Object.assign(
    { HOSTNAME: service.hostname ?? name },
    image.environment,
    ...files,
    service.environment,
  );
  return Object.fromEntries(Object.entries(merged).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function lowerMounts(context: LowerContext, replica: Replica, image: ResolvedImage): LaunchMount[] {
  const { facts, spec } = context;
  // Names mean what they mean in the network that it is in.
  const named = joinedContainer(spec, replica)?.name ?? replica.name;
  return [
    ...image.binds.map(({ source, target }) => ({ type: 'bind' as const, source, target, readOnly: true })),
    { type: 'bind', source: hostsPath(context, named), target: '/etc/hosts', readOnly: true },
    { type: 'content', target: '/etc/hostname', content: `${replica.service.hostname ?? replica.name}\n` },
    { type: 'bind', source: resolvConfPath(context, named), target: '/etc/resolv.conf', readOnly: true },
    // Whatever is mounted below another comes after it, or it would be hidden.
    ...mountsOf(context, replica)
      .toSorted(byDepth)
      .map((mount) => lowerMount(mount, facts.volumesDirectory)),
  ];
}

function byDepth(a: MountSpec, b: MountSpec): number {
  return a.target.split('/').length - b.target.split('/').length;
}

function lowerMount(mount: MountSpec, volumesDirectory: string): LaunchMount {
  const { target, readOnly } = mount;
  if (mount.type === 'volume') return { type: 'bind', source: `${volumesDirectory}/${mount.source}`, target, readOnly };
  if (mount.type === 'bind') {
    const bind = { type: 'bind' as const, source: mount.source, target, readOnly };
    return mount.createHostPath ? { ...bind, createSource: true } : bind;
  }
  const size = mount.sizeBytes === undefined ? '' : `,size=${mount.sizeBytes}`;
  return { type: 'tmpfs', target, data: `mode=${(mount.mode ?? 0o1777).toString(8)}${size}`, readOnly };
}

/**
 * Ports below 1024 and ping sockets are open to every user in a network namespace of its own, as Docker has it since 20.10:
 * there is nobody else in it. `0 65535` is the range of group ids that are mapped.
 */
const DEFAULT_SYSCTLS = { 'net/ipv4/ip_unprivileged_port_start': '0', 'net/ipv4/ping_group_range': '0 65535' };

function sysctlPaths(sysctls: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(sysctls).map(([name, value]) => [name.replaceAll('.', '/'), value]));
}
