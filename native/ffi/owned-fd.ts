import { closeSync, openSync } from 'node:fs';

/** A file descriptor that is closed exactly once, by whoever holds it. */
export class OwnedFd implements Disposable {
  #fd: number;

  /** Takes over `fd`. */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /** open(2) with O_CLOEXEC, which Node always adds. Throws Node's error. */
  static open(path: string, flags: number, mode?: number): OwnedFd {
    return new OwnedFd(openSync(path, flags, mode));
  }

  /** Throws after it was closed: the number may be another file's by then. */
  get fd(): number {
    if (this.#fd === -1) throw new Error('the file descriptor is closed');
    return this.#fd;
  }

  [Symbol.dispose](): void {
    if (this.#fd === -1) return;
    const fd = this.#fd;
    this.#fd = -1;
    closeSync(fd);
  }
}
