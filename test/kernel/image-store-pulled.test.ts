/** An image of Debian's registry, pulled, against what umoci unpacks: content, modes, owners, attributes, times, hard links. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ImageStore, openImageStore } from '../../engine/image/image-store.ts';
import { storeLayer } from '../../engine/image/pack.ts';
import { pullImages } from '../../engine/image/pull.ts';
import { openRegistry } from '../../engine/image/registry/open.ts';
import { resolveStored } from '../../engine/image/resolve-stored.ts';
import type { ImageRecord } from '../../engine/store/image-records.ts';
import { busyboxImage, missingPrograms } from '../support/busybox-image.ts';
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { LAUNCHER, listTree } from './unpack-fixture.ts';

const missing = missingPrograms(['umoci', 'skopeo', 'docker-registry']);
const { signal } = new AbortController();
let directory: string;
let registry: DockerRegistry;
let store: ImageStore;
let record: ImageRecord;
let bundle: string;

describe.skipIf(missing.length > 0)(`a pulled image${missing.length > 0 ? ` (without ${missing.join(', ')})` : ''}`, () => {
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'tsstack-pulled-'));
    registry = await startDockerRegistry({ port: 5007, directory: join(directory, 'registry') });
    const image = makeImage();
    await image.push(`${registry.host}/world:1`);
    execFileSync('umoci', ['unpack', '--image', image.image, join(directory, 'whole')], { stdio: 'pipe' });
    bundle = join(directory, 'whole/rootfs');
    store = await openImageStore({ directory: join(directory, 'store'), launcherBinary: LAUNCHER }, signal);
    record = await pull(`${registry.host}/world:1`);
  }, 120_000);
  afterAll(async () => {
    await registry?.stop();
    execFileSync(LAUNCHER, ['remove', directory]);
  });

  test('of seven layers is file by file what umoci unpacks', () => {
    expect(record.layers).toHaveLength(7);
    const found = listMerged();
    const expected = listTree(bundle);
    expect(Object.keys(expected).length).toBeGreaterThan(40);
    expect(withoutTimes(found, UNTIMED)).toEqual(withoutTimes(expected, UNTIMED));
    // What the layers are there for.
    expect(found['srv/tool']).toContain(' 3=srv/again ');
    expect([found['srv/data/old'], found['tmp/one'], found['opt/gone'], found['srv/four']]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect(found['tmp']).toMatch(/^0o41777 /);
    expect(found['srv/private']).toMatch(/^0o40750 1234 1235 \d+ user.note=78$/);
  });

  test('gives the same layers again when they are packed and stored', async () => {
    const other = await openImageStore({ directory: join(directory, 'other'), launcherBinary: LAUNCHER }, signal);
    using lease = other.lease([]);
    for (const { diffId } of record.layers) {
      const source = store.layerDirectory(diffId) ?? '';
      const stored = await storeLayer(other, { directory: source, lease, signal });
      const [before, after] = [listTree(source), listTree(other.layerDirectory(stored.diffId) ?? '')];
      // Times of whiteouts and of a root without an entry mean nothing.
      const meaning = (tree: Readonly<Record<string, string>>) =>
        Object.fromEntries(
          Object.entries(tree).map(([name, entry]) => [
            name,
            name === '.' || entry.startsWith('0o20000 ') ? entry.replace(/ \d+/g, '') : entry,
          ]),
        );
      expect(meaning(after)).toEqual(meaning(before));
    }
  });
});

/** A file came into them by a layer that says nothing of them: umoci leaves them the time of its unpacking. */
const UNTIMED = ['tmp', 'tmp/inserted', 'tmp/inserted/deep'];

function withoutTimes(tree: Readonly<Record<string, string>>, names: readonly string[]): Readonly<Record<string, string>> {
  return { ...tree, ...Object.fromEntries(names.map((name) => [name, (tree[name] ?? '').replace(/\d+$/, '')])) };
}

/** Seven layers: hard links, changes to them, whiteouts, opaque directories, files in directories that have no entry. */
function makeImage() {
  const image = busyboxImage(join(directory, 'image'));
  image.layer(`mkdir -p srv/data/deep srv/private opt/dir opt/whole/in; echo x > opt/whole/in/x; chmod 1777 tmp; echo old > srv/data/old; echo x > srv/data/deep/x; echo gone > opt/gone
    echo tool > srv/tool; ln srv/tool srv/again; ln srv/tool srv/third; ln srv/tool srv/four; ln -s tool srv/link; chmod 4755 srv/tool
    chmod 750 srv/private; chown 1234:1235 srv/private srv/tool; mkfifo opt/fifo; mknod opt/null c 1 3; echo two > tmp/one
    python3 -c "import os
os.setxattr('srv/private', 'user.note', b'x')
os.setxattr('opt/dir', 'user.dir', b'y')"
    touch -d '2001-02-03 04:05:06.789' srv/tool srv/private; truncate -s 3M srv/sparse; echo end >> srv/sparse`);
  image.layer(
    'rm srv/four tmp/one opt/gone; rm -r srv/data opt/whole; mkdir srv/data; echo new > srv/data/new; echo more >> opt/dir/added',
  );
  // These have no entries for the directories above.
  image.insert('/srv/private/inserted', 'inserted');
  image.insert('/tmp/inserted/deep/file', 'inserted');
  image.layer('rm opt/null; mkdir opt/null; rm -r opt/dir; echo file > opt/dir; echo -n > srv/data/empty; chmod 600 srv/private/inserted');
  image.insert('/srv/private/inserted', 'again');
  return image;
}

async function pull(reference: string): Promise<ImageRecord> {
  using lease = store.lease([]);
  using client = openRegistry({ environment: { HOME: directory }, onNotice: () => {} });
  const platform = { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : 'arm64' };
  const images = await pullImages([{ reference, policy: 'always' }], {
    store,
    registry: () => client,
    platform,
    lease,
    signal,
    onEvent() {},
  });
  const pulled = images[reference];
  if (pulled === undefined) throw new Error(`${reference} was not pulled`);
  return pulled;
}

/** What a container would see, without what it mounts on. */
function listMerged(): Readonly<Record<string, string>> {
  const merged = join(directory, 'merged');
  mkdirSync(merged);
  const lowerdirs = resolveStored(store, record)?.lowerdirs.filter((lower) => !lower.endsWith('/mount-points')) ?? [];
  execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', `ro,lowerdir=${lowerdirs.join(':')}`, merged]);
  try {
    return listTree(merged);
  } finally {
    execFileSync('umount', [merged]);
  }
}
