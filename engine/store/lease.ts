/**
 * What a running pull or start needs, before a record of an image or a container says so. A file that its holder keeps locked, so that a
 * lease ends with its process, however that dies.
 */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { tryLock } from '../../native/ffi/lock.ts';
import { DirectoryLock } from './lock.ts';
import type { StoreContext } from './store-context.ts';

export class Lease implements Disposable {
  readonly #context: StoreContext;
  readonly #path: string;
  #fd: number | undefined;

  /** Digests of blobs and diffIDs of layers: none of them is removed from now on. What is not there yet is meant, too. */
  constructor(context: StoreContext, digests: readonly string[]) {
    this.#context = context;
    this.#path = `${context.paths.leases}/${process.pid}-${randomBytes(6).toString('hex')}`;
    // Between its making and its being locked it would look like one whose holder is gone.
    using _lock = DirectoryLock.acquire(context.paths.directory);
    this.#fd = fs.openSync(this.#path, 'wx', 0o600);
    tryLock(this.#fd);
    fs.writeSync(this.#fd, lines(digests));
  }

  /** Once more. To be called before looking whether they are there. */
  hold(digests: readonly string[]): void {
    if (this.#fd === undefined) throw new Error('this lease has ended');
    using _lock = DirectoryLock.acquire(this.#context.paths.directory);
    fs.writeSync(this.#fd, lines(digests));
  }

  [Symbol.dispose](): void {
    if (this.#fd === undefined) return;
    fs.rmSync(this.#path, { force: true });
    fs.closeSync(this.#fd);
    this.#fd = undefined;
  }
}

/** What all leases together hold. To be called with the lock of the store's directory. Removes those whose holder is gone. */
export function leasedDigests({ paths }: StoreContext): Set<string> {
  const digests = new Set<string>();
  for (const name of fs.readdirSync(paths.leases)) {
    const path = `${paths.leases}/${name}`;
    const fd = openIfThere(path);
    if (fd === undefined) continue;
    if (tryLock(fd)) fs.rmSync(path, { force: true });
    else for (const digest of fs.readFileSync(fd, 'utf8').split('\n')) digests.add(digest);
    fs.closeSync(fd);
  }
  return digests;
}

function openIfThere(path: string): number | undefined {
  try {
    return fs.openSync(path, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function lines(digests: readonly string[]): string {
  return digests.map((digest) => `${digest}\n`).join('');
}
