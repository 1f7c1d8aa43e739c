import type { CommandContext } from '../context.ts';
import { TICK_MS } from './follower.ts';
import type { WatchDoors } from './watch-session.ts';

/** Of paths, those that are in another state than when they were last asked for. */
export type NewStates = (paths: Iterable<string>) => readonly string[];

/**
 * One save may be told twice, with time between: by two watchers while one follows the other, or for the emptying of a file and its being
 * written. What was worked on with all of it isn't worked on again.
 */
export function createNewStates({ versionOf, changedAt }: WatchDoors, { now }: Pick<CommandContext, 'now'>): NewStates {
  const known = new Map<string, string>();
  return (paths) =>
    [...paths].filter((path) => {
      const version = versionOf(path);
      if (known.get(path) === version) return false;
      // The next change of what has changed just now may bear the same time.
      if (now() - (changedAt(path) ?? 0) > TICK_MS) known.set(path, version);
      else known.delete(path);
      return true;
    });
}
