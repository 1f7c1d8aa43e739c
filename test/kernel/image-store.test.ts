/** The store and its readers, with images that umoci made: what it unpacks is what our layers, put together by overlayfs, must show. */
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Descriptor } from '../../engine/codec/image-manifest.ts';
import { type ImageStore, openImageStore } from '../../engine/image/image-store.ts';
import { layerBlobStream } from '../../engine/image/layer-blob.ts';
import { loadImages } from '../../engine/image/load.ts';
import { type StoredLayer, storeLayer } from '../../engine/image/pack.ts';
import { resolveStored } from '../../engine/image/resolve-stored.ts';
import { saveImages } from '../../engine/image/save.ts';
import { describeImage, OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from '../../engine/image/stored-image.ts';
import type { ImageRecord } from '../../engine/store/image-records.ts';
import { type TarEntry, tar, tarEntry } from '../support/tar-bytes.ts';
import { until } from '../support/until.ts';
import { LAUNCHER, listTree } from './unpack-fixture.ts';

const { signal } = new AbortController();
const platform = { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : 'arm64' };
let directory: string;
let layout: string;
let bundle: string;
let stores = 0;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'tsstack-images-'));
  layout = join(directory, 'layout');
  bundle = makeImage();
}, 120_000);
afterAll(() => execFileSync(LAUNCHER, ['remove', directory]));

const umoci = (...args: string[]) => execFileSync('umoci', args, { stdio: 'pipe' });

/** Three layers: files of all kinds, changes and removals, a directory in place of another. The bundle of the whole image. */
function makeImage(): string {
  umoci('init', '--layout', layout);
  umoci('new', '--image', `${layout}:web`);
  const steps = [
    `mkdir -p etc usr/bin usr/lib tmp var/log dev old/deep; chmod 1777 tmp; echo root:x:0:0::/:/bin/sh > etc/passwd
     for i in $(seq 50); do head -c $((i * 997)) /dev/urandom > usr/lib/lib$i; done; head -c 3000000 /dev/zero > usr/lib/zeros
     cp /bin/busybox usr/bin/busybox; chmod 4755 usr/bin/busybox; ln usr/bin/busybox usr/bin/sh; ln -s busybox usr/bin/ls; ln -s /usr/bin bin
     mknod dev/null c 1 3; mknod dev/loop9 b 7 9; mkfifo var/fifo; chown 33:44 var/log; echo x > old/deep/file; echo gone > etc/gone
     touch -d '1999-12-31 23:59:59.123456789' etc/passwd; mkdir usr/empty; chown 5:6 usr/bin/ls -h
     mkdir -p $(printf 'long%.0s' $(seq 40))/$(printf 'name%.0s' $(seq 50)); echo ü > 'usr/lib/naïve name'
     python3 -c "import os
os.setxattr('usr/bin/busybox', 'security.capability', bytes.fromhex('0100000200040000000000000000000000000000'))
os.setxattr('etc', 'user.note', b'x'); os.setxattr('bin', 'trusted.link', b'y', follow_symlinks=False)"`,
    `rm etc/gone; rm -r old; mkdir old; echo new > old/new; echo more >> etc/passwd; chmod 600 usr/lib/lib7; rm usr/bin/ls; mkdir usr/bin/ls`,
    `rm -r usr/bin/ls usr/empty; ln -s sh usr/bin/ls; mkdir -p srv/www; echo hello > srv/www/index.html; chown -R 33:33 srv; rm usr/lib/lib9`,
  ];
  steps.forEach((script, index) => {
    const to = join(directory, `bundle${index}`);
    umoci('unpack', '--image', `${layout}:web`, to);
    execFileSync('sh', ['-ec', script], { cwd: join(to, 'rootfs'), stdio: 'pipe' });
    umoci('repack', '--image', `${layout}:web`, to);
    rmSync(to, { recursive: true });
  });
  const whole = join(directory, 'whole');
  umoci('unpack', '--image', `${layout}:web`, whole);
  return join(whole, 'rootfs');
}

async function emptyStore(): Promise<ImageStore> {
  return openImageStore({ directory: join(directory, `store${stores++}`), launcherBinary: LAUNCHER }, signal);
}

