import { parseKernelEvent } from '../codec/kernel-events.ts';
import { type LaunchFailure, launchError } from '../codec/launch-failure.ts';
import { encodeLaunchOptions } from '../codec/launch-options.ts';
import type { ProcessIdentity } from '../model/container.ts';
import { TsstackError } from '../model/errors.ts';
import type { IptablesTable } from '../model/firewall.ts';
import type { ContainerName } from '../model/ids.ts';
import type { KernelEvent } from '../model/kernel-events.ts';
import type { LaunchSpec } from '../model/launch.ts';
import { connectLauncher } from './launcher-connection.ts';

/** The native process that forks containers. When it ends, running containers go on; those never started are undone. */
export interface Launcher extends AsyncDisposable {
  /**
   * Resolves when the container's init exists and waits, with all namespaces made. Its root file system is built meanwhile.
   * `joined`: the init of the container whose network namespace it has, if the spec says so.
   * @throws TsstackError `launch`: what could not be done; nothing is left then.
   */
  create(name: string, spec: LaunchSpec, joined?: ProcessIdentity): Promise<CreatedContainer>;
  /**
   * Lets the init of a created container go on; resolves when its command has been exec'ed.
   * @throws TsstackError `launch`: the container has ended then, and its status says so too.
   */
  start(name: string): Promise<{ readonly warnings: readonly string[] }>;
  /** Sends a signal (its number) to exactly that process. False: it is gone. */
  signal(process: ProcessIdentity, signal: number): Promise<boolean>;
  /** Resolves when exactly that process has ended, at once if it has. Rejects with the signal's reason. */
  waitExit(process: ProcessIdentity, signal: AbortSignal): Promise<void>;
  /**
   * Changes of the host's links, IPv4 addresses, routes and settings and of nftables from now on, and those of containers that are
   * subscribed to. Listening doesn't keep Node alive. One listener at a time: a later one takes the place of the one before.
   * Warnings: what can't be noticed here.
   */
  subscribe(onEvent: (event: KernelEvent) => void): Promise<{ readonly warnings: readonly string[] }>;
  /**
   * Changes of links, addresses and routes in the container's network namespace and of its mounts, and that it ran out of memory, until
   * its init ends (at once if it has ended). Takes the place of what was subscribed to under that name. Warnings: what can't be noticed.
   */
  subscribeContainer(name: ContainerName, init: ProcessIdentity, oomFile?: string): Promise<{ readonly warnings: readonly string[] }>;
  /** Nothing if there is no such subscription. Its network namespace isn't held any longer when this resolves. */
  unsubscribeContainer(name: ContainerName): Promise<void>;
  /**
   * Changes of these tables of the legacy iptables, which has no events, come as `rules` within a second; none: no more. For a host whose
   * iptables is the legacy one: where it isn't, asking for such a table makes one.
   * @throws TsstackError `kernel`: this kernel has no such table.
   */
  watchTables(tables: readonly IptablesTable[]): Promise<void>;
  /** Resolves with the reason when this launcher is gone or told to end: no event comes any more, every request is rejected. Never rejects. */
  readonly ended: Promise<TsstackError>;
}

export interface CreatedContainer {
  readonly monitor: ProcessIdentity;
  readonly init: ProcessIdentity;
  readonly warnings: readonly string[];
}

/** Spawns at once, usable at once. `stageDirectory`: an empty directory, used only inside the launcher's own mount namespaces. */
export function startLauncher(options: { readonly binary: string; readonly stageDirectory: string }): Launcher {
  let listener: (event: KernelEvent) => void = () => undefined;
  const connection = connectLauncher({ ...options, onEvent: (words) => listener(parseKernelEvent(words)) });
  const monitors = new Map<string, number>();
  return {
    async create(name, spec, joined) {
      const answer = await connection.request('create', encodeLaunchOptions(spec, joined));
      if (!answer.ok) throw createError(name, spec, failureOf(answer.strings));
      const [monitorPid, monitorStart, initPid, initStart, ...warnings] = answer.strings;
      const monitor = { pid: Number(monitorPid), startTime: Number(monitorStart) };
      monitors.set(name, monitor.pid);
      return { monitor, init: { pid: Number(initPid), startTime: Number(initStart) }, warnings };
    },
    async start(name) {
      const pid = monitors.get(name);
      if (pid === undefined) throw new TsstackError(`cannot start container \`${name}\`: it was not created here`, { code: 'launch' });
      monitors.delete(name);
      const answer = await connection.request('start', [String(pid)]);
      if (!answer.ok) throw launchError('start', name, failureOf(answer.strings));
      return { warnings: answer.strings };
    },
    async signal(process, signal) {
      const answer = await connection.request('signal', [...identity(process), String(signal)]);
      if (answer.ok) return true;
      const failure = failureOf(answer.strings);
      if (failure.errno === ESRCH) return false;
      throw new TsstackError(
        `cannot send signal ${signal} to process ${process.pid}: ${failure.stage} failed with errno ${failure.errno}`,
        {
          code: 'kernel',
        },
      );
    },
    async waitExit(process, signal) {
      signal.throwIfAborted();
      const answer = await connection.request('watch', identity(process), signal);
      if (!answer.ok) throw new TsstackError(`cannot wait for process ${process.pid}: ${answer.strings.join(' ')}`, { code: 'kernel' });
    },
    async subscribe(onEvent) {
      listener = onEvent;
      const answer = await connection.request('subscribe', []);
      if (!answer.ok) throw subscribeError('the host', answer.strings);
      return { warnings: answer.strings };
    },
    async subscribeContainer(name, init, oomFile) {
      const oom = oomFile === undefined ? [] : [oomFile];
      const answer = await connection.request('subscribe-container', [name, ...identity(init), ...oom]);
      if (!answer.ok) throw subscribeError(`container \`${name}\``, answer.strings);
      return { warnings: answer.strings };
    },
    async unsubscribeContainer(name) {
      const answer = await connection.request('unsubscribe-container', [name]);
      if (!answer.ok) throw subscribeError(`container \`${name}\``, answer.strings);
    },
    async watchTables(tables) {
      const answer = await connection.request('watch-tables', tables);
      if (!answer.ok) throw subscribeError('the legacy firewall', answer.strings);
    },
    ended: connection.ended,
    [Symbol.asyncDispose]: () => connection.close(),
  };
}

const ESRCH = 3;

function createError(name: string, { network }: LaunchSpec, failure: LaunchFailure): TsstackError {
  if (failure.stage !== 'network' || network?.kind !== 'join') return launchError('create', name, failure);
  const why = failure.errno === ESRCH ? `${failure.detail} is gone` : `setns failed with errno ${failure.errno}`;
  return new TsstackError(
    `cannot create container \`${name}\`: the network namespace of container \`${network.container}\` cannot be joined: ${why}`,
    { code: 'launch' },
  );
}

function identity(process: ProcessIdentity): readonly string[] {
  return [String(process.pid), String(process.startTime)];
}

function failureOf([stage = 'launcher', errno = '0', detail = '']: readonly string[]): { stage: string; errno: number; detail: string } {
  return { stage, errno: Number(errno), detail };
}

function subscribeError(what: string, strings: readonly string[]): TsstackError {
  const { errno, detail } = failureOf(strings);
  return new TsstackError(`cannot listen to kernel events of ${what}: ${detail} failed with errno ${errno}`, { code: 'kernel' });
}
