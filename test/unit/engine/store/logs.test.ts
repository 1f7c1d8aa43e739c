import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LogLine } from '../../../../engine/model/engine.ts';
import { type ReadLogsOptions, readLogs } from '../../../../engine/store/logs.ts';

let directory: string;
let abort: AbortController;
let clock: number;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tsstack-logs-'));
  abort = new AbortController();
  clock = 0;
});
afterEach(() => {
  abort.abort();
  rmSync(directory, { recursive: true, force: true });
});

/** A record with a time later than all before. */
function record(text: string, { stream = 'stdout', tag = 'F', at = clock++ } = {}): string {
  return `2026-11-22T20:00:00.${String(at).padStart(9, '0')}Z ${stream} ${tag} ${text}\n`;
}
const write = (file: string, ...records: string[]) => appendFileSync(join(directory, file), records.join(''));
const read = (options: Partial<ReadLogsOptions> = {}) => readLogs({ directory, follow: false, signal: abort.signal, ...options });
const follow = (options: Partial<ReadLogsOptions> = {}) => read({ follow: true, ...options });

async function texts(lines: AsyncIterable<LogLine>): Promise<string[]> {
  const result: string[] = [];
  for await (const line of lines) result.push(line.text);
  return result;
}
async function next(lines: AsyncIterator<LogLine>): Promise<string | undefined> {
  const result = await lines.next();
  return result.done === true ? undefined : result.value.text;
}

describe('what was written', () => {
  test('by several containers comes in order of time', async () => {
    write('web-1.log', record('a', { at: 1 }), record('d', { at: 4 }));
    write('api-1.log', record('b', { at: 2, stream: 'stderr' }), record('c', { at: 3 }));
    const lines: LogLine[] = [];
    for await (const line of read()) lines.push(line);
    expect(lines.map((line) => `${line.container} ${line.stream} ${line.text}`)).toEqual([
      'web-1 stdout a',
      'api-1 stderr b',
      'api-1 stdout c',
      'web-1 stdout d',
    ]);
  });

  test('before a rotation comes first', async () => {
    write('web-1.log.1', record('old'), record('half ', { tag: 'P' }));
    write('web-1.log', record('line'), record('new'));
    expect(await texts(read())).toEqual(['old', 'half line', 'new']);
  });

  test.each([
    [['web'], ['w1', 'w2']],
    [['web-2'], ['w2']],
    [
      ['web-2', 'web-admin'],
      ['w2', 'admin'],
    ],
    [['nobody'], []],
  ])('by %j is given alone', async (only, expected) => {
    write('web-1.log', record('w1'));
    write('web-2.log', record('w2'));
    write('web-admin-1.log', record('admin'));
    expect(await texts(read({ only }))).toEqual(expected);
  });

  test('since a moment is given alone', async () => {
    write('web-1.log', record('a', { at: 999_999 }), record('b', { at: 1_000_000 }), record('c'));
    expect(await texts(read({ since: Date.UTC(2026, 10, 22, 20, 0, 0, 1) }))).toEqual(['b']);
  });

  test('without an end, or torn, is not lost', async () => {
    write('web-1.log', record('whole'), record('no end', { tag: 'P' }), '2026-11-22T20:00');
    expect(await texts(read())).toEqual(['whole', '2026-11-22T20:00', 'no end']);
  });

  test('nothing is nothing', async () => {
    expect(await texts(read({ directory: join(directory, 'absent') }))).toEqual([]);
    write('web-1.log', '');
    expect(await texts(read({ tail: 3 }))).toEqual([]);
  });
});

describe('the tail', () => {
  test.each([
    [0, []],
    [1, ['5']],
    [3, ['3', '4', '5']],
    [5, ['1', '2', '3', '4', '5']],
    [99, ['1', '2', '3', '4', '5']],
  ])('of %i lines goes back through a rotation', async (tail, expected) => {
    write('web-1.log.1', record('1'), record('2'));
    write('web-1.log', record('3'), record('4'), record('5'));
    expect(await texts(read({ tail }))).toEqual(expected);
  });

  test('counts lines, not their parts', async () => {
    write('web-1.log', record('1'), record('2', { tag: 'P' }), record('2', { tag: 'P' }), record('2'), record('3'));
    expect(await texts(read({ tail: 2 }))).toEqual(['222', '3']);
  });

  test('is of each container', async () => {
    write('web-1.log', record('w1'), record('w2'));
    write('api-1.log', record('a1'), record('a2'));
    expect(await texts(read({ tail: 1 }))).toEqual(['w2', 'a2']);
  });

  test.each([1, 700, 1999, 2000, 2001])('of %i is right across the chunks a file is read in', async (tail) => {
    const records = Array.from({ length: 2000 }, (_, i) => record(`${i} ${'x'.repeat(i % 97)}`));
    write('web-1.log', ...records);
    const lines = await texts(read({ tail }));
    expect(lines.map((line) => Number.parseInt(line, 10))).toEqual(Array.from({ length: 2000 }, (_, i) => i).slice(-tail));
  });
});