async function load(store: ImageStore, source: string): Promise<ImageRecord> {
  using lease = store.lease([]);
  const [image, ...more] = await loadImages(store, source, { platform, signal, lease });
  if (image === undefined || more.length > 0) throw new Error(`not one image but ${more.length + 1}`);
  const record = describeImage(store, { reference: 'example.test/web:1', target: image.target, manifest: image.manifest, recordedAt: 1 });
  store.recordImage(record);
  return record;
}

const extractAll = (store: ImageStore, { layers }: ImageRecord): Promise<string[]> =>
  Promise.all(layers.map(({ diffId, digest, mediaType }) => store.extractLayer({ diffId, blob: digest, mediaType, signal })));

/** What a container would see. */
async function listMerged(store: ImageStore, record: ImageRecord): Promise<Readonly<Record<string, string>>> {
  await extractAll(store, record);
  const merged = mkdtempSync(join(directory, 'merged-'));
  // The image's own, without what containers mount on.
  const lowerdirs = resolveStored(store, record)?.lowerdirs.filter((lower) => !lower.endsWith('/mount-points')) ?? [];
  execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', `ro,lowerdir=${[...lowerdirs, merged].join(':')}`, merged]);
  try {
    return listTree(merged);
  } finally {
    execFileSync('umount', [merged]);
  }
}

describe('an image', () => {
  test('is file by file what umoci unpacks', async () => {
    const store = await emptyStore();
    const record = await load(store, layout);
    expect(record.layers).toHaveLength(3);
    const found = await listMerged(store, record);
    expect(Object.keys(found).length).toBeGreaterThan(70);
    expect(found).toEqual(listTree(bundle));
    expect(found['old/deep']).toBeUndefined();
    expect(found['etc/gone']).toBeUndefined();
  });

  test('is the same out of archives: the layout as tar, compressed, and what we save ourselves', async () => {
    const first = await emptyStore();
    const record = await load(first, layout);
    const archive = join(directory, 'layout.tar');
    execFileSync('tar', ['-C', layout, '-cf', archive, '.']);
    execFileSync('gzip', ['-1k', archive]);
    execFileSync('zstd', ['-q', archive]);
    const saved = join(directory, 'saved.tar');
    const output = createWriteStream(saved);
    await saveImages(first, [record], output, signal);
    output.end();
    await once(output, 'close');
    for (const source of [archive, `${archive}.gz`, `${archive}.zst`, saved]) {
      const store = await emptyStore();
      const other = await load(store, source);
      expect([other.manifest.digest, other.config, other.layers], source).toEqual([record.manifest.digest, record.config, record.layers]);
      expect(readdirSync(store.context.paths.scratch)).toEqual([]);
    }
    expect(execFileSync('skopeo', ['inspect', '--format', '{{.Digest}}', `oci-archive:${saved}`], { encoding: 'utf8' }).trim()).toBe(
      record.manifest.digest,
    );
  });

  test('is the same out of an archive of `docker save`, with its names', async () => {
    const archive = join(directory, 'docker.tar');
    execFileSync('skopeo', ['copy', '-q', `oci:${layout}:web`, `docker-archive:${archive}:example.test/web:2`]);
    const store = await emptyStore();
    using lease = store.lease([]);
    const loaded = await loadImages(store, archive, { platform, signal, lease });
    expect(loaded.map(({ name }) => name)).toEqual(['example.test/web:2']);
    const record = await load(store, archive);
    expect(await listMerged(store, record)).toEqual(listTree(bundle));
  });

  test('of several in a layout is found by its name, and its absence told with the names there are', async () => {
    const store = await emptyStore();
    using lease = store.lease([]);
    expect((await loadImages(store, layout, { platform, signal, lease, name: 'web' })).map(({ name }) => name)).toEqual(['web']);
    await expect(loadImages(store, layout, { platform, signal, lease, name: 'other' })).rejects.toMatchObject({
      message: `cannot load \`${layout}\`: there is no image \`other\` in it`,
      hint: 'it has `web`',
    });
  });
});

