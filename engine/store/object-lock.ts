/** One process at a time makes a blob or a layer. Lasts as long as its holder and the children it gave the descriptor to. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { tryLock } from '../../native/ffi/lock.ts';

export class ObjectLock implements Disposable {
  readonly #path: string;
  /** Of the lock. A child that has it, too, keeps the lock until it ends. */
  readonly fd: number;
  #open = true;

  private constructor(path: string, fd: number) {
    this.#path = path;
    this.fd = fd;
  }

  /** Undefined: somebody has it, in this process or another. */
  static tryAcquire(path: string): ObjectLock | undefined {
    for (;;) {
      const fd = openLockFile(path);
      if (!tryLock(fd)) {
        fs.closeSync(fd);
        return undefined;
      }
      if (isStillThere(fd, path)) return new ObjectLock(path, fd);
      fs.closeSync(fd);
    }
  }

  /** Waits for it. Rejects with the signal's reason. */
  static async acquire(path: string, { launcherBinary, signal }: { launcherBinary: string; signal: AbortSignal }): Promise<ObjectLock> {
    for (;;) {
      signal.throwIfAborted();
      const lock = ObjectLock.tryAcquire(path);
      if (lock !== undefined) return lock;
      const fd = openLockFile(path);
      try {
        // It waits in a process of its own: in a pool thread it could not be called off, and four of them would stop this process.
        await ended(spawn(launcherBinary, ['wait-lock'], { stdio: ['ignore', 'ignore', 'ignore', fd], signal }), signal);
      } finally {
        fs.closeSync(fd);
      }
    }
  }

  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    fs.rmSync(this.#path, { force: true });
    fs.closeSync(this.fd);
  }
}

function openLockFile(path: string): number {
  return fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o600);
}

/** The last holder removes the file: a lock on a removed one keeps nobody out. */
function isStillThere(fd: number, path: string): boolean {
  const there = fs.statSync(path, { throwIfNoEntry: false });
  const mine = fs.fstatSync(fd);
  return there !== undefined && there.ino === mine.ino && there.dev === mine.dev;
}

async function ended(child: ChildProcess, signal: AbortSignal): Promise<void> {
  try {
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code !== 0) throw new Error(`waiting for a lock failed with exit code ${code}`);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}
