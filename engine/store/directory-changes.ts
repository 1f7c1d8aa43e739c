import { existsSync, type FSWatcher, watch } from 'node:fs';
import { TsstackError } from '../model/errors.ts';

/**
 * Names of files that changed in one directory, as inotify tells them (inotify(7)); nothing is polled. What changes between two calls of `next` is
 * kept, as a set of names, so a slow reader neither misses anything nor fills the memory.
 */
export class DirectoryChanges implements Disposable {
  readonly #directory: string;
  readonly #watcher: FSWatcher;
  readonly #signal: AbortSignal;
  #changed = new Set<string>();
  #ended = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;
  readonly #onAbort = () => this.#end();

  /** Starts watching at once. The signal ends it. */
  constructor(directory: string, signal: AbortSignal) {
    this.#directory = directory;
    this.#signal = signal;
    try {
      this.#watcher = watch(directory);
    } catch (error) {
      throw new TsstackError(`cannot follow the logs in \`${directory}\`: ${(error as Error).message}`, {
        code: 'not-found',
        cause: error,
      });
    }
    this.#watcher.on('change', (type, name) => this.#onChange(type, String(name)));
    this.#watcher.on('error', (error) => {
      this.#failure = error;
      this.#end();
    });
    if (signal.aborted) this.#end();
    else signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Waits until something has changed or it ended. `last`: it ended, by the signal or because the directory is gone. */
  async next(): Promise<{ readonly names: ReadonlySet<string>; readonly last: boolean }> {
    if (this.#changed.size === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#failure !== undefined) throw this.#failure;
    const names = this.#changed;
    this.#changed = new Set();
    return { names, last: this.#ended };
  }

  [Symbol.dispose](): void {
    this.#end();
    this.#watcher.close();
    this.#signal.removeEventListener('abort', this.#onAbort);
  }

  #onChange(type: string, name: string): void {
    this.#changed.add(name);
    // IN_DELETE_SELF comes as a rename under the directory's own name.
    if (type === 'rename' && !existsSync(this.#directory)) this.#ended = true;
    this.#wake?.();
  }

  #end(): void {
    this.#ended = true;
    this.#wake?.();
  }
}
