/** Hooks at points of a container's life: commands run in it, and functions of the stack file. */
import type { HookSpec, HostHookName } from '../../dsl/spec.ts';
import { readImageUsers } from '../image/users.ts';
import type { ContainerRecord, ContainerStatus } from '../model/container.ts';
import { TsstackError } from '../model/errors.ts';
import type { OnEvent } from '../model/events.ts';
import type { HookEvent, HostHook } from '../model/hooks.ts';
import { resolveUser, unknownUser } from '../plan/user.ts';
import { TIMED_OUT } from '../supervise/health.ts';
import { runInside } from './run-inside.ts';
import type { Session } from './session.ts';

export interface CommandHookOptions {
  readonly when: 'postStart' | 'preStop';
  /** Aborted: `postStart` rejects with its reason, `preStop` leaves out the rest. */
  readonly signal: AbortSignal;
  readonly onEvent: OnEvent;
  /** ms; of preStop, over the container's own stop grace period. */
  readonly graceMs?: number | undefined;
}

/**
 * Runs a container's hooks one after the other, each told as a `hook` event. The first of `postStart` that fails is thrown as `service-failed`.
 * `preStop` only ever delays the stop: it never throws, and is over when the grace period is.
 */
export async function runCommandHooks(
  session: Session,
  container: { readonly record: ContainerRecord; readonly status: ContainerStatus },
  options: CommandHookOptions,
): Promise<void> {
  const { record } = container;
  const hooks = record.hooks[options.when].map((spec, i): NamedHook => ({ name: `${options.when}[${i}]`, spec }));
  if (hooks.length === 0) return;
  if (options.when === 'postStart') return runPostStart(session, { ...container, hooks }, options);
  const { cut, over } = cutAt(options.graceMs ?? record.stopGracePeriodMs, options.signal);
  try {
    for (const hook of hooks) await runTold(session, { ...container, hook }, { signal: cut.signal, onEvent: options.onEvent });
  } finally {
    over();
  }
}

interface NamedHook {
  readonly name: string;
  readonly spec: HookSpec;
}
interface Running {
  readonly record: ContainerRecord;
  readonly status: ContainerStatus;
}

async function runPostStart(
  session: Session,
  { hooks, ...container }: Running & { readonly hooks: readonly NamedHook[] },
  { signal, onEvent }: CommandHookOptions,
): Promise<void> {
  const { name } = container.record;
  for (const hook of hooks) {
    signal.throwIfAborted();
    const error = await runTold(session, { ...container, hook }, { signal, onEvent });
    signal.throwIfAborted();
    if (error === undefined) continue;
    throw new TsstackError(`hook \`${hook.name}\` of container \`${name}\` failed: ${error}`, {
      code: 'service-failed',
      hint: `\`tsstack logs ${name}\` shows what the container said meanwhile`,
    });
  }
}

/** Why it failed; undefined: it didn't. */
async function runTold(
  session: Session,
  { hook, record, status }: Running & { readonly hook: NamedHook },
  { signal, onEvent }: Pick<CommandHookOptions, 'signal' | 'onEvent'>,
): Promise<string | undefined> {
  const startedAt = Date.now();
  const error = signal.aborted ? 'no time was left for it' : await whyItFailed(runHook(session, { hook, record, status }, signal));
  const at = Date.now();
  onEvent({ type: 'hook', at, container: record.name, hook: hook.name, durationMs: at - startedAt, error });
  return error;
}

/** Throws what makes it a failure. */
async function runHook(
  session: Session,
  { hook: { spec }, record, status: { init } }: Running & { readonly hook: NamedHook },
  signal: AbortSignal,
): Promise<void> {
  if (!init) throw new Error('the container does not run');
  const users = readImageUsers(record.launch.lowerdirs);
  const unknown = unknownUser(spec.user, users);
  if (unknown !== undefined) throw new Error(unknown);
  const { argv, environment, workingDir, timeoutMs } = spec;
  const user = spec.user === undefined ? undefined : resolveUser(spec.user, users);
  const { code, output } = await runInside(
    session,
    { record, init },
    { argv, environment, workingDir, user, timeoutMs, signal, onAbort: 'terminate' },
  );
  if (code === 0) return;
  const said = output.trim().split('\n').at(-1) ?? '';
  throw new Error(`${howItEnded(code, { cut: signal.aborted, timeoutMs })}${said === '' ? '' : `: ${said}`}`);
}

function howItEnded(code: number, { cut, timeoutMs }: { readonly cut: boolean; readonly timeoutMs: number }): string {
  if (cut) return 'it was cut off';
  return code === TIMED_OUT ? `it took longer than ${timeoutMs} ms` : `it exited with code ${code}`;
}

export interface HostHookOptions {
  readonly name: HostHookName;
  readonly timeoutMs: number;
  readonly onEvent: OnEvent;
}

/**
 * Calls a function of the stack file. Resolves when it is over or its time is: whatever it does is told as a `hook` event and changes nothing. (But
 * for a loop that never yields, which nothing in the same thread can end.)
 */
export async function callHostHook(
  hook: HostHook,
  event: Omit<HookEvent, 'signal' | 'log'>,
  { name, timeoutMs, onEvent }: HostHookOptions,
): Promise<void> {
  const { container } = event;
  const { cut, over } = cutAt(timeoutMs);
  const log = (text: string) => onEvent({ type: 'notice', at: Date.now(), message: `\`${name}\` of \`${container}\`: ${text}` });
  const startedAt = Date.now();
  // In a turn of its own: what it does at once must not delay, or throw into, whoever tells it. A promise that it gives back is
  // waited for; one that is late is still handled here, since the race has taken it.
  const called = Promise.resolve().then(() => hook({ ...event, signal: cut.signal, log }));
  const error = await whyItFailed(Promise.race([called, whenCut(cut.signal, `it took longer than ${timeoutMs} ms`)]));
  over();
  const at = Date.now();
  onEvent({ type: 'hook', at, container, hook: name, durationMs: at - startedAt, error });
}

function whenCut(signal: AbortSignal, message: string): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error(message)), { once: true });
  });
}

async function whyItFailed(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Aborted after so many ms, or when `signal` is. `over`: it is needed no more. */
function cutAt(ms: number, signal?: AbortSignal): { readonly cut: AbortController; readonly over: () => void } {
  const cut = new AbortController();
  const abort = () => cut.abort();
  const timer = setTimeout(abort, Math.min(ms, LONGEST_TIMER_MS));
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });
  const over = () => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  };
  return { cut, over };
}

/** Node takes a longer time for 1 ms (`setTimeout` in its documentation of timers). */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