/** Of layers as they are, lowest first; their archives are in the store. */
async function imageOf(store: ImageStore, archives: readonly Buffer[]): Promise<ImageRecord> {
  const layers = await Promise.all(archives.map((archive) => store.storeContent(OCI_LAYER, archive, signal)));
  const record = await recordOf(store, layers);
  store.recordImage(record);
  return record;
}

/** Of uncompressed layers, lowest first. */
async function recordOf(store: ImageStore, layers: readonly Descriptor[]): Promise<ImageRecord> {
  const document = { ...platform, config: {}, rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) } };
  const config = await put(store, Buffer.from(JSON.stringify(document)));
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: { mediaType: OCI_CONFIG, digest: config, size: statSync(store.blobPath(config)).size },
    layers: layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
  });
  const descriptor = await store.storeContent(OCI_MANIFEST, Buffer.from(manifest), signal);
  return describeImage(store, { reference: 'example.test/made:1', target: descriptor, manifest: descriptor, recordedAt: 1 });
}

describe('a directory that a layer has only by what is in it', () => {
  const dir = (name: string, mode: number, more: Partial<TarEntry> = {}) => ({ name, type: '5', mode, mtime: 7, ...more });
  const lower = tar([
    dir('./', 0o711),
    dir('tmp', 0o1777),
    dir('a', 0o750, { uid: 5, pax: { 'SCHILY.xattr.user.x': '1' } }),
    dir('a/b', 0o700),
  ]);
  const upper = tar([{ name: 'tmp/file' }, { name: 'a/b/c/file' }]);
  const attributesOf = (tree: Readonly<Record<string, string>>, names: readonly string[]) =>
    Object.fromEntries(names.map((name) => [name, tree[name]]));

  test('has the attributes of the layer below that has an entry for it, whichever layer that is', async () => {
    const store = await emptyStore();
    const found = await listMerged(store, await imageOf(store, [lower, tar([dir('a', 0o705)]), tar([{ name: 'other' }]), upper]));
    expect(attributesOf(found, ['.', 'tmp', 'a', 'a/b', 'a/b/c'])).toEqual({
      '.': '0o40711 0 0 7000000000',
      tmp: '0o41777 0 0 7000000000',
      a: '0o40705 0 0 7000000000',
      'a/b': '0o40700 0 0 7000000000',
      'a/b/c': '0o40755 0 0 0',
    });
    const alone = await listMerged(store, await imageOf(store, [lower, upper]));
    expect(alone['a']).toBe('0o40750 5 0 7000000000 user.x=31');
  });

  test('has nothing of one that is hidden, and neither of what was no directory', async () => {
    const store = await emptyStore();
    const below = tar([dir('o', 0o700), dir('o/in', 0o700), dir('w', 0o700), dir('l', 0o700), { name: 'f' }]);
    const between = tar([{ name: 'o/.wh..wh..opq' }, { name: '.wh.w' }, { name: 'l', type: '2', link: 'o' }]);
    const image = await imageOf(store, [below, between, tar([{ name: 'o/in/x' }, { name: 'w/x' }, { name: 'l/x' }, { name: 'f/x' }])]);
    const found = await listMerged(store, image);
    // One that is opaque may be a new one in the place of an old one: of that, lower layers say nothing.
    expect(attributesOf(found, ['o', 'o/in', 'w', 'l', 'f'])).toEqual(
      Object.fromEntries(['o', 'o/in', 'w', 'l', 'f'].map((name) => [name, '0o40755 0 0 0'])),
    );
  });

  test('shows nothing of what is below a layer whose root is opaque', async () => {
    const store = await emptyStore();
    const image = await imageOf(store, [lower, tar([{ name: '.wh..wh..opq' }, { name: 'tmp/new' }]), tar([{ name: 'top' }])]);
    const found = await listMerged(store, image);
    expect(Object.keys(found).sort()).toEqual(['.', 'tmp', 'tmp/new', 'top']);
    expect(found['tmp']).toBe('0o40755 0 0 0');
  });

  test('costs nothing if no layer has one, and one small layer that goes with the others if there are some', async () => {
    const store = await emptyStore();
    const { attributes } = store.context.paths;
    const plain = await imageOf(store, [lower, tar([dir('.', 0o755), { name: 'new' }])]);
    await listMerged(store, plain);
    expect(readdirSync(attributes)).toEqual([]);
    const image = await imageOf(store, [lower, upper]);
    await listMerged(store, image);
    await listMerged(store, image);
    expect(readdirSync(attributes)).toHaveLength(1);
    await store.collectGarbage({ usedDirectories: () => [] });
    expect(readdirSync(attributes)).toHaveLength(1);
    store.remove(image.reference);
    await store.collectGarbage({ usedDirectories: () => [] });
    expect(readdirSync(attributes)).toEqual([]);
  });
});

