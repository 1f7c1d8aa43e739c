import { readWatchRules } from './develop.ts';
import { readDns, readExtraHosts } from './dns.ts';
import { readHealthcheck } from './healthcheck.ts';
import { readHooks } from './hooks.ts';
import { readServiceImage } from './image.ts';
import type { IssuePath } from './issues.ts';
import { NO_LIMITS, readLimits } from './limits.ts';
import { readMount, readTmpfs } from './mounts.ts';
import { HOSTNAME, isNamespacedSysctl } from './names.ts';
import { readConnection, withNetworkDependency } from './network-mode.ts';
import { readContainerPath, readHostPath } from './paths.ts';
import { readPorts } from './ports.ts';
import { readCapability, readCommand, readEnvironment, readReplicas, readRestart, readStopSignal, readUser } from './process.ts';
import type { DependencyShape, ServiceShape } from './schema.ts';
import { isDeclared, type Scope } from './scope.ts';
import type { DependencySpec, EnvFileSpec, PullPolicy, ServiceSpec } from './spec.ts';
import { readTexts } from './texts.ts';
import { parseDuration } from './units.ts';
import { readUpdate } from './update.ts';

/** A service in long form. What is wrong is in the scope's log, and left out. */
export function readService(written: ServiceShape, path: IssuePath, scope: Scope): ServiceSpec {
  const kind = written.kind ?? 'service';
  if (written.rerun !== undefined && kind !== 'job') scope.log.add([...path, 'rerun'], written.rerun, "is only for `kind: 'job'`");
  const connection = readConnection(written, path, scope);
  const strict = written.strictPorts ?? scope.strictPorts;
  return {
    kind,
    rerun: written.rerun ?? 'on-change',
    image: readServiceImage(written, path, scope),
    pullPolicy: readPullPolicy(written, [...path, 'pullPolicy'], scope),
    entrypoint: written.entrypoint === undefined ? undefined : readCommand(written.entrypoint, [...path, 'entrypoint'], scope),
    command: written.command === undefined ? undefined : readCommand(written.command, [...path, 'command'], scope),
    environment: readEnvironment(written.environment ?? {}, [...path, 'environment'], scope),
    envFile: readEnvFiles(written.envFile, [...path, 'envFile'], scope),
    workingDir: written.workingDir === undefined ? undefined : readContainerPath(written.workingDir, [...path, 'workingDir'], scope),
    user: written.user === undefined ? undefined : readUser(written.user, [...path, 'user'], scope),
    hostname: written.hostname === undefined ? undefined : readHostname(written.hostname, [...path, 'hostname'], scope),
    mounts: readMounts(written, path, scope),
    ...connection,
    ports: (written.ports ?? []).flatMap((port, index) => readPorts(port, { strict }, { path: [...path, 'ports', index], scope })),
    dns: readDns(written, path, scope),
    extraHosts: readExtraHosts(written.extraHosts, [...path, 'extraHosts'], scope),
    dependsOn: withNetworkDependency(readDependencies(written.dependsOn, [...path, 'dependsOn'], scope), connection.networkMode),
    healthcheck: written.healthcheck === undefined ? undefined : readHealthcheck(written.healthcheck, [...path, 'healthcheck'], scope),
    inheritHealthcheck: written.healthcheck?.disable !== true,
    restart: readRestart(written, path, scope),
    hooks: readHooks(written, path, scope),
    update: readUpdate(written, [...path, 'update'], scope),
    watch: readWatchRules(written.develop?.watch ?? [], [...path, 'develop', 'watch'], scope),
    replicas: readReplicas(written, path, scope),
    labels: readTexts(written.labels),
    stopSignal: written.stopSignal === undefined ? undefined : readStopSignal(written.stopSignal, [...path, 'stopSignal'], scope),
    stopGracePeriodMs: readGracePeriod(written.stopGracePeriod ?? 10_000, [...path, 'stopGracePeriod'], scope),
    init: written.init ?? true,
    readOnly: written.readOnly ?? false,
    limits: written.limits === undefined ? NO_LIMITS : readLimits(written.limits, [...path, 'limits'], scope),
    userns: written.userns ?? 'private',
    capAdd: (written.capAdd ?? []).flatMap((name, index) => readCapability(name, [...path, 'capAdd', index], scope)),
    capDrop: (written.capDrop ?? []).flatMap((name, index) => readCapability(name, [...path, 'capDrop', index], scope)),
    sysctls: readSysctls(written.sysctls ?? {}, [...path, 'sysctls'], scope),
  };
}

