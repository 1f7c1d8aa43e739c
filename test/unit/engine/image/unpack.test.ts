import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeFrame } from '../../../../engine/codec/launcher-frames.ts';
import { extractArchive } from '../../../../engine/image/unpack.ts';

let base: string;
let lockFd: number;
beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'tsstack-unpack-'));
  lockFd = openSync('/dev/null', 'r');
  writeFileSync(join(base, 'error'), encodeFrame(['error', 'a', 'write', '28', '']));
  // More than a pipe takes, so that some of it is on the way when the launcher ends.
  writeFileSync(join(base, 'blob'), gzipSync(Buffer.alloc(4 << 20)));
});
afterAll(() => {
  closeSync(lockFd);
  rmSync(base, { recursive: true });
});

/** Of a launcher that is this script. */
function extracting(name: string, script: string): Promise<void> {
  const launcherBinary = join(base, name);
  writeFileSync(launcherBinary, `#!/bin/sh\ncd ${base}\n${script}\n`, { mode: 0o755 });
  const options = { launcherBinary, directory: base, lockFd, file: join(base, 'blob'), mediaType: 'application/gzip' };
  return extractArchive({ ...options, signal: new AbortController().signal });
}

test('what the launcher says is told, when its pipe breaks', async () => {
  await expect(extracting('breaks', 'cat error')).rejects.toThrow(/no space left on device/);
});

test('and when it has ended before its pipe breaks', async () => {
  // Another process has the pipe for a moment longer.
  await expect(extracting('ends', 'exec 3<&0; sleep 0.3 <&3 >/dev/null & cat error')).rejects.toThrow(/no space left on device/);
});

test('one that ends without a word is told as that, and not as a broken blob', async () => {
  await expect(extracting('silent', 'exec 3<&0; sleep 0.3 <&3 >/dev/null &')).rejects.toThrow(
    'the launcher ended before all was extracted',
  );
});

test('a broken blob is told as that, whatever the launcher says of it', async () => {
  writeFileSync(join(base, 'blob'), gzipSync(Buffer.alloc(4 << 20)).subarray(0, 1000));
  await expect(extracting('reads', 'cat > /dev/null; cat error')).rejects.toThrow(/its compressed data is broken: unexpected end of file/);
});