describe('an archive', () => {
  test('whose files are links to the outside is refused', async () => {
    const hostile = join(directory, 'hostile');
    mkdirSync(join(hostile, 'blobs'), { recursive: true });
    writeFileSync(join(hostile, 'oci-layout'), '{}');
    symlinkSync('/etc/passwd', join(hostile, 'index.json'));
    writeFileSync(join(hostile, 'manifest.json'), JSON.stringify([{ Config: '../../etc/passwd', RepoTags: null, Layers: [] }]));
    const store = await emptyStore();
    await expect(load(store, hostile)).rejects.toThrow('there is no file `../../etc/passwd` in it');
  });

  test('with a blob of another digest is refused, and the blob is not kept', async () => {
    const broken = join(directory, 'broken');
    execFileSync('cp', ['-a', layout, broken]);
    const record = await load(await emptyStore(), layout);
    const hex = record.layers[1]?.digest.slice(7) ?? '';
    const file = join(broken, 'blobs/sha256', hex);
    const bytes = readFileSync(file);
    bytes.writeUInt8(bytes.readUInt8(100) ^ 1, 100);
    writeFileSync(file, bytes);
    const store = await emptyStore();
    await expect(load(store, broken)).rejects.toThrow(
      new RegExp(`^cannot store blob \`sha256:${hex.slice(0, 12)}\`: what came has the digest`),
    );
    expect(store.hasBlob(`sha256:${hex}`)).toBe(false);
    expect(store.list()).toEqual([]);
  });

  test.each([
    ['nothing known', { file: 'x' }, 'neither an OCI image layout nor'],
    ['an index that is no JSON', { 'oci-layout': '{}', 'index.json': '{' }, 'it is not JSON'],
    ['an index of no version', { 'oci-layout': '{}', 'index.json': '{"manifests":[]}' }, 'it is not of schema version 2'],
    ['an index without manifests', { 'oci-layout': '{}', 'index.json': '{"schemaVersion":2}' }, 'it has no `config`'],
    [
      'no digest in it',
      { 'oci-layout': '{}', 'index.json': '{"schemaVersion":2,"manifests":[{"mediaType":"x","digest":"sha256:../../x","size":1}]}' },
      'it has no valid digest in `manifests[0]`',
    ],
  ])('with %s is refused', async (what, files, message) => {
    const source = mkdtempSync(join(directory, 'bad-'));
    for (const [name, content] of Object.entries(files)) writeFileSync(join(source, name), content);
    await expect(load(await emptyStore(), source), what).rejects.toThrow(message);
  });
});

const digestOf = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** A layer blob in the store. */
async function put(store: ImageStore, blob: Buffer): Promise<string> {
  return (await store.storeContent('application/octet-stream', blob, signal)).digest;
}

