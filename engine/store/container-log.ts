import { join } from 'node:path';
import { closeLines, type JoinedLine, joinRecord, noOpenLines, parseLogRecord } from '../codec/log-lines.ts';
import type { LogLine } from '../model/engine.ts';
import type { ContainerName } from '../model/ids.ts';
import { LogFile } from './log-file.ts';

/**
 * The log of one container: `<name>.log`, and `<name>.log.1` which it was before it was rotated.
 * INVARIANT: both files stay open from when they were first read, so an inode number that was seen is not reused, and
 * "another inode" means "another file".
 */
export class ContainerLog implements Disposable {
  readonly container: ContainerName;
  readonly #path: string;
  #current: LogFile | undefined;
  #rotated: LogFile | undefined;
  readonly #open = noOpenLines();
  #lastTime = EPOCH;

  constructor(directory: string, container: ContainerName) {
    this.container = container;
    this.#path = join(directory, `${container}.log`);
  }

  /** All that is there, or its last `tail` lines. */
  *backlog(tail: number | undefined): Generator<LogLine> {
    this.#rotated = LogFile.open(`${this.#path}.1`);
    this.#current = LogFile.open(this.#path);
    // Rotated between the two calls: the file behind both names is one.
    if (this.#rotated?.inode === this.#current?.inode) this.#drop('rotated');
    if (tail !== undefined) {
      const missing = this.#current?.seekLast(tail) ?? tail;
      this.#rotated?.seekLast(missing);
    }
    yield* this.#finish(this.#rotated);
    yield* this.#read(this.#current);
  }

  /** What was written since the last call, through rotations. */
  *news(): Generator<LogLine> {
    // The names are looked up before the read: a file that is no longer called `.log` gets no more lines, so reading it now reads all.
    const next = LogFile.open(this.#path);
    if (next?.inode === this.#current?.inode) {
      next?.[Symbol.dispose]();
      yield* this.#read(this.#current);
      return;
    }
    const between = LogFile.open(`${this.#path}.1`);
    yield* this.#finish(this.#current);
    if (between !== undefined && between.inode === this.#current?.inode) {
      between[Symbol.dispose]();
      this.#drop('rotated');
      this.#rotated = this.#current;
    } else if (between !== undefined && between.inode === this.#rotated?.inode) {
      // Unlinked and made anew beside an old `.log.1`, which was read.
      between[Symbol.dispose]();
      this.#drop('current');
    } else {
      this.#drop('rotated');
      this.#drop('current');
      // Rotated twice since the last call: a whole file went by. (Or it is `next`, rotated since we opened it.)
      if (between?.inode !== next?.inode) yield* this.#finish(between);
      this.#rotated = between;
    }
    this.#current = next;
    yield* this.#read(next);
  }

  /** Lines that have no end yet, when no more will come. */
  *rest(): Generator<LogLine> {
    yield* this.#finish(this.#current);
    for (const line of closeLines(this.#open)) yield this.#line(line);
  }

  [Symbol.dispose](): void {
    this.#drop('rotated');
    this.#drop('current');
  }

  *#read(file: LogFile | undefined): Generator<LogLine> {
    if (file === undefined) return;
    for (const record of file.records()) yield* this.#record(record);
  }

  /** Of a file that gets no more. */
  *#finish(file: LogFile | undefined): Generator<LogLine> {
    yield* this.#read(file);
    const torn = file?.torn();
    if (torn !== undefined) yield* this.#record(torn);
  }

  *#record(bytes: Uint8Array): Generator<LogLine> {
    const record = parseLogRecord(bytes);
    if (record === undefined) {
      // Torn by a full disk or a power cut. Shown as it stands: what a program said last is often what matters.
      yield { container: this.container, stream: 'stderr', time: this.#lastTime, text: Buffer.from(bytes).toString('utf8') };
      return;
    }
    const line = joinRecord(this.#open, record);
    if (line !== undefined) yield this.#line(line);
  }

  #line(line: JoinedLine): LogLine {
    this.#lastTime = line.time;
    return { container: this.container, ...line };
  }

  #drop(which: 'current' | 'rotated'): void {
    if (which === 'current') {
      this.#current?.[Symbol.dispose]();
      this.#current = undefined;
    } else {
      this.#rotated?.[Symbol.dispose]();
      this.#rotated = undefined;
    }
  }
}

const EPOCH = '1970-01-01T00:00:00.000000000Z';
