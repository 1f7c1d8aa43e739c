import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { parseLogRecord } from '../codec/log-lines.ts';

/**
 * One open log file, read forward. Whatever its size, a chunk and one record are all that is in memory. The descriptor stays open until disposed,
 * so that a file that was rotated or unlinked meanwhile can still be read to its end, and its inode number isn't given to another.
 */
export class LogFile implements Disposable {
  readonly inode: bigint;
  readonly #fd: number;
  #offset = 0;
  /** Bytes of a record whose newline has not been written yet. */
  #carry: Buffer = Buffer.alloc(0);

  private constructor(fd: number, inode: bigint) {
    this.#fd = fd;
    this.inode = inode;
  }

  /** Undefined: there is no such file. */
  static open(path: string): LogFile | undefined {
    try {
      const fd = openSync(path, 'r');
      return new LogFile(fd, fstatSync(fd, { bigint: true }).ino);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** The records from where the last call ended to the end the file has now, without newlines. A file that shrank is read from its start. */
  *records(): Generator<Buffer> {
    const end = fstatSync(this.#fd).size;
    if (end < this.#offset) {
      this.#offset = 0;
      this.#carry = Buffer.alloc(0);
    }
    while (this.#offset < end) {
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK, end - this.#offset));
      const length = readSync(this.#fd, chunk, 0, chunk.length, this.#offset);
      if (length === 0) return;
      this.#offset += length;
      yield* this.#split(chunk.subarray(0, length));
    }
  }

  /** What stands after the last newline: a record torn by a full disk or a power cut. */
  torn(): Buffer | undefined {
    const rest = this.#carry;
    this.#carry = Buffer.alloc(0);
    return rest.length > 0 ? rest : undefined;
  }

  /**
   * Moves to the start of the last `count` lines, reading backwards from the end. Returns how many of them this file does not have.
   * A line is what ends with a full record; its partial records belong to it.
   */
  seekLast(count: number): number {
    const size = fstatSync(this.#fd).size;
    this.#carry = Buffer.alloc(0);
    this.#offset = size;
    if (count === 0) return 0;
    let missing = count;
    for (const start of this.#recordStartsBackwards(size)) {
      // The record before a full one ends the line before: with enough lines found, it is the one too many.
      if (!this.#isPartialAt(start) && missing-- === 0) return 0;
      this.#offset = start;
    }
    return missing;
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  *#split(chunk: Buffer): Generator<Buffer> {
    let from = 0;
    for (let newline = chunk.indexOf(NEWLINE); newline >= 0; newline = chunk.indexOf(NEWLINE, from)) {
      const piece = chunk.subarray(from, newline);
      from = newline + 1;
      const carry = this.#carry;
      this.#carry = Buffer.alloc(0);
      yield carry.length === 0 ? piece : Buffer.concat([carry, piece]);
    }
    // A copy: a slice would keep the whole chunk alive.
    if (from < chunk.length) this.#carry = Buffer.concat([this.#carry, chunk.subarray(from)]);
  }

  *#recordStartsBackwards(size: number): Generator<number> {
    const chunk = Buffer.allocUnsafe(CHUNK);
    for (let end = size; end > 0; ) {
      const from = Math.max(0, end - CHUNK);
      const length = readSync(this.#fd, chunk, 0, end - from, from);
      for (let at = chunk.subarray(0, length).lastIndexOf(NEWLINE); at >= 0; at = at === 0 ? -1 : chunk.lastIndexOf(NEWLINE, at - 1)) {
        if (from + at + 1 < size) yield from + at + 1;
      }
      end = from;
    }
    if (size > 0) yield 0;
  }

  #isPartialAt(offset: number): boolean {
    const head = Buffer.allocUnsafe(HEADER_MAX);
    const length = readSync(this.#fd, head, 0, HEADER_MAX, offset);
    return parseLogRecord(head.subarray(0, length))?.partial === true;
  }
}

/** Longer than a record's time, stream and tags. */
const HEADER_MAX = 64;
const CHUNK = 64 * 1024;
const NEWLINE = 0x0a;
