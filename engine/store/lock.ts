/** A lock that dies with its holder: flock(2) on a file that names who has it. */
import fs from 'node:fs';
import { tryLock, waitLock, waitLockAside } from '../../native/ffi/lock.ts';

/** Released by dispose, or by the kernel when the process ends, however it ends. */
export class FileLock implements Disposable {
  readonly #path: string;
  #fd: number | undefined;

  private constructor(path: string, fd: number) {
    this.#path = path;
    this.#fd = fd;
  }

  /** Undefined: somebody else has it. */
  static tryAcquire(path: string, holder: string): FileLock | undefined {
    for (;;) {
      // O_CLOEXEC is Node's own default: a child must not keep the lock alive.
      const fd = fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o600);
      if (!tryLock(fd)) {
        fs.closeSync(fd);
        return undefined;
      }
      // The last holder removes the file: a lock on a removed one keeps nobody out.
      if (isSameFile(fd, path)) {
        fs.ftruncateSync(fd);
        fs.writeSync(fd, `${process.pid} ${holder}\n`, 0);
        return new FileLock(path, fd);
      }
      fs.closeSync(fd);
    }
  }

  /** Waits for whoever has it to end. */
  static async acquire(path: string, holder: string): Promise<FileLock> {
    for (;;) {
      const lock = FileLock.tryAcquire(path, holder);
      if (lock) return lock;
      // Not there any more: its holder is ending, and the next file is ours.
      const fd = unlessMissing(() => fs.openSync(path, 'r+'));
      if (fd === undefined) continue;
      await waitLockAside(fd);
      fs.closeSync(fd);
    }
  }

  /** Leaves the lock itself to the end of this process. */
  removeFile(): void {
    fs.rmSync(this.#path, { force: true });
  }

  [Symbol.dispose](): void {
    if (this.#fd === undefined) return;
    this.removeFile();
    fs.closeSync(this.#fd);
    this.#fd = undefined;
  }
}

/**
 * A lock on a directory, waited for: held for a few milliseconds at a time while something all stacks share is given out. It blocks
 * this thread, which has nothing better to do: whoever holds it is another process.
 */
export class DirectoryLock implements Disposable {
  #fd: number | undefined;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  static acquire(directory: string): DirectoryLock {
    const fd = fs.openSync(directory, fs.constants.O_RDONLY);
    waitLock(fd);
    return new DirectoryLock(fd);
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) fs.closeSync(this.#fd);
    this.#fd = undefined;
  }
}

function unlessMissing<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Who holds the lock, as far as that was written down. */
export function readHolder(path: string): { readonly pid: string; readonly holder: string } | undefined {
  const [, pid, holder] = /^(\d+) (.+)$/.exec(unlessMissing(() => fs.readFileSync(path, 'utf8'))?.trim() ?? '') ?? [];
  return pid === undefined || holder === undefined ? undefined : { pid, holder };
}

/** Whether what is open is still what bears the name: a lock on what was removed keeps nobody out. */
export function isSameFile(fd: number, path: string): boolean {
  const mine = fs.fstatSync(fd);
  const there = fs.statSync(path, { throwIfNoEntry: false });
  return there !== undefined && there.ino === mine.ino && there.dev === mine.dev;
}
