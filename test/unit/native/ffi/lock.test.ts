import { constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { tryLock } from '../../../../native/ffi/lock.ts';
import { OwnedFd } from '../../../../native/ffi/owned-fd.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tsstack-lock-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const openLockFile = () => OwnedFd.open(join(directory, 'lock'), constants.O_RDWR | constants.O_CREAT, 0o600);

test('a lock is held by one open file at a time, and free again when that is closed', () => {
  const first = openLockFile();
  const second = openLockFile();
  expect(tryLock(first.fd)).toBe(true);
  expect(tryLock(second.fd)).toBe(false);
  first[Symbol.dispose]();
  expect(tryLock(second.fd)).toBe(true);
  second[Symbol.dispose]();
});

test('what is not a file cannot be locked', () => {
  expect(() => tryLock(-1)).toThrow('flock failed with EBADF');
});

test('an fd is closed once, and not to be used after', () => {
  const fd = openLockFile();
  fd[Symbol.dispose]();
  fd[Symbol.dispose]();
  expect(() => fd.fd).toThrow('the file descriptor is closed');
});
