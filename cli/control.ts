import type { ContainerListing, Engine, TargetOptions } from '../engine/model/engine.ts';
import type { CommandContext } from './context.ts';
import { count, formatDuration } from './format.ts';
import { startProgress } from './progress/start.ts';
import { checkKnown, isNamed } from './targets.ts';
import { withRunningEngine } from './with-engine.ts';

export interface Control {
  /** `stop` */
  readonly verb: string;
  /** `stopped` */
  readonly done: string;
  readonly act: (engine: Engine, options: TargetOptions) => Promise<void>;
  /** Whether it was done to a container. */
  readonly changed: (before: ContainerListing, after: ContainerListing) => boolean;
}

/** Does something to containers that are there, and says to which. */
export function control(context: CommandContext, words: readonly string[], { verb, done, act, changed }: Control): Promise<number> {
  return withRunningEngine(context, async (engine, stack) => {
    const { terminal, interrupts, global } = context;
    const targets = await checkKnown(words, { engine, stack });
    const startedAt = context.now();
    const before = (await engine.ps()).filter((listing) => isNamed(listing, targets));
    const progress = startProgress(terminal, { verbose: false, env: context.env });
    await act(engine, { targets, signal: interrupts.signal, onEvent: progress.onEvent }).finally(() => progress.close());
    const after = new Map((await engine.ps()).map((listing) => [listing.name, listing]));
    const names = before.flatMap((listing) => {
      const now = after.get(listing.name);
      return now !== undefined && changed(listing, now) ? [listing.name] : [];
    });
    if (global.json) terminal.out.write(`${JSON.stringify({ stack: engine.identity.name, containers: names })}\n`);
    const took = formatDuration(context.now() - startedAt);
    terminal.err.write(names.length === 0 ? `nothing to ${verb}\n` : `${verb}: ${whom(names)} ${done} in ${took}\n`);
    return 0;
  });
}

/** By name, as long as that is short. */
function whom(names: readonly string[]): string {
  return names.length > 5 ? count(names.length, 'container') : names.join(', ');
}

/** It is another process than it was. */
export function isAnew(before: ContainerListing, after: ContainerListing): boolean {
  return after.state === 'running' && (before.state !== 'running' || before.startedAt !== after.startedAt || before.pid !== after.pid);
}
