/** LaunchSpec → the `--name value…` strings of `native/launcher/PROTOCOL.md`. */
import type { ProcessIdentity } from '../model/container.ts';
import type { LaunchMount, LaunchSpec } from '../model/launch.ts';

/** `joined`: the init of the container whose network namespace the spec says is joined. */
export function encodeLaunchOptions(spec: LaunchSpec, joined?: ProcessIdentity): readonly string[] {
  return [
    ...['--directory', spec.directory],
    ...['--log', spec.logFile, '--log-max', String(spec.logMaxBytes)],
    ...['--hostname', spec.hostname],
    ...networkOption(spec, joined),
    ...(spec.idMap ? ['--id-base', String(spec.idMap.base), '--id-size', String(spec.idMap.size)] : []),
    ...each('--lower', spec.lowerdirs),
    ...['--upper', spec.upperdir, '--work', spec.workdir],
    ...(spec.readOnlyRoot ? ['--read-only-root'] : []),
    ...spec.mounts.flatMap(mountOption),
    ...each('--mask', spec.maskedPaths),
    ...each('--read-only', spec.readonlyPaths),
    ...sorted(spec.sysctls).flatMap(([path, value]) => ['--sysctl', path, value]),
    ...optional('--oom-file', spec.oomFile),
    ...encodeCgroupOptions(spec),
    ...(spec.init ? ['--init'] : []),
    ...['--stop-signal', String(spec.stopSignal)],
    ...encodeCommandOptions(spec),
  ];
}

function networkOption({ network, directory }: LaunchSpec, joined: ProcessIdentity | undefined): readonly string[] {
  if (network === undefined) return [];
  if (network.kind === 'host') return ['--host-network'];
  // A container of its own network would come to be, in which nobody is reached.
  if (joined === undefined) throw new Error(`${directory}: nobody said who container ${network.container} is`);
  return ['--network-of', String(joined.pid), String(joined.startTime)];
}

/** The cgroups a process joins: its first one and those that `exec` adds. */
export function encodeCgroupOptions(spec: Pick<LaunchSpec, 'cgroupUnified' | 'cgroupLegacy'>): readonly string[] {
  return [...optional('--cgroup-unified', spec.cgroupUnified), ...each('--cgroup-legacy', spec.cgroupLegacy)];
}

/** What a process in a container is given. */
export type CommandSpec = Pick<
  LaunchSpec,
  'uid' | 'gid' | 'additionalGids' | 'capabilities' | 'seccompFile' | 'workingDir' | 'argv' | 'environment'
>;

export function encodeCommandOptions(command: CommandSpec): readonly string[] {
  return [
    ...['--uid', String(command.uid), '--gid', String(command.gid)],
    ...each('--group', command.additionalGids.map(String)),
    ...each('--capability', command.capabilities.map(String)),
    ...optional('--seccomp', command.seccompFile),
    ...['--working-dir', command.workingDir],
    ...sorted(command.environment).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
    ...each('--arg', command.argv),
  ];
}

function mountOption(mount: LaunchMount): readonly string[] {
  switch (mount.type) {
    case 'bind':
      return [mount.readOnly ? '--bind-ro' : '--bind', mount.source, mount.target];
    case 'tmpfs':
      return [mount.readOnly ? '--tmpfs-ro' : '--tmpfs', mount.data, mount.target];
    case 'content':
      return ['--content', mount.content, mount.target];
  }
}

function each(name: string, values: readonly string[]): readonly string[] {
  return values.flatMap((value) => [name, value]);
}

function optional(name: string, value: string | undefined): readonly string[] {
  return value === undefined ? [] : [name, value];
}

/** By name, so that the same spec gives the same strings. */
function sorted(record: Readonly<Record<string, string>>): readonly (readonly [string, string])[] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}
