/** Who joins networks of a stack, and who takes them away: never both at a time. */
import fs from 'node:fs';
import { tryLock, tryLockShared } from '../../native/ffi/lock.ts';
import type { StackIdentity } from '../model/ids.ts';
import { isSameFile } from './lock.ts';
import { type HostPaths, stackPaths } from './paths.ts';

/**
 * flock(2) on the directory of the stack whose networks they are, so that it ends with its holder: shared by those who join until their
 * containers are there, which is what keeps a network from then on. INVARIANT: taken under the host's lock, and what is asked about that stack
 * is read afterwards.
 */
export class NetworkClaims implements Disposable {
  readonly #host: HostPaths;
  readonly #held = new Map<string, number>();

  constructor(host: HostPaths) {
    this.#host = host;
  }

  /** False: its networks are being taken away, or it has gone. */
  join(owner: Pick<StackIdentity, 'id'>): boolean {
    return this.#claim(owner, tryLockShared) === 'held';
  }

  /** Of one's own stack. False: others are just joining one of them. */
  remove(own: Pick<StackIdentity, 'id'>): boolean {
    return this.#claim(own, tryLock) !== 'refused';
  }

  [Symbol.dispose](): void {
    for (const fd of this.#held.values()) fs.closeSync(fd);
    this.#held.clear();
  }

  #claim(stack: Pick<StackIdentity, 'id'>, tryIt: (fd: number) => boolean): 'held' | 'refused' | 'gone' {
    if (this.#held.has(stack.id)) return 'held';
    const { directory } = stackPaths(this.#host, stack);
    for (;;) {
      const fd = openDirectory(directory);
      if (fd === undefined) return 'gone';
      const locked = tryIt(fd);
      if (locked && isSameFile(fd, directory)) {
        this.#held.set(stack.id, fd);
        return 'held';
      }
      fs.closeSync(fd);
      if (!locked) return 'refused';
    }
  }
}

function openDirectory(path: string): number | undefined {
  try {
    return fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
