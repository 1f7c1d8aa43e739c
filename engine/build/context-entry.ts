/** What of a build context was selected. */
export interface ContextEntry {
  /** Relative to the context. */
  readonly path: string;
  /** The path that the pattern selected: this one, or a directory above it. '' is the context itself. */
  readonly root: string;
  readonly type: 'file' | 'directory' | 'symlink';
  /** Permission bits. */
  readonly mode: number;
  /** Bytes; of directories 0. */
  readonly size: number;
  /** Of symlinks. */
  readonly linkTarget: string | undefined;
  /** Absolute path to read it from. A selected symlink is followed, so that this can be another than `path` says. */
  readonly source: string;
}
