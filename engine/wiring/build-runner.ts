/**
 * A RUN step in a container of ours: a stack of one service, made, waited for and taken down again by what does so for every stack. It has
 * a lock as every stack has, so that what a killed build leaves is told from what is at work.
 */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { PLAIN_NETWORK, plainAttachment } from '../../dsl/network-defaults.ts';
import type { MountSpec, NetworkSpec, ServiceSpec, StackSpec } from '../../dsl/spec.ts';
import { apply } from '../apply/apply.ts';
import type { BuildRunner, RunEnd, RunnerMount, RunRequest } from '../build/runner.ts';
import { readContainerStatus } from '../kernel/container-status.ts';
import { readRecord } from '../kernel/containers.ts';
import { TsstackError } from '../model/errors.ts';
import type { ResolvedImage } from '../model/facts.ts';
import type { Plan } from '../model/plan.ts';
import { imageKey } from '../plan/image-key.ts';
import { stackIdentity } from '../plan/names.ts';
import { FileLock } from '../store/lock.ts';
import { readLogs } from '../store/logs.ts';
import { imagesDirectory, stackPaths } from '../store/paths.ts';
import { untilEnded } from './await.ts';
import { createExecutors } from './executors.ts';
import { DEFAULT_POLICY, makeHostDirectories, makeStackDirectories, planUp, throwObstacles } from './prepare.ts';
import { Session } from './session.ts';
import { takeDown } from './take-down.ts';

export type RunnerHost = Pick<Session, 'host' | 'launcherBinary'>;

export function buildRunner(host: RunnerHost): BuildRunner {
  return { run: (request) => runStep(host, request) };
}

/** Takes down what builds that were killed have left. */
export async function removeBuildLeftovers(host: RunnerHost): Promise<void> {
  for (const instance of listRuns(host)) {
    const stack = identityOf(host, instance);
    using lock = FileLock.tryAcquire(stackPaths(host.host, stack).lock, 'build');
    if (lock !== undefined) await removeRun(host, instance);
  }
}

const SERVICE = 'step';
const CONTAINER = `${SERVICE}-1`;
const NETWORK = 'default';

async function runStep(host: RunnerHost, request: RunRequest): Promise<RunEnd> {
  const instance = randomBytes(8).toString('hex');
  const stack = identityOf(host, instance);
  const { signal } = request;
  fs.mkdirSync(runsDirectory(host), { recursive: true, mode: 0o700 });
  fs.mkdirSync(host.host.runDirectory, { recursive: true, mode: 0o711 });
  using _lock = await FileLock.acquire(stackPaths(host.host, stack).lock, 'build');
  fs.writeFileSync(`${runsDirectory(host)}/${instance}`, '');
  await using session = sessionOf(host, instance);
  try {
    const end = (await start(session, request)) ?? (await waitForEnd(session, request));
    if (end.code === 0 && end.error === undefined) {
      const launch = readRecord(`${session.paths.containers}/${CONTAINER}`)?.launch;
      if (launch === undefined) throw new Error('the container of the step is gone');
      await request.keep({ directory: launch.upperdir, uidBase: launch.idMap?.base });
    }
    return end;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    await removeRun(host, instance, session);
  }
}

/** Its end, if it could not be started for its own sake: a command that isn't there. */
async function start(session: Session, request: RunRequest): Promise<RunEnd | undefined> {
  const { signal, network } = request;
  if (network === 'host') {
    throw new TsstackError('`--network=host` is not supported: a step has a network of its own', {
      code: 'image',
      hint: 'leave it out: by default a step reaches what the host reaches',
    });
  }
  makeHostDirectories(session);
  makeStackDirectories(session);
  const spec = specOf(request);
  const { plan } = await planUp(session, spec, {
    policy: DEFAULT_POLICY,
    images: imagesOf(request, spec),
    keep: true,
    hasNameServer: false,
    signal,
  });
  throwObstacles(plan);
  try {
    await perform(session, plan, signal);
    return undefined;
  } catch (error) {
    const { exit } = readContainerStatus(`${session.paths.containers}/${CONTAINER}`, session.bootId);
    if (signal.aborted || exit?.error === undefined) throw error;
    return { code: exit.code, oomKilled: false, error: exit.error };
  }
}

async function perform(session: Session, plan: Plan, signal: AbortSignal): Promise<void> {
  const onEvent = () => undefined;
  await apply(plan, { executors: createExecutors(session, { onEvent, hurry: undefined }), signal, onEvent, now: Date.now });
}

