import type { TsstackError } from '../../engine/model/errors.ts';
import { type Followed, type FollowedRule, followedOf } from './followed.ts';
import { watchError } from './limits.ts';
import type { WatchDoors } from './watch-session.ts';
import type { Watcher } from './watcher.ts';

export interface Follower extends AsyncDisposable {
  /**
   * Follows these from now on, instead of those before. Asked for what that is when its turn comes. Resolves when every later change is
   * seen.
   */
  follow(what: () => FollowWhat): Promise<Followed>;
}

export interface FollowWhat {
  readonly directory: string;
  readonly files: readonly string[];
  readonly rules: readonly FollowedRule[];
  /** ms since the epoch. Files that have changed after it are told, though it was before they were followed. */
  readonly since: number;
}

export interface FollowerEvents {
  /** A file of the stack has changed, come or gone. */
  readonly onStackChange: () => void;
  /** So has one that a rule is for. */
  readonly onRuleChange: (path: string) => void;
  /** Some of it can't be watched. Told once for each reason. */
  readonly onError: (error: TsstackError) => void;
}

/** Time stamps of files are as coarse as the kernel's ticks, of at most 10 ms (CONFIG_HZ=100; ktime_get_coarse_real_ts64). */
export const TICK_MS = 10;

export function createFollower({ openWatcher, host, changedAt }: WatchDoors, events: FollowerEvents): Follower {
  let current: { readonly followed: Followed; readonly watcher: Watcher } | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const told = new Set<string>();

  const onError = (error: unknown) => {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    if (told.has(reason)) return;
    told.add(reason);
    events.onError(watchError(error));
  };
  const change = async ({ directory, files, rules, since }: FollowWhat): Promise<Followed> => {
    const followed = followedOf({ directory, files, rules }, host);
    if (current?.followed.key === followed.key) return current.followed;
    const onChange = (path: string) => {
      if (followed.isOfStack(path)) events.onStackChange();
      if (followed.rulesFor(path).length > 0) events.onRuleChange(path);
    };
    const before = current;
    // The one before goes on until this one sees everything: what both see is one change.
    current = { followed, watcher: await openWatcher(followed, { onChange, onError }) };
    await before?.watcher[Symbol.asyncDispose]();
    if (followed.files.some((file) => (changedAt(file) ?? 0) >= since - TICK_MS)) events.onStackChange();
    return followed;
  };
  return {
    follow(what) {
      const turn = last.then(() => change(what()));
      last = turn.catch(() => undefined);
      return turn;
    },
    async [Symbol.asyncDispose]() {
      await last;
      await current?.watcher[Symbol.asyncDispose]();
      current = undefined;
    },
  };
}
