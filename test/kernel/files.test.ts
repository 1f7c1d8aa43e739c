import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileExecutors, observeFiles } from '../../engine/kernel/files.ts';
import { inspectBindSources } from '../../engine/kernel/host-facts-files.ts';
import { hostResolvConf, hostRoutes, listeningSockets } from '../../engine/kernel/host-facts-network.ts';

const signal = new AbortController().signal;
let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tsstack-files-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const write = (path: string, content: string): Promise<void> =>
  fileExecutors['file.write']({ kind: 'file.write', file: { path, content } }, signal);

describe('the file driver', () => {
  it('rewrites in place, longer and shorter, for those who have the file mounted', async () => {
    const path = join(root, 'deep/hosts');
    await write(path, 'first\n');
    const { ino, mode } = statSync(path);
    expect(mode & 0o7777).toBe(0o644);
    for (const content of ['a longer second line\n', 'ä\n', '']) {
      await write(path, content);
      expect(readFileSync(path, 'utf8')).toBe(content);
      expect(statSync(path).ino).toBe(ino);
    }
  });

  it('observes what is there, and deletes it once or twice', async () => {
    const [here, gone] = [join(root, 'here'), join(root, 'gone')];
    await write(here, 'x');
    expect(observeFiles([gone, here])).toEqual([{ path: here, content: 'x' }]);
    await fileExecutors['file.delete']({ kind: 'file.delete', path: here }, signal);
    await fileExecutors['file.delete']({ kind: 'file.delete', path: here }, signal);
    expect(observeFiles([here])).toEqual([]);
  });

  it('does not write through a link', async () => {
    writeFileSync(join(root, 'target'), 'kept');
    symlinkSync(join(root, 'target'), join(root, 'link'));
    await expect(write(join(root, 'link'), 'x')).rejects.toThrow(/cannot write `.*link`: ELOOP/);
    expect(readFileSync(join(root, 'target'), 'utf8')).toBe('kept');
  });
});

describe('facts of the host', () => {
  it('tells what a bind source is', async () => {
    writeFileSync(join(root, 'file'), 'content');
    mkdirSync(join(root, 'directory'));
    const paths = { file: join(root, 'file'), directory: join(root, 'directory'), missing: join(root, 'file/missing') };
    expect(await inspectBindSources([...Object.values(paths), '/dev/null'], signal)).toEqual({
      [paths.file]: { kind: 'file', hash: createHash('sha256').update('content').digest('hex') },
      [paths.directory]: { kind: 'directory' },
      [paths.missing]: { kind: 'missing' },
      '/dev/null': { kind: 'other' },
    });
  });

  it('sees a socket that listens', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    try {
      expect(listeningSockets()).toContainEqual({ protocol: 'tcp', address: '127.0.0.1', port, inode: expect.any(Number) });
    } finally {
      server.close();
    }
  });

  it('gives containers a nameserver off the loopback, and routes as networks', () => {
    expect(hostResolvConf()).toMatch(/^nameserver (?!127\.)\d+\.\d+\.\d+\.\d+\n/);
    for (const { cidr } of hostRoutes()) expect(cidr).toMatch(/^\d+\.\d+\.\d+\.\d+\/\d+$/);
  });
});
