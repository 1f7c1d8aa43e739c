/** What a test sees of a supervised stack: everything its supervisor tells, and who is at work for it. */
import { readdirSync, readFileSync } from 'node:fs';
import { type ControlConnection, connectControl } from '../../engine/control/client.ts';
import type { ContainerListing } from '../../engine/model/engine.ts';
import type { EngineEvent } from '../../engine/model/events.ts';
import type { Project } from './tsstack.ts';
import { until } from './until.ts';

export type EventOf<T extends EngineEvent['type']> = Extract<EngineEvent, { type: T }>;

/** Everything that happens from `listen` on. */
export interface Listening extends Disposable {
  /** Of the supervisor. */
  readonly pid: number;
  readonly events: readonly EngineEvent[];
  of<T extends EngineEvent['type']>(type: T): readonly EventOf<T>[];
  /** Forgets what it has heard. */
  clear(): void;
  /** Resolves with the first event of that type that is fit, also one that was heard before. */
  hears<T extends EngineEvent['type']>(type: T, fits?: (event: EventOf<T>) => boolean, timeoutMs?: number): Promise<EventOf<T>>;
}

/** Of the one stack of the project. Nothing that happens after it has resolved is missed. */
export async function listen(p: Pick<Project, 'runDirectory'>): Promise<Listening> {
  const connection = await until('there is a supervisor', () => connectTo(p), { holds: (found) => found !== undefined });
  if (!connection) throw new Error('no supervisor');
  const events: EngineEvent[] = [];
  const stream = connection.call('events', {}, { onEvent: (event) => events.push(event) });
  // Ends with the stack, or with the connection.
  stream.catch(() => undefined);
  // Answered after the call before it was taken up: one connection's calls are taken up in their order.
  const { pid } = await connection.call('hello', {});
  const of = <T extends EngineEvent['type']>(type: T) => events.filter((event): event is EventOf<T> => event.type === type);
  return {
    pid,
    events,
    of,
    clear: () => events.splice(0),
    hears: async (type, fits = () => true, timeoutMs = 10_000) => {
      const found = await until(`\`${type}\` is told, of ${events.length} events`, () => of(type).find(fits), { timeoutMs }).catch(
        (error) => {
          throw new Error(`${String(error)}\nheard:\n${events.map(told).join('\n')}`);
        },
      );
      if (!found) throw new Error(`no \`${type}\``);
      return found;
    },
    [Symbol.dispose]: () => connection[Symbol.dispose](),
  };
}

async function connectTo({ runDirectory }: Pick<Project, 'runDirectory'>): Promise<ControlConnection | undefined> {
  const [socket] = readdirSync(runDirectory).filter((name) => name.endsWith('.sock'));
  return socket === undefined ? undefined : connectControl(`${runDirectory}/${socket}`);
}

/** One line, for a failure's message. */
function told(event: EngineEvent): string {
  if (event.type === 'planned')
    return `planned ${event.plan.steps.map(({ id, resource, cause }) => `#${id} ${resource} (${cause})`).join('; ')}`;
  if ('step' in event) return `${event.type} ${event.step.resource} ${event.type === 'step.failed' ? event.error.message : ''}`;
  return JSON.stringify(event);
}

/** From the supervisor itself; without one, by way of the command that starts another. */
export async function listingsOf(p: Pick<Project, 'runDirectory' | 'ps'>): Promise<readonly ContainerListing[]> {
  using connection = await connectTo(p);
  // Awaited here: the connection ends with this function.
  return connection === undefined ? await p.ps() : await connection.call('ps', {});
}

export async function supervisorPid(p: Pick<Project, 'runDirectory'>): Promise<number> {
  using listening = await listen(p);
  return listening.pid;
}

/** Kills the supervisor and waits until it is gone. Resolves to the pid it had. */
export async function killSupervisor(p: Pick<Project, 'runDirectory'>): Promise<number> {
  const pid = await supervisorPid(p);
  process.kill(pid, 'SIGKILL');
  await until('the supervisor is gone', () => commandLine(pid).length === 0);
  return pid;
}

/** Those this supervisor has started. */
export function launchersOf(supervisor: number): readonly number[] {
  return processes().filter((pid) => {
    const [binary = '', mode] = commandLine(pid);
    return binary.endsWith('tsstack-launcher') && mode === 'serve' && parentOf(pid) === supervisor;
  });
}

/** Parent of a container's init. */
export function monitorOf(init: number | undefined): number {
  if (init === undefined) throw new Error('it does not run');
  return parentOf(init);
}

/** Those that a failpoint has stopped. */
export function suspended(): readonly number[] {
  return processes().filter((pid) => statOf(pid)[0] === 'T');
}

function parentOf(pid: number): number {
  return Number(statOf(pid)[1]);
}

/** proc_pid_stat(5), from (3) on: state, ppid, … */
function statOf(pid: number): readonly string[] {
  const stat = read(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** In this fake host's own process namespace. */
function processes(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function commandLine(pid: number): string[] {
  const text = read(`/proc/${pid}/cmdline`);
  return text === '' ? [] : text.split('\0');
}

/** Nothing of one that ended in between. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