function readPullPolicy({ image, build, pullPolicy }: ServiceShape, path: IssuePath, scope: Scope): PullPolicy {
  const pulled = typeof image !== 'object' && build === undefined;
  if (pullPolicy !== undefined && !pulled) scope.log.add(path, pullPolicy, 'is only for images of a registry');
  return pullPolicy ?? 'missing';
}

function readEnvFiles(written: ServiceShape['envFile'], path: IssuePath, scope: Scope): readonly EnvFileSpec[] {
  if (written === undefined) return [];
  const listed = Array.isArray(written);
  const files: readonly (string | { path: string; required?: boolean | undefined })[] = listed ? written : [written];
  return files.flatMap((file, index) => {
    const at = listed ? [...path, index] : path;
    const absolute = readHostPath(typeof file === 'string' ? file : file.path, at, scope);
    const required = typeof file === 'string' ? true : (file.required ?? true);
    return absolute === undefined ? [] : [{ path: absolute, required }];
  });
}

function readHostname(written: string, path: IssuePath, scope: Scope): string | undefined {
  return HOSTNAME.test(written) ? written : scope.log.add(path, written, 'must be a hostname of letters, digits, `-` and `.`, at most 64');
}

function readMounts(written: ServiceShape, path: IssuePath, scope: Scope): ServiceSpec['mounts'] {
  const listed = typeof written.tmpfs === 'object';
  const tmpfs = typeof written.tmpfs === 'string' ? [written.tmpfs] : (written.tmpfs ?? []);
  return [
    ...(written.volumes ?? []).map((mount, index) => readMount(mount, [...path, 'volumes', index], scope)),
    ...tmpfs.map((mount, index) => readTmpfs(mount, listed ? [...path, 'tmpfs', index] : [...path, 'tmpfs'], scope)),
  ].filter((mount) => mount !== undefined);
}

function readDependencies(written: ServiceShape['dependsOn'], path: IssuePath, scope: Scope): Readonly<Record<string, DependencySpec>> {
  if (written === undefined) return {};
  const entries: readonly { name: string; key: string | number; value: DependencyShape | undefined }[] = Array.isArray(written)
    ? written.map((name, key) => ({ name, key, value: undefined }))
    : Object.entries(written).map(([name, value]) => ({ name, key: name, value }));
  const known = entries.filter(({ name, key }) => isDeclared(scope, 'services', { path: [...path, key], name }));
  return Object.fromEntries(
    known.map(({ name, value }) => {
      const { condition = 'started', restart = false } = typeof value === 'object' ? value : { condition: value };
      return [name, { condition, restart }];
    }),
  );
}

function readGracePeriod(written: string | number, path: IssuePath, scope: Scope): number {
  const period = parseDuration(written);
  if (period === undefined) scope.log.add(path, written, 'must be a duration such as `30s`');
  return period ?? 0;
}

function readSysctls(written: NonNullable<ServiceShape['sysctls']>, path: IssuePath, scope: Scope): Readonly<Record<string, string>> {
  for (const name of Object.keys(written)) {
    const namespaced = isNamespacedSysctl(name) && /^[\w.-]+$/.test(name) && !name.includes('..');
    if (!namespaced) scope.log.add([...path, name], undefined, 'is no sysctl of a container: it would change the host');
  }
  return readTexts(written);
}
