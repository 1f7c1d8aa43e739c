import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FileLock, readHolder } from '../../../../engine/store/lock.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tsstack-lock-'));
  path = join(directory, 'shop.lock');
});
afterEach(() => rmSync(directory, { recursive: true }));

const take = (holder: string): FileLock => {
  const lock = FileLock.tryAcquire(path, holder);
  if (!lock) throw new Error('somebody else has it');
  return lock;
};

test('one at a time has it, and says who', () => {
  const lock = take('supervisor');
  expect(FileLock.tryAcquire(path, 'down')).toBeUndefined();
  expect(readHolder(path)).toEqual({ pid: String(process.pid), holder: 'supervisor' });
  lock[Symbol.dispose]();
  expect(existsSync(path), 'nothing is left').toBe(false);
  expect(readHolder(path)).toBeUndefined();
});

test('who waits gets it when the one before lets it go, though the file they wait at is gone by then', async () => {
  const first = take('first');
  const waiting = FileLock.acquire(path, 'second');
  first[Symbol.dispose]();
  using _second = await waiting;
  expect(readFileSync(path, 'utf8')).toBe(`${process.pid} second\n`);
  expect(FileLock.tryAcquire(path, 'third')).toBeUndefined();
});

test('a lock whose file somebody has removed is still let go', () => {
  const lock = take('first');
  rmSync(path);
  lock[Symbol.dispose]();
  take('second')[Symbol.dispose]();
});
