/** A lock that dies with its holder: flock(2) on a file that names who has it. */
import fs from 'node:fs';
import { tryLock, waitLock, waitLockAside } from '../../native/ffi/lock.ts';
import { TsstackError } from '../model/errors.ts';

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
      const fd = fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o600);
      await waitLockAside(fd);
      fs.closeSync(fd);
    }
  }

  /** Leaves the lock itself to the end of this process. */
  removeFile(): void {
    fs.unlinkSync(this.#path);
  }

  [Symbol.dispose](): void {
    if (this.#fd === undefined) return;
    fs.unlinkSync(this.#path);
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

/** Throws `locked` with who holds it. */
export function acquireStackLock(path: string, stackName: string, command: string): FileLock {
  const lock = FileLock.tryAcquire(path, command);
  if (lock) return lock;
  const [pid, holder] = readHolder(path);
  throw new TsstackError(`cannot run \`${command}\` on stack \`${stackName}\`: \`${holder}\` (pid ${pid}) is working on it`, {
    code: 'locked',
    hint: 'wait until it has finished, then try again',
  });
}

function readHolder(path: string): [pid: string, holder: string] {
  try {
    const [pid = '?', ...holder] = fs.readFileSync(path, 'utf8').trim().split(' ');
    return [pid, holder.join(' ') || 'another command'];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ['?', 'another command'];
    throw error;
  }
}

function isSameFile(fd: number, path: string): boolean {
  const mine = fs.fstatSync(fd);
  const there = fs.statSync(path, { throwIfNoEntry: false });
  return there !== undefined && there.ino === mine.ino && there.dev === mine.dev;
}