describe('following', () => {
  test('gives what is appended, and what new containers write', async () => {
    write('web-1.log', record('1'));
    const lines = follow();
    expect(await next(lines)).toBe('1');
    write('web-1.log', record('2'));
    expect(await next(lines)).toBe('2');
    write('api-1.log', record('3'));
    expect(await next(lines)).toBe('3');
  });

  test('waits for the newline of a record', async () => {
    write('web-1.log', record('1'));
    const lines = follow();
    expect(await next(lines)).toBe('1');
    const whole = record('in two writes');
    write('web-1.log', whole.slice(0, 40));
    const pending = next(lines);
    write('web-1.log', whole.slice(40));
    expect(await pending).toBe('in two writes');
  });

  test('goes through a rotation and loses nothing', async () => {
    write('web-1.log', record('1'));
    const lines = follow();
    expect(await next(lines)).toBe('1');
    write('web-1.log', record('2'));
    renameSync(join(directory, 'web-1.log'), join(directory, 'web-1.log.1'));
    write('web-1.log', record('3'));
    expect([await next(lines), await next(lines)]).toEqual(['2', '3']);
    write('web-1.log', record('4'));
    expect(await next(lines)).toBe('4');
  });

  test('goes through two rotations in a row', async () => {
    write('web-1.log', record('1'));
    const lines = follow();
    expect(await next(lines)).toBe('1');
    for (const text of ['2', '3']) {
      write('web-1.log', record(text));
      renameSync(join(directory, 'web-1.log'), join(directory, 'web-1.log.1'));
    }
    write('web-1.log', record('4'));
    expect([await next(lines), await next(lines), await next(lines)]).toEqual(['2', '3', '4']);
  });

  test('reads a truncated file from its start', async () => {
    write('web-1.log', record('a longer line than the next'));
    const lines = follow();
    await next(lines);
    truncateSync(join(directory, 'web-1.log'));
    write('web-1.log', record('2'));
    expect(await next(lines)).toBe('2');
  });

  test('does not repeat an old rotated file when a container is made anew', async () => {
    write('web-1.log.1', record('0'));
    write('web-1.log', record('1'));
    const lines = follow();
    expect([await next(lines), await next(lines)]).toEqual(['0', '1']);
    for (const text of ['2', '3']) {
      unlinkSync(join(directory, 'web-1.log'));
      write('web-1.log', record(text));
      expect(await next(lines)).toBe(text);
    }
  });

  test('ends at the signal, after what was written by then', async () => {
    write('web-1.log', record('1'));
    const lines = follow();
    expect(await next(lines)).toBe('1');
    write('web-1.log', record('2'), record('open', { tag: 'P' }));
    abort.abort();
    expect(await texts(lines)).toEqual(['2', 'open']);
  });

  test('with the signal given beforehand still gives what is there', async () => {
    write('web-1.log', record('1'));
    abort.abort();
    expect(await texts(follow())).toEqual(['1']);
  });

  test('ends when the directory is removed', async () => {
    const inner = join(directory, 'inner');
    mkdirSync(inner);
    writeFileSync(join(inner, 'web-1.log'), record('1'));
    const lines = follow({ directory: inner });
    expect(await next(lines)).toBe('1');
    rmSync(inner, { recursive: true });
    expect(await next(lines)).toBeUndefined();
  });

  test('of a directory that is not there is an error that names it', async () => {
    await expect(texts(follow({ directory: join(directory, 'absent') }))).rejects.toThrow(/cannot follow the logs in `.*absent`/);
  });

  test('leaves no descriptor open when the reader goes away', async () => {
    write('web-1.log.1', record('0'));
    write('web-1.log', record('1'));
    for await (const _ of follow()) {
      expect(heldOf(directory)).not.toEqual([]);
      break;
    }
    expect(heldOf(directory)).toEqual([]);
  });
});

/** Descriptors of what is below it, and watches of itself. Other tests of this process have theirs: those of other places don't count. */
function heldOf(place: string): readonly string[] {
  const watch = `ino:${statSync(place).ino.toString(16)} `;
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(`${place}/`) || readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8').includes(watch);
    } catch (error) {
      // Somebody else's, closed since.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
  });
}