describe('a directory', () => {
  const made = (script: string) => {
    const source = mkdtempSync(join(directory, 'source-'));
    execFileSync('sh', ['-ec', script], { cwd: source });
    return source;
  };
  /** An image whose only layer was made here. */
  async function madeImage(store: ImageStore, layer: StoredLayer): Promise<ImageRecord> {
    return recordOf(store, [asImageLayer(layer)]);
  }
  const asImageLayer = ({ diffId, size }: StoredLayer) => ({ mediaType: OCI_LAYER, digest: diffId, diffId, size });
  test('becomes a layer as if its archive had been pulled, once for the same content', async () => {
    const store = await emptyStore();
    using lease = store.lease([]);
    const source = made('mkdir -p a/b; echo x > a/f; ln a/f g; mknod gone c 0 0; touch -d @7 a/b; chown -R 65536:65536 . ; chown 65541 g');
    const layers = await Promise.all([1, 2].map(() => storeLayer(store, { directory: source, uidBase: 65536, lease, signal })));
    const [layer = { diffId: '', size: 0 }] = layers;
    expect(layers).toEqual([layer, layer]);
    const archive = execFileSync(LAUNCHER, ['pack', '--uid-base', '65536', source]);
    expect(layer).toEqual({ diffId: digestOf(archive), size: archive.length });
    expect(readdirSync(store.context.paths.layers)).toEqual([layer.diffId.slice(7)]);
    expect([readdirSync(store.context.paths.locks), readdirSync(store.context.paths.blobs)]).toEqual([[], []]);
    expect(store.layerFacts(layer.diffId)).toMatchObject({ diffId: layer.diffId, bytes: archive.length, opaque: false, unsupported: [] });
    const found = listTree(store.layerDirectory(layer.diffId) ?? '');
    expect([found['a/f']?.slice(0, 14), found['gone']?.slice(0, 11)]).toEqual(['0o100644 5 0 1', '0o20000 0 0']);
    expect(await buffer(await layerBlobStream(store, asImageLayer(layer), signal))).toEqual(archive);
  });

  test('that cannot be one leaves nothing, whether it is refused or called off', async () => {
    const store = await emptyStore();
    using lease = store.lease([]);
    const source = made('mkdir d; touch d/.wh.x; head -c 30000000 /dev/zero > big');
    await expect(storeLayer(store, { directory: source, lease, signal })).rejects.toThrow(
      `cannot pack \`${source}\`: entry \`d/.wh.x\`: \`.wh.x\` would hide a file (EINVAL)`,
    );
    rmSync(join(source, 'd'), { recursive: true });
    const stop = new AbortController();
    const storing = storeLayer(store, { directory: source, lease, signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(storing).rejects.toThrow('enough');
    expect([readdirSync(store.context.paths.layers), readdirSync(store.context.paths.locks)]).toEqual([[], []]);
  });

  test('is, as an image, saved and loaded with an archive that is made when it is needed', async () => {
    const store = await emptyStore();
    using lease = store.lease([]);
    const layer = await storeLayer(store, { directory: made('mkdir a; echo x > a/f; touch -d @5 a'), lease, signal });
    const image = await madeImage(store, layer);
    const saved = join(directory, 'made.tar');
    const output = createWriteStream(saved);
    await saveImages(store, [image], output, signal);
    output.end();
    await once(output, 'close');
    const other = await load(await emptyStore(), saved);
    expect([other.manifest.digest, other.layers]).toEqual([image.manifest.digest, image.layers]);
  });

  test('stays when garbage is collected as long as a record or a lease needs it', async () => {
    const store = await emptyStore();
    const lease = store.lease([]);
    const layer = await storeLayer(store, { directory: made('touch a'), lease, signal });
    expect((await store.collectGarbage({ usedDirectories: () => [] })).layers).toEqual([]);
    const image = await madeImage(store, layer);
    store.recordImage(image);
    lease[Symbol.dispose]();
    expect(await store.collectGarbage({ usedDirectories: () => [] })).toMatchObject({ blobs: [], layers: [] });
    store.remove(image.reference);
    expect((await store.collectGarbage({ usedDirectories: () => [] })).layers).toEqual([layer.diffId.slice(7)]);
    await expect(layerBlobStream(store, asImageLayer(layer), signal)).rejects.toThrow(
      /^cannot read layer `sha256:[0-9a-f]{12}`: it is not here$/,
    );
  });

  test('that was changed in the store is not given out as what it was', async () => {
    const store = await emptyStore();
    using lease = store.lease([]);
    const layer = await storeLayer(store, { directory: made('echo x > f'), lease, signal });
    writeFileSync(join(store.layerDirectory(layer.diffId) ?? '', 'f'), 'y\n');
    await expect(buffer(await layerBlobStream(store, asImageLayer(layer), signal))).rejects.toThrow('its directory was changed');
  });
});

describe('a layer', () => {
  const archive = tar([{ name: 'a/file', content: 'x'.repeat(300_000) }]);
  const mediaType = 'application/vnd.oci.image.layer.v1.tar';
  const diffId = digestOf(archive);

  test('is extracted once, whoever asks for it at the same time, and tells what had no entry', async () => {
    const store = await emptyStore();
    const blob = await put(store, gzipSync(archive));
    const directories = await Promise.all([1, 2, 3].map(() => store.extractLayer({ diffId, blob, mediaType, signal })));
    expect(new Set(directories).size).toBe(1);
    expect(store.layerFacts(diffId)).toEqual({ diffId, bytes: archive.length, implicit: ['', 'a'], opaque: false, unsupported: [] });
    expect(readdirSync(store.context.paths.layers)).toEqual([diffId.slice(7)]);
    expect(readdirSync(store.context.paths.locks)).toEqual([]);
  });

  test.each([
    [
      'of several frames and skippable ones',
      (zstd: (bytes: Buffer) => Buffer) =>
        Buffer.concat([zstd(archive.subarray(0, 1000)), Buffer.from('502a4d1803000000616263', 'hex'), zstd(archive.subarray(1000))]),
    ],
    ['of one frame', (zstd: (bytes: Buffer) => Buffer) => zstd(archive)],
  ])('is extracted from zstd data %s', async (_what, compress) => {
    const store = await emptyStore();
    const blob = await put(
      store,
      compress((input) => execFileSync('zstd', ['-q', '-c'], { input })),
    );
    const extracted = await store.extractLayer({ diffId, blob, mediaType, signal });
    expect(statSync(join(extracted, 'a/file')).size).toBe(300_000);
  });

  test.each([
    ['another diffID', gzipSync(tar([{ name: 'other' }])), /its content has the diffID `sha256:[0-9a-f]+`, and the image says `sha256:/],
    ['gzip data that is cut off', gzipSync(archive).subarray(0, 200), /its compressed data is broken: unexpected end of file/],
    [
      'gzip data that is damaged',
      Buffer.concat([gzipSync(archive).subarray(0, 100), Buffer.alloc(300, 0xff)]),
      /its compressed data is broken/,
    ],
    ['zstd data that is damaged', Buffer.from('28b52ffd00ffffffffff', 'hex'), /its compressed data is broken/],
    ['an archive that is cut off', archive.subarray(0, 5000), /entry `a\/file`: the archive ends too early/],
    ['no archive', Buffer.alloc(600, 'x'), /this is no tar header/],
    ['an entry that leaves it', gzipSync(tar([{ name: '../x' }])), /entry `..\/x`: `..` in it/],
  ])('with %s is refused and leaves nothing', async (_what, blob, message) => {
    const store = await emptyStore();
    const digest = await put(store, blob);
    const extracting = store.extractLayer({ diffId, blob: digest, mediaType, signal });
    await expect(extracting).rejects.toThrow(new RegExp(`^cannot extract layer \`sha256:${digest.slice(7, 19)}\`: ${message.source}`));
    expect([readdirSync(store.context.paths.layers), readdirSync(store.context.paths.locks)]).toEqual([[], []]);
  });

  test('that is a hundred times what its blob is takes no memory for that', async () => {
    const store = await emptyStore();
    const [size, piece] = [512 * 2 ** 20, 16 * 2 ** 20];
    const [head, end] = [tarEntry({ name: 'big', size }), Buffer.alloc(1024)];
    const zeros = gzipSync(Buffer.alloc(piece), { level: 1 });
    const hash = createHash('sha256').update(head);
    for (let at = 0; at < size; at += piece) hash.update(Buffer.alloc(piece));
    const blob = await put(store, Buffer.concat([gzipSync(head), ...Array.from({ length: size / piece }, () => zeros), gzipSync(end)]));
    const request = { diffId: `sha256:${hash.update(end).digest('hex')}`, blob, mediaType };
    let most = 0;
    const before = process.memoryUsage.rss();
    const watched = setInterval(() => {
      most = Math.max(most, process.memoryUsage.rss());
    }, 5);
    const extracted = await store.extractLayer({ ...request, signal });
    clearInterval(watched);
    expect([statSync(join(extracted, 'big')).size, statSync(join(extracted, 'big')).blocks]).toEqual([size, 0]);
    expect(most - before).toBeLessThan(size / 2);
  });

  test('that is called off leaves nothing, whether it waits or works', async () => {
    const store = await emptyStore();
    const big = tar([{ name: 'big', content: Buffer.alloc(30_000_000) }]);
    const request = { diffId: digestOf(big), blob: await put(store, big), mediaType };
    const [works, waits] = [new AbortController(), new AbortController()];
    const working = store.extractLayer({ ...request, signal: works.signal, onProgress: () => waits.abort(new Error('enough')) });
    const waiting = store.extractLayer({ ...request, signal: waits.signal });
    await expect(waiting).rejects.toThrow('enough');
    works.abort(new Error('enough, too'));
    await expect(working).rejects.toThrow('enough, too');
    expect([readdirSync(store.context.paths.layers), readdirSync(store.context.paths.locks)]).toEqual([[], []]);
  });

  test('of a process that was killed meanwhile is no layer; the next one removes what is left and extracts it', async () => {
    const store = await emptyStore();
    const big = tar([{ name: 'big', content: Buffer.alloc(60_000_000) }]);
    const blob = await put(store, big);
    const script = `import { openImageStore } from ${JSON.stringify(resolve('engine/image/image-store.ts'))};
const store = await openImageStore({ directory: ${JSON.stringify(store.context.paths.directory)}, launcherBinary: ${JSON.stringify(LAUNCHER)} }, new AbortController().signal);
await store.extractLayer({ diffId: '${digestOf(big)}', blob: '${blob}', mediaType: '${mediaType}', signal: new AbortController().signal, onProgress: (bytes) => { if (bytes > 20_000_000) process.kill(process.pid, 'SIGKILL'); } });`;
    const bundled = join(directory, 'killed.mjs');
    execFileSync(
      'node_modules/.bin/esbuild',
      ['--bundle', '--platform=node', '--target=node20', '--format=esm', '--external:koffi', '--external:fzstd', `--outfile=${bundled}`],
      { input: script, stdio: ['pipe', 'pipe', 'pipe'], cwd: resolve('.') },
    );
    symlinkSync(resolve('node_modules'), join(directory, 'node_modules'));
    const child = spawn(process.execPath, [bundled], { stdio: 'inherit' });
    const [, ended] = (await once(child, 'exit')) as [number | null, string | null];
    expect(ended).toBe('SIGKILL');
    expect(readdirSync(store.context.paths.layers)).toEqual([`.new-${child.pid}-${digestOf(big).slice(7)}`]);
    expect(store.layerDirectory(digestOf(big))).toBeUndefined();
    const extracted = await store.extractLayer({ diffId: digestOf(big), blob, mediaType, signal });
    expect(statSync(join(extracted, 'big')).size).toBe(60_000_000);
    expect(readdirSync(store.context.paths.layers)).toEqual([digestOf(big).slice(7)]);
  });
});

describe('a crash of the machine', () => {
  test('costs a layer that was not flushed, and a blob whose content is not what it was, and a record cut off; what was flushed stays', async () => {
    const store = await emptyStore();
    const { paths, bootId } = store.context;
    const layer = async (name: string) => {
      const archive = tar([{ name }]);
      const blob = await put(store, archive);
      await store.extractLayer({ diffId: digestOf(archive), blob, mediaType: '', signal });
      return { diffId: digestOf(archive), blob };
    };
    const flushed = await layer('flushed');
    await store.flush();
    expect(readdirSync(paths.unflushed)).toEqual([]);
    const lost = await layer('lost');
    const good = await put(store, Buffer.from('good'));
    const part = { mediaType: '', digest: good, size: 4 };
    for (const reference of ['whole', 'cut'])
      store.recordImage({ version: 1, reference, target: part, manifest: part, config: part, layers: [], recordedAt: 1 });
    // As of another boot, in which the machine went down.
    for (const mark of readdirSync(paths.unflushed)) {
      writeFileSync(join(paths.unflushed, mark.replace(bootId, '00000000-0000-0000-0000-000000000000')), '');
      rmSync(join(paths.unflushed, mark));
    }
    truncateSync(store.blobPath(lost.blob), 512);
    truncateSync(`${paths.records}/${digestOf(Buffer.from('cut')).slice(7)}.json`, 0);
    const after = await openImageStore({ directory: paths.directory, launcherBinary: LAUNCHER }, signal);
    expect([after.layerDirectory(flushed.diffId) !== undefined, after.hasBlob(flushed.blob)]).toEqual([true, true]);
    expect([after.layerDirectory(lost.diffId), after.hasBlob(lost.blob), after.hasBlob(good)]).toEqual([undefined, false, true]);
    expect(after.list().map(({ reference }) => reference)).toEqual(['whole']);
    expect([readdirSync(paths.unflushed), readdirSync(paths.layers)]).toEqual([[], [flushed.diffId.slice(7)]]);
  });
});

test('a flush aside takes the marks of a while ago away when all is on the disk, and leaves those that are new', async () => {
  const store = await emptyStore();
  const { unflushed } = store.context.paths;
  await put(store, Buffer.from('one'));
  const [old = ''] = readdirSync(unflushed);
  const before = new Date(Date.now() - 61_000);
  utimesSync(join(unflushed, old), before, before);
  await put(store, Buffer.from('two'));
  const fresh = readdirSync(unflushed).filter((mark) => mark !== old);
  store.flushAside();
  await until('the old mark is gone', () => !existsSync(join(unflushed, old)));
  expect(readdirSync(unflushed)).toEqual(fresh);
});

describe('garbage', () => {
  test('is what neither a record, nor a container, nor a lease needs', async () => {
    const store = await emptyStore();
    const record = await load(store, layout);
    const lowerdirs = await extractAll(store, record);
    const none = { images: [], blobs: [], layers: [], partial: [], bytes: { blobs: 0, layers: 0, partial: 0 } };
    expect(await store.collectGarbage({ usedDirectories: () => [] })).toEqual(none);
    expect(store.remove(record.reference)).toBe(true);
    const [first = '', second = '', third = ''] = record.layers.map(({ diffId }) => diffId);
    const dry = await store.collectGarbage({ usedDirectories: () => [], dryRun: true });
    expect([dry.blobs.length, dry.layers.length]).toEqual([5, 3]);
    {
      using lease = store.lease([first]);
      lease.hold([record.config.digest]);
      const found = await store.collectGarbage({ usedDirectories: () => lowerdirs.slice(1, 2) });
      expect(found.layers).toEqual([third.slice(7)]);
      expect(found.blobs).not.toContain(record.config.digest);
    }
    expect([first, second, third].map((id) => store.layerDirectory(id) !== undefined)).toEqual([true, true, false]);
    expect(store.hasBlob(record.config.digest)).toBe(true);
    await store.collectGarbage({ usedDirectories: () => [] });
    const { paths } = store.context;
    expect([paths.layers, join(paths.blobs, 'sha256'), paths.leases, paths.locks].map((path) => readdirSync(path))).toEqual([
      [],
      [],
      [],
      [],
    ]);
  });

  test('is a lease whose holder was killed, and a blob that nobody goes on with', async () => {
    const store = await emptyStore();
    const { paths } = store.context;
    const blob = await put(store, Buffer.from('blob'));
    writeFileSync(join(paths.leases, '1-dead'), `${blob}\n`);
    const descriptor = { mediaType: '', digest: digestOf(Buffer.from('abcdef')), size: 6 };
    const writer = await store.writeBlob(descriptor, signal);
    await writer?.write(Buffer.from('abc'));
    await store.collectGarbage({ usedDirectories: () => [] });
    expect([store.hasBlob(blob), readdirSync(paths.leases)]).toEqual([false, []]);
    await writer?.write(Buffer.from('def'));
    await writer?.commit();
    expect(store.hasBlob(descriptor.digest)).toBe(true);
    const other = await store.writeBlob({ ...descriptor, digest: digestOf(Buffer.from('abcdeg')) }, signal);
    await other?.write(Buffer.from('abc'));
    await other?.[Symbol.asyncDispose]();
    expect(readdirSync(paths.partial)).toHaveLength(1);
    await store.collectGarbage({ usedDirectories: () => [] });
    expect(existsSync(join(paths.partial, `sha256-${digestOf(Buffer.from('abcdeg')).slice(7)}`))).toBe(false);
  });
});
