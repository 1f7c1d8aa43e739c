/** Containers on disk and in the kernel: what is remembered about each, and the launcher's part in making and ending one. */
import fs from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { ContainerRecord, ContainerStatus, ProcessIdentity } from '../model/container.ts';
import { TsstackError } from '../model/errors.ts';
import type { ContainerName } from '../model/ids.ts';
import type { Executors } from '../model/plan.ts';
import type { ContainerState } from '../model/resources.ts';
import { readContainerStatus } from './container-status.ts';
import type { Launcher } from './launcher.ts';
import { removeTree } from './remove-tree.ts';
import { unlessErrno } from './system-error.ts';

const SIGKILL = 9;
/** 24 days. Node takes a longer one for 1 ms (timers.html, setTimeout). */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export function observeContainers(containersDirectory: string, bootId: string): readonly ContainerState[] {
  return listDirectories(containersDirectory).map((name) => {
    const directory = `${containersDirectory}/${name}`;
    return { name, record: readRecord(directory), status: readContainerStatus(directory, bootId) };
  });
}

export interface ContainerDeps {
  readonly containersDirectory: string;
  readonly bootId: string;
  readonly launcher: () => Launcher;
  /** Told the init of each container that is made, so that its network namespace can be found. */
  readonly onCreated: (name: ContainerName, initPid: number) => void;
  readonly onWarning: (name: ContainerName, message: string) => void;
  readonly signalNumber: (name: string) => number | undefined;
  /** Ends the grace period of every stop. */
  readonly hurry: AbortSignal;
}

type ContainerOps = 'container.create' | 'container.update' | 'container.delete' | 'container.start' | 'container.stop';

export type ContainerExecutors = Pick<Executors, ContainerOps>;

export function containerExecutors(deps: ContainerDeps): ContainerExecutors {
  const directoryOf = (name: ContainerName) => `${deps.containersDirectory}/${name}`;
  return {
    'container.create': async ({ container: { name, record }, keepUpper }, signal) => {
      const directory = directoryOf(name);
      if (!mkdirIfMissing(directory, 0o711)) await clearLeftovers(deps, name, { keepUpper, signal });
      fillDirectory(directory, record);
      const { init, warnings } = await deps.launcher().create(name, record.launch, joinedInit(deps, record));
      for (const warning of warnings) deps.onWarning(name, warning);
      deps.onCreated(name, init.pid);
    },
    'container.update': async ({ container: { name, record } }) => {
      const directory = directoryOf(name);
      writeRecord(`${directory}/record.json.new`, record);
      fs.renameSync(`${directory}/record.json.new`, `${directory}/record.json`);
    },
    'container.delete': async ({ name }, signal) => {
      await killLeftovers(deps, name);
      await removeDirectory(directoryOf(name), signal);
    },
    'container.start': async ({ process }) => {
      const { warnings } = await deps.launcher().start(process.name);
      for (const warning of warnings) deps.onWarning(process.name, warning);
    },
    'container.stop': async ({ name, status, stopSignal, stopGracePeriodMs }, signal) => {
      await stopContainer(deps.launcher(), {
        status,
        signalNumber: deps.signalNumber(stopSignal) ?? 15,
        graceMs: stopGracePeriodMs,
        hurry: AbortSignal.any([signal, deps.hurry]),
      });
      const after = readContainerStatus(directoryOf(name), deps.bootId);
      if (after.state === 'running') throw new TsstackError(`cannot stop container \`${name}\`: it is still running`, { code: 'kernel' });
    },
  };
}

/** Whoever it joins is there, be it waiting to be started: the plan has seen to it. */
function joinedInit({ containersDirectory, bootId }: ContainerDeps, { name, launch }: ContainerRecord): ProcessIdentity | undefined {
  if (launch.network?.kind !== 'join') return undefined;
  const { container } = launch.network;
  const { state, init } = readContainerStatus(`${containersDirectory}/${container}`, bootId);
  if (init && (state === 'running' || state === 'created')) return init;
  throw new TsstackError(`cannot create container \`${name}\`: it has the network of container \`${container}\`, which does not run`, {
    code: 'launch',
    hint: `\`tsstack logs ${container}\` may tell why`,
  });
}

interface StopOptions {
  readonly status: ContainerStatus;
  readonly signalNumber: number;
  readonly graceMs: number;
  /** Ends the grace period, not the stop. */
  readonly hurry: AbortSignal;
}

