/** The life of a supervisor's process: takes the stack's lock, answers on its socket, ends when there is nothing left to do. */
import fs from 'node:fs';
import type net from 'node:net';
import { dirname } from 'node:path';
import type { Nothing } from '../control/calls.ts';
import { connectControl } from '../control/client.ts';
import { type CallContext, type ControlServer, type Handlers, LeftUnanswered, listenControl } from '../control/server.ts';
import { encodePlan } from '../control/wire.ts';
import type { ContainerListing } from '../model/engine.ts';
import type { OnEvent } from '../model/events.ts';
import { FileLock } from '../store/lock.ts';
import type { StackPaths } from '../store/paths.ts';
import { heal, setFault } from './faults.ts';
import { IdleCollection } from './idle-collection.ts';
import { Supervisor, type SupervisorOptions } from './supervisor.ts';
import { kill, pause, restart, start, stop, unpause } from './supervisor-control.ts';
import { down, up } from './supervisor-up.ts';
import { resolveTargets } from './targets.ts';

export interface SupervisorProcessOptions extends Omit<SupervisorOptions, 'onSettled'> {
  /** The connection of who started it, which is served first. */
  readonly connection: net.Socket;
}

/** Resolves when the supervisor has ended. Everything that runs goes on. */
export async function runSupervisorProcess({ connection, ...options }: SupervisorProcessOptions): Promise<void> {
  const { paths } = options.session;
  const lock = await lockOrEnd(paths);
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  let server: ControlServer | undefined;
  const considerEnd = (): void => {
    if (!server || !supervisor.hasNothingToDo) return;
    // Who is connected may be about to ask for something; of one that has taken the stack down nothing more is to be had.
    if (server.connections === 0 || supervisor.takenDown) end();
  };
  using garbage = new IdleCollection();
  const onSettled = (): void => {
    garbage.postpone();
    considerEnd();
  };
  await using supervisor = new Supervisor({ ...options, onSettled });
  await supervisor.renewDesired();
  server = await listenControl(paths.socket, handlersOf(supervisor, end), considerEnd);
  supervisor.adopt();
  // What follows the command that has brought it may ask for names.
  await supervisor.names.listen();
  server.serve(connection);
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(name, end);
  await ended;
  // One that was asked to leave while something runs has a successor, with whichever command comes next.
  supervisor.save(supervisor.hasNothingToDo);
  supervisor.leave();
  // Nobody finds it any more.
  fs.rmSync(paths.socket, { force: true });
  await server.close();
  removeEmptyLog(paths.supervisorLog);
  // The lock is the kernel's to let go, when this process has ended: that is what the next one waits for. With its file gone before, it would not.
  process.once('exit', () => lock.removeFile());
}

function removeEmptyLog(log: string): void {
  if (fs.statSync(log, { throwIfNoEntry: false })?.size === 0) fs.unlinkSync(log);
}

/**
 * Ends this process if another supervisor answers on the socket, which the asker may have missed because it was just starting: the asker
 * finds the connection closed and tries the socket again. While somebody else works on the stack without a supervisor, or one is just
 * ending, it waits.
 */
async function lockOrEnd(paths: StackPaths): Promise<FileLock> {
  fs.mkdirSync(dirname(paths.lock), { recursive: true, mode: 0o711 });
  const lock = FileLock.tryAcquire(paths.lock, HOLDER);
  if (lock) return lock;
  const leave = new AbortController();
  const answered = untilAnswered(paths.socket, leave.signal);
  const first = await Promise.race([FileLock.acquire(paths.lock, HOLDER), answered]);
  leave.abort();
  // A thread waits for the lock, which nobody can call back and exit(3) would wait for, for as long as the other supervisor lives.
  if (!first) process.kill(process.pid, 'SIGKILL');
  return first ?? new Promise<never>(() => undefined);
}

const HOLDER = 'supervisor';

/** Resolves when somebody listens at `path`. */
async function untilAnswered(path: string, signal: AbortSignal): Promise<undefined> {
  const changes = fs.promises.watch(dirname(path), { signal });
  try {
    if (await answers(path)) return;
    for await (const _ of changes) if (await answers(path)) return;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function answers(path: string): Promise<boolean> {
  using connection = await connectControl(path);
  return connection !== undefined;
}

function handlersOf(supervisor: Supervisor, end: () => void): Handlers {
  return {
    hello: async () => ({ pid: process.pid, build: supervisor.build }),
    up: (params, context) => up(supervisor, params, context),
    down: async (params, context) => {
      const result = await down(supervisor, params, context);
      // Now, before anybody else can ask for something: who asked for this waits until the process has ended.
      if (!result.goesOn) end();
      return { ...result, plan: encodePlan(result.plan) };
    },
    stop: (params, context) => stop(supervisor, params, context).then(nothing),
    start: (params, context) => start(supervisor, params, context).then(nothing),
    restart: (params, context) => restart(supervisor, params, context).then(nothing),
    kill: (params, context) => kill(supervisor, params, context).then(nothing),
    pause: (params, context) => pause(supervisor, params, context).then(nothing),
    unpause: (params, context) => unpause(supervisor, params, context).then(nothing),
    setFault: (params, context) => setFault(supervisor, params, context).then(nothing),
    heal: (params, context) => heal(supervisor, params, context).then(nothing),
    ps: async () => supervisor.list(),
    events: async (_, context) => {
      await listening(supervisor, context, aborted);
      return {};
    },
    untilStopped: ({ targets }, context) =>
      listening(supervisor, { ...context, onEvent: withoutImages(context.onEvent) }, async (signal) => {
        const stack = supervisor.session.stack.name;
        tellEnds(resolveTargets(supervisor.list(), targets, { stack }), context.onEvent);
        // Those that there are by then: some may be gone, and others have come.
        const chosen = () => resolveTargets(supervisor.list(), targets, { stack, ignoreUnknown: true });
        await supervisor.until(() => chosen().every(({ name }) => supervisor.isOver(name)), signal);
        return chosen();
      }),
    retire: async () => {
      setImmediate(end);
      return {};
    },
  };
}

/** What happens is told to the asker while `work` goes on. Without an answer, if it is only this supervisor that ends: it asks the next one. */
async function listening<T>(supervisor: Supervisor, context: CallContext, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const over = new AbortController();
  supervisor.listen(context.onEvent, over.signal);
  try {
    const result = await work(AbortSignal.any([context.signal, context.gone, supervisor.over]));
    if (supervisor.over.aborted && !supervisor.takenDown && !context.signal.aborted) throw new LeftUnanswered();
    return result;
  } finally {
    over.abort();
  }
}

/** Who waits for containers and, beside that, brings the stack up again (`up --watch`) is told of pulls and builds by what does that. */
function withoutImages(onEvent: OnEvent): OnEvent {
  return (event) => {
    if (!event.type.startsWith('pull.') && !event.type.startsWith('build.')) onEvent(event);
  };
}

/** What ended before somebody listened is told to them all the same. */
function tellEnds(listings: readonly ContainerListing[], onEvent: OnEvent): void {
  for (const { name, state, exit } of listings) {
    if (state === 'stopped' && exit) onEvent({ type: 'container.exited', at: Date.now(), container: name, ...exit });
  }
}

function nothing(): Nothing {
  return {};
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
