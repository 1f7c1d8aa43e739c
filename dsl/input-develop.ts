import type { HookCommand } from './input-hooks.ts';

/** Only `tsstack watch` looks at it: nothing here changes a running container. */
export interface DevelopInput {
  /** Each rule whose `path` has a change is applied. */
  readonly watch?: readonly WatchRuleInput[];
}

export type WatchRuleInput =
  /** Copies what has changed into the running containers. */
  | (WatchedPath & { readonly action: 'sync'; readonly target: string })
  | (WatchedPath & { readonly action: 'restart' })
  /** Copies, then restarts. */
  | (WatchedPath & { readonly action: 'sync+restart'; readonly target: string })
  /** Copies, then runs a command in each container. */
  | (WatchedPath & { readonly action: 'sync+exec'; readonly target: string; readonly exec: HookCommand });

interface WatchedPath {
  /** File or directory on the host, relative to the stack file. */
  readonly path: string;
  /** Globs relative to `path` that are left out. */
  readonly ignore?: readonly string[];
}