/** The monitor ends last, after it has written the exit down: its end is what is waited for. */
async function stopContainer(launcher: Launcher, { status, signalNumber, graceMs, hurry }: StopOptions): Promise<void> {
  const { init, monitor } = status;
  if (!init) return;
  const last = monitor ?? init;
  const ended = launcher.waitExit(last, new AbortController().signal);
  // Handled below in every case; a launcher that dies meanwhile must not be an unhandled rejection.
  ended.catch(() => undefined);
  // Before exec there is no program whose business a stop signal could be, and PID 1 does not hear of one (pid_namespaces(7)).
  if (status.state === 'created') await launcher.signal(init, SIGKILL);
  else if (await launcher.signal(init, signalNumber)) {
    const over = new AbortController();
    // The only rejection is the abort, which ends the grace period as its timer would.
    const grace = delay(Math.min(graceMs, LONGEST_TIMER_MS), undefined, { signal: AbortSignal.any([over.signal, hurry]) }).catch(
      () => undefined,
    );
    const inTime = await Promise.race([ended.then(() => true), grace]);
    over.abort();
    // ESRCH, when it has gone meanwhile, is what is wanted.
    if (inTime !== true) await launcher.signal(init, SIGKILL);
  }
  await ended;
}

/** An init whose monitor is gone, or one that was never started: nobody else will end it. */
async function killLeftovers({ launcher, containersDirectory, bootId }: ContainerDeps, name: ContainerName): Promise<void> {
  const { init, monitor } = readContainerStatus(`${containersDirectory}/${name}`, bootId);
  for (const process of [init, monitor]) {
    if (!process || !(await launcher().signal(process, SIGKILL))) continue;
    await launcher().waitExit(process, new AbortController().signal);
  }
}

async function clearLeftovers(
  deps: ContainerDeps,
  name: ContainerName,
  { keepUpper, signal }: { readonly keepUpper: boolean; readonly signal: AbortSignal },
): Promise<void> {
  const directory = `${deps.containersDirectory}/${name}`;
  await killLeftovers(deps, name);
  if (keepUpper) return fs.rmSync(`${directory}/status`, { force: true });
  await removeDirectory(directory, signal);
  mkdirIfMissing(directory, 0o711);
}

/**
 * What a container that wrote nothing leaves, by name: there are fifty to be taken down in two hundred milliseconds. The others have
 * written what they liked, paths too long for one system call among it.
 */
async function removeDirectory(directory: string, signal: AbortSignal): Promise<void> {
  for (const file of ['status', 'record.json']) fs.rmSync(`${directory}/${file}`, { force: true });
  const emptied = ['work/work', 'work', 'upper', ''].every((part) => rmdirIfEmpty(`${directory}/${part}`));
  if (!emptied) await removeTree(directory, signal);
}

function rmdirIfEmpty(path: string): boolean {
  try {
    fs.rmdirSync(path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return true;
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
    throw error;
  }
}

/** The record is written before anything runs, so that whatever runs can be told whose it is. */
function fillDirectory(directory: string, record: ContainerRecord): void {
  // The upper layer's mode is that of `/`.
  for (const part of ['upper', 'work']) mkdirIfMissing(`${directory}/${part}`, 0o755);
  writeRecord(`${directory}/record.json`, record);
  for (const mount of record.launch.mounts) {
    if (mount.type === 'bind' && mount.createSource) fs.mkdirSync(mount.source, { recursive: true });
  }
}

/** False: it is there already. The mode is as given, whatever the umask. */
function mkdirIfMissing(path: string, mode: number): boolean {
  try {
    fs.mkdirSync(path, { mode });
    if ((process.umask() & mode) !== 0) fs.chmodSync(path, mode);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Environment may hold secrets: nobody else reads it. */
function writeRecord(path: string, record: ContainerRecord): void {
  fs.writeFileSync(path, JSON.stringify(record), { mode: 0o600 });
}

/** Undefined if it isn't whole: then the container was never finished. */
export function readRecord(directory: string): ContainerRecord | undefined {
  try {
    const record = JSON.parse(fs.readFileSync(`${directory}/record.json`, 'utf8')) as ContainerRecord;
    return record.version === 1 ? record : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function listDirectories(path: string): string[] {
  return (unlessErrno(['ENOENT'], () => fs.readdirSync(path)) ?? []).sort();
}
