/** Files of the host that go into running containers while they are edited. */

/** What shall be at a place in a container. Replaces what is there. */
export type SyncChange =
  /** Content is read from `source` when it is sent. `mode`: permission bits. */
  | { readonly kind: 'file'; readonly target: string; readonly source: string; readonly mode: number }
  /** One that is there stays, with what is in it. */
  | { readonly kind: 'directory'; readonly target: string; readonly mode: number }
  | { readonly kind: 'symlink'; readonly target: string; readonly to: string }
  /** With all below it. */
  | { readonly kind: 'remove'; readonly target: string };

export interface SyncOptions {
  readonly service: string;
  /** In this order; a directory before what is in it. Targets are absolute paths in the container. */
  readonly changes: readonly SyncChange[];
  readonly signal: AbortSignal;
}