/** Tells its output meanwhile, and all of it before this resolves. */
async function waitForEnd(session: Session, { signal, onLine }: RunRequest): Promise<RunEnd> {
  const over = new AbortController();
  const tellOutput = async () => {
    const directory = session.paths.logs;
    for await (const { text } of readLogs({ directory, signal: AbortSignal.any([signal, over.signal]), follow: true })) onLine(text);
  };
  const told = tellOutput();
  // Should the wait fail, nobody would wait for it.
  told.catch(() => undefined);
  try {
    const { exit } = await untilEnded(session, CONTAINER, signal);
    if (exit === undefined) throw new TsstackError('its monitor was killed', { code: 'launch' });
    return { code: exit.code, oomKilled: exit.oomKilled, error: exit.error };
  } finally {
    over.abort();
    await told;
  }
}

/** Whatever there is of it: also what was begun only. */
async function removeRun(host: RunnerHost, instance: string, existing?: Session): Promise<void> {
  const session = existing ?? sessionOf(host, instance);
  try {
    makeStackDirectories(session);
    // Not to be called off: what was made has to go, and nothing of it waits for anybody.
    const { signal } = new AbortController();
    await takeDown(session, { volumes: true, timeoutMs: 0, perform: (plan) => perform(session, plan, signal), signal });
    fs.rmSync(`${runsDirectory(host)}/${instance}`, { force: true });
  } finally {
    if (existing === undefined) await session[Symbol.asyncDispose]();
  }
}

/** One file a run that isn't taken down yet. */
function runsDirectory({ host }: RunnerHost): string {
  return `${imagesDirectory(host)}/build/runs`;
}

function listRuns(host: RunnerHost): readonly string[] {
  try {
    return fs.readdirSync(runsDirectory(host));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

function identityOf(host: RunnerHost, instance: string) {
  return stackIdentity('build', runsDirectory(host), instance);
}

function sessionOf(host: RunnerHost, instance: string): Session {
  return new Session({ stack: identityOf(host, instance), host: host.host, launcher: host.launcherBinary });
}

function specOf(request: RunRequest): StackSpec {
  const { network } = request;
  const networks: Record<string, NetworkSpec> = network === 'default' ? { [NETWORK]: PLAIN_NETWORK } : {};
  return { name: 'build', services: { [SERVICE]: serviceOf(request) }, networks, volumes: {} };
}

/** Docker's set: what package managers expect of root. */
const CAPABILITIES = ['AUDIT_WRITE', 'MKNOD', 'SYS_CHROOT'];

function serviceOf({ argv, environment, workingDir, user, mounts, network }: RunRequest): ServiceSpec {
  return {
    kind: 'service',
    rerun: 'on-change',
    image: { kind: 'rootfs', path: '/' },
    pullPolicy: 'never',
    entrypoint: argv,
    command: [],
    environment,
    envFile: [],
    workingDir,
    user,
    hostname: 'build',
    mounts: mounts.map(mountOf),
    networks: network === 'default' ? [plainAttachment(NETWORK)] : [],
    networkMode: { kind: 'own' },
    dns: { servers: [], search: undefined, options: undefined },
    extraHosts: {},
    ports: [],
    dependsOn: {},
    healthcheck: undefined,
    inheritHealthcheck: false,
    restart: { policy: 'no', maxRetries: undefined },
    hooks: { postStart: [], preStop: [], host: [], hostTimeoutMs: 0 },
    update: { order: 'stop-first', parallelism: 1 },
    watch: [],
    replicas: 1,
    labels: {},
    stopSignal: 'SIGKILL',
    stopGracePeriodMs: 0,
    init: true,
    readOnly: false,
    limits: {
      cpus: undefined,
      cpuShares: undefined,
      cpuset: undefined,
      memory: undefined,
      memoryReservation: undefined,
      swap: undefined,
      pids: undefined,
    },
    userns: 'private',
    capAdd: CAPABILITIES,
    capDrop: [],
    sysctls: {},
  };
}

function mountOf(mount: RunnerMount): MountSpec {
  if (mount.type === 'bind') return { ...mount, createHostPath: false };
  return { ...mount, mode: undefined, readOnly: false };
}

function imagesOf({ lowerdirs, workingDir, user, passwd, groupFile }: RunRequest, { services }: StackSpec) {
  const image: ResolvedImage = {
    name: 'build',
    digest: '',
    lowerdirs,
    binds: [],
    entrypoint: [],
    command: [],
    environment: {},
    workingDir,
    user,
    passwd,
    groupFile,
  };
  return Object.fromEntries(Object.values(services).map((service) => [imageKey(service.image), image]));
}
