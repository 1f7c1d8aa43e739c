/** Follows the files of a stack that is up, and applies what changes: one thing after the other, never two at once. */
import { once } from 'node:events';
import { isCancellation } from '../cancellation.ts';
import { coalesce } from './coalesce.ts';
import { createFollower } from './follower.ts';
import { createNewStates } from './new-states.ts';
import { createReloader } from './reload.ts';
import { createRuleRunner } from './rules.ts';
import { tell } from './tell.ts';
import { REAL_DOORS, type WatchDoors, type WatchSession } from './watch-session.ts';

/** Editors write a file in two or three goes. */
const QUIET_MS = 20;
/** A build that writes for minutes is taken as it comes. */
const LONGEST_MS = 500;

/** Resolves when the signal has ended it and what was under way is done. What goes wrong is told, and watching goes on. */
export async function runWatch(session: WatchSession, doors: WatchDoors = REAL_DOORS): Promise<void> {
  const { context, signal } = session;
  let reloadIsDue = false;
  let changed = new Set<string>();

  const newStates = createNewStates(doors, context);
  const work = async () => {
    const [reloads, paths] = [reloadIsDue, changed];
    [reloadIsDue, changed] = [false, new Set()];
    try {
      const recreated = reloads ? await reloader.reload() : new Set<string>();
      await runner.perform(reloader.rules(), { paths: newStates(paths), recreated });
    } catch (error) {
      if (!(signal.aborted && isCancellation(error))) tell({ type: 'failed', error }, context);
    }
  };
  const coalescer = coalesce({ quietMs: QUIET_MS, longestMs: LONGEST_MS, timers: doors.timers, work });
  const follower = createFollower(doors, {
    onStackChange() {
      reloadIsDue = true;
      coalescer.poke();
    },
    onRuleChange(path) {
      changed.add(path);
      coalescer.poke();
    },
    onError: (error) => tell({ type: 'failed', error }, context),
  });
  const runner = createRuleRunner(session, doors.timers);
  const reloader = createReloader(session, doors, follower);
  try {
    await reloader.begin();
    if (!signal.aborted) await once(signal, 'abort');
  } finally {
    await coalescer[Symbol.asyncDispose]();
    await follower[Symbol.asyncDispose]();
  }
}
