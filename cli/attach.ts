import type { ContainerListing, Engine } from '../engine/model/engine.ts';
import { TsstackError } from '../engine/model/errors.ts';
import type { EngineEvent, OnEvent } from '../engine/model/events.ts';
import type { CommandContext, LoadedStack } from './context.ts';
import { printLogs } from './log-printer.ts';
import { describeEvent, describeExit } from './progress/happenings.ts';
import { declaredContainers } from './services.ts';

export interface AttachOptions {
  /** Whose output to show. Undefined: everyone's. */
  readonly only: readonly string[] | undefined;
  /** ms since the epoch: output from then on. */
  readonly since: number;
  readonly prefix: boolean;
  readonly timestamps: boolean;
  /** Goes on beside it until the signal; then the stack isn't left though everything in it has ended. */
  readonly watch?: ((signal: AbortSignal) => Promise<void>) | undefined;
}

/**
 * Stays with a running stack: shows its output, restarts by policy, and stops it when interrupted or when nobody reads any more.
 * Resolves to the exit code when everything has ended.
 * @throws TsstackError `service-failed` if something ended badly for good.
 */
export async function attach(engine: Engine, stack: LoadedStack, context: CommandContext, options: AttachOptions): Promise<number> {
  const { terminal, interrupts } = context;
  const leave = AbortSignal.any([interrupts.signal, terminal.out.closed]);
  const ended = new AbortController();
  const completed = new Set(
    (await engine.ps()).filter(({ state, exit }) => state === 'stopped' && exit?.code === 0).map(({ name }) => name),
  );
  const onEvent = (event: EngineEvent) => {
    // That a job completed before is no news.
    if (event.type === 'container.exited' && event.code === 0 && completed.delete(event.container)) return;
    const line = describeEvent(event, terminal.err.color);
    if (line !== undefined) terminal.err.write(`${line}\n`);
  };
  const lines = engine.logs({ signal: ended.signal, follow: true, since: options.since, only: options.only });
  const containers = declaredContainers(stack.spec, options.only);
  const printing = printLogs(lines, { stream: terminal.out, containers, ...options, json: context.global.json });
  // A failure to show output doesn't end the stack: it is told when the stack has ended.
  const printed = printing.then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  try {
    // Together: watching that fails is told at once, not when the stack has ended.
    const stopped = engine.untilStopped({ signal: leave, onEvent, targets: options.only });
    const [listings] = await Promise.all([stopped, options.watch?.(leave)]);
    if (leave.aborted) await stop(engine, stack, { context, onEvent, services: options.only });
    else throwIfFailed(listings, stack);
  } finally {
    ended.abort();
    const failure = await printed;
    if (failure !== undefined) terminal.err.write(`note: the output could not be shown to its end: ${String(failure.error)}\n`);
  }
  return interrupts.exitCode() ?? 0;
}

interface Stopping {
  readonly context: CommandContext;
  readonly onEvent: OnEvent;
  readonly services: readonly string[] | undefined;
}

async function stop(engine: Engine, _stack: LoadedStack, { context, onEvent, services }: Stopping): Promise<void> {
  const { terminal, interrupts } = context;
  const hurry = interrupts.hurry();
  // A terminal has shown `^C` where the cursor was.
  if (terminal.err.isTTY) terminal.err.write('\n');
  terminal.err.write(`stopping${terminal.err.isTTY ? ' (Ctrl-C again to hurry)' : ''}\n`);
  await engine.stop({ signal: new AbortController().signal, onEvent, hurry, targets: services });
  terminal.err.write('stopped\n');
}

function throwIfFailed(listings: readonly ContainerListing[], stack: LoadedStack): void {
  const failed = listings.filter(({ state, exit }) => state !== 'running' && exit?.code !== 0);
  if (failed.length === 0) return;
  const ends = failed.map(({ name, exit }) => `\`${name}\` ${exit === undefined ? 'ended, nobody saw how' : describeExit(exit)}`);
  throw new TsstackError(`stack \`${stack.spec.name}\` has ended with failures: ${ends.join(', ')}`, { code: 'service-failed' });
}
