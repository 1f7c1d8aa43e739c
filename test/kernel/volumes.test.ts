import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { observeVolumes, volumeExecutors } from '../../engine/kernel/volumes.ts';

const signal = new AbortController().signal;
let root = '';
let volumes = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tsstack-volumes-'));
  volumes = join(root, 'volumes');
});
afterEach(() => rmSync(root, { recursive: true }));

const executors = volumeExecutors(() => Promise.reject(new Error('there is nothing to fill it with')));
const create = (name: string): Promise<void> =>
  executors['volume.create']({ kind: 'volume.create', volume: { name, path: join(volumes, name), labels: {} } }, signal);
const remove = (name: string): Promise<void> =>
  executors['volume.delete']({ kind: 'volume.delete', volume: { name, path: join(volumes, name) } }, signal);

describe('the volume driver', () => {
  it('creates a directory that everybody may look into, whatever the umask', async () => {
    expect(observeVolumes(volumes)).toEqual([]);
    const umask = process.umask(0o077);
    await create('data').finally(() => process.umask(umask));
    expect(statSync(join(volumes, 'data')).mode & 0o7777).toBe(0o755);
    expect(observeVolumes(volumes)).toEqual([{ name: 'data', path: join(volumes, 'data') }]);
  });

  it('leaves a volume that is there as it is', async () => {
    await create('data');
    writeFileSync(join(volumes, 'data/file'), 'kept');
    await create('data');
    expect(existsSync(join(volumes, 'data/file'))).toBe(true);
  });

  it('says what stands in the way of a volume', async () => {
    writeFileSync(volumes, 'a file');
    await expect(create('data')).rejects.toMatchObject({
      name: 'TsstackError',
      message: expect.stringContaining('cannot create volume `data`'),
    });
  });

  it('deletes a tree and follows no link out of it', async () => {
    await create('data');
    mkdirSync(join(volumes, 'data/a/b/c'), { recursive: true });
    writeFileSync(join(volumes, 'data/a/b/file'), 'x');
    mkdirSync(join(root, 'outside'));
    writeFileSync(join(root, 'outside/precious'), 'x');
    symlinkSync(join(root, 'outside'), join(volumes, 'data/a/link'));
    symlinkSync('/nonexistent', join(volumes, 'data/dangling'));
    execFileSync('mkfifo', [join(volumes, 'data/pipe')]);
    await remove('data');
    expect(observeVolumes(volumes)).toEqual([]);
    expect(existsSync(join(root, 'outside/precious'))).toBe(true);
  });

  it('deletes what is absent without complaint', async () => {
    await remove('data');
  });

  it('removes nothing of a volume with a mount in it, and names the mount', async () => {
    await create('data');
    mkdirSync(join(volumes, 'data/inner'));
    mkdirSync(join(root, 'outside'));
    writeFileSync(join(root, 'outside/precious'), 'x');
    execFileSync('mount', ['--bind', join(root, 'outside'), join(volumes, 'data/inner')]);
    try {
      await expect(remove('data')).rejects.toThrow(/something is mounted on `.*inner`/);
      expect(existsSync(join(root, 'outside/precious'))).toBe(true);
      expect(observeVolumes(volumes).map((volume) => volume.name)).toEqual(['data']);
    } finally {
      execFileSync('umount', [observeVolumes(volumes).map((volume) => join(volume.path, 'inner'))[0] ?? '']);
    }
  });

  it('still shows a volume whose deletion was cut off, and finishes it', async () => {
    mkdirSync(join(volumes, '.deleting-data/left'), { recursive: true });
    expect(observeVolumes(volumes).map((volume) => volume.name)).toEqual(['.deleting-data']);
    await remove('.deleting-data');
    expect(observeVolumes(volumes)).toEqual([]);
  });
});
