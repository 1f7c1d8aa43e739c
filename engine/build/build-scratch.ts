/** Directories of one build. They end with it, however it ends: what a killed one leaves is removed by the next. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import type { ImageStore } from '../image/image-store.ts';
import { removeDeep } from '../store/launcher-runs.ts';
import { ObjectLock } from '../store/object-lock.ts';

export interface ScratchOptions {
  readonly store: ImageStore;
  /** In memory, for what must not be written to a disk. */
  readonly volatileDirectory: string;
}

export class BuildScratch implements AsyncDisposable {
  readonly #options: ScratchOptions;
  readonly #lock: ObjectLock;
  readonly #directory: string;
  readonly #volatile: string;
  #count = 0;

  private constructor(options: ScratchOptions, name: string, lock: ObjectLock) {
    this.#options = options;
    this.#lock = lock;
    this.#directory = `${options.store.context.paths.scratch}/${name}`;
    this.#volatile = `${options.volatileDirectory}/${VOLATILE}${name}`;
  }

  static async open(options: ScratchOptions): Promise<BuildScratch> {
    await removeLeftovers(options);
    const name = `build-${randomBytes(8).toString('hex')}`;
    const lock = ObjectLock.tryAcquire(`${options.store.context.paths.locks}/scratch-${name}`);
    if (lock === undefined) throw new Error(`${name} is taken`);
    const scratch = new BuildScratch(options, name, lock);
    fs.mkdirSync(scratch.#directory, { mode: 0o700 });
    return scratch;
  }

  /** A new one, empty, on the file system of the layers. Its mode is 0755. */
  directory(): string {
    return makeDirectory(`${this.#directory}/${++this.#count}`, 0o755);
  }

  /** A new path in memory. Nobody but root reads it. */
  volatileFile(): string {
    fs.mkdirSync(this.#volatile, { recursive: true, mode: 0o700 });
    return `${this.#volatile}/${++this.#count}`;
  }

  /** Of the lock that says that they are in use: for children that work in them. */
  get lockFd(): number {
    return this.#lock.fd;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    fs.rmSync(this.#volatile, { recursive: true, force: true });
    await removeDeep(this.#options.store.context.launcherBinary, this.#directory);
    this.#lock[Symbol.dispose]();
  }
}

const VOLATILE = 'secrets-';

async function removeLeftovers({ store, volatileDirectory }: ScratchOptions): Promise<void> {
  const { paths, launcherBinary } = store.context;
  const names = new Set(fs.readdirSync(paths.scratch).filter((name) => name.startsWith('build-')));
  for (const name of fs.readdirSync(volatileDirectory)) if (name.startsWith(VOLATILE)) names.add(name.slice(VOLATILE.length));
  for (const name of names) {
    using lock = ObjectLock.tryAcquire(`${paths.locks}/scratch-${name}`);
    if (lock === undefined) continue;
    fs.rmSync(`${volatileDirectory}/${VOLATILE}${name}`, { recursive: true, force: true });
    await removeDeep(launcherBinary, `${paths.scratch}/${name}`);
  }
}

/** The mode is as given, whatever the umask. */
function makeDirectory(path: string, mode: number): string {
  fs.mkdirSync(path);
  fs.chmodSync(path, mode);
  return path;
}
