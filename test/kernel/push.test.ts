/** An image whose layer was made here, to a registry and out of it again by another's hands. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseReference } from '../../engine/codec/image-reference.ts';
import { type ImageStore, openImageStore } from '../../engine/image/image-store.ts';
import { storeLayer } from '../../engine/image/pack.ts';
import { pushImage } from '../../engine/image/push.ts';
import { openRegistry } from '../../engine/image/registry/open.ts';
import { describeImage } from '../../engine/image/stored-image.ts';
import type { PushProgress } from '../../engine/model/images.ts';
import type { ImageRecord } from '../../engine/store/image-records.ts';
import { missingPrograms } from '../support/busybox-image.ts';
import { type DockerRegistry, startDockerRegistry, temporaryDirectory } from '../support/docker-registry.ts';
import { LAUNCHER } from './unpack-fixture.ts';

const PORT = 5009;
const HOST = `127.0.0.1:${PORT}`;
const { signal } = new AbortController();
const missing = missingPrograms(['docker-registry', 'skopeo', 'umoci']);
if (missing.length > 0) console.log(`skipped: pushing what was made here, for want of ${missing.join(', ')}`);

describe.skipIf(missing.length > 0)('an image that was made here', () => {
  const directory = temporaryDirectory('made');
  let server: DockerRegistry;
  let store: ImageStore;
  let record: ImageRecord;
  beforeAll(async () => {
    server = await startDockerRegistry({ port: PORT, directory: join(directory.path, 'registry') });
    store = await openImageStore({ directory: join(directory.path, 'store'), launcherBinary: LAUNCHER }, signal);
    record = await makeImage(store, join(directory.path, 'tree'));
  });
  afterAll(async () => {
    await server.stop();
    execFileSync(LAUNCHER, ['remove', directory.path]);
  });

  test('is packed on its way, and is what skopeo and umoci take it for', async () => {
    expect(store.hasBlob(record.layers[0]?.digest ?? '')).toBe(false);
    using registry = openRegistry({ environment: { HOME: '/nonexistent' } });
    const told: PushProgress[] = [];
    const push = (to: string) =>
      pushImage(record, parseReference(to), { store, registry, signal, onProgress: (progress) => told.push(progress) });
    const pushed = await push(`${HOST}/made:1`);
    expect(pushed).toMatchObject({ digest: record.manifest.digest, sent: record.config.size + (record.layers[0]?.size ?? 0) });
    expect(
      told
        .filter(({ state }) => state === 'sent')
        .map(({ digest }) => digest)
        .sort(),
    ).toEqual([record.config.digest, record.layers[0]?.digest].sort());
    const run = promisify(execFile);
    const layout = join(directory.path, 'layout');
    await run('skopeo', ['copy', '-q', '--src-tls-verify=false', `docker://${HOST}/made:1`, `oci:${layout}:image`]);
    await run('umoci', ['unpack', '--image', `${layout}:image`, join(directory.path, 'bundle')]);
    const list = (of: string) =>
      execFileSync('find', ['.', '-mindepth', '1', '-printf', '%p %y %m %U:%G %s %T@ %l\\n'], { cwd: of, encoding: 'utf8' });
    expect(list(join(directory.path, 'bundle/rootfs')).split('\n').sort()).toEqual(list(join(directory.path, 'tree')).split('\n').sort());
    expect((await push(`${HOST}/made:1`)).sent).toBe(0);
  });

  test('without a name of its own is pushed nowhere', async () => {
    using registry = openRegistry({ environment: { HOME: '/nonexistent' } });
    await expect(
      pushImage(record, parseReference('tsstack.local/build:1'), { store, registry, signal, onProgress() {} }),
    ).rejects.toMatchObject({ message: expect.stringContaining('is at no registry'), hint: expect.stringContaining('--to') });
  });

  test('whose layer was changed since is not pushed as what it was', async () => {
    const other = await makeImage(store, join(directory.path, 'other'), 'changed');
    writeFileSync(join(store.layerDirectory(other.layers[0]?.diffId ?? '') ?? '', 'late'), 'x');
    using registry = openRegistry({ environment: { HOME: '/nonexistent' } });
    await expect(pushImage(other, parseReference(`${HOST}/changed:1`), { store, registry, signal, onProgress() {} })).rejects.toThrow(
      /^cannot push `sha256:[0-9a-f]+` to `127\.0\.0\.1:5009\/changed`: its content here/,
    );
    const tags = await fetch(`http://${HOST}/v2/changed/tags/list`);
    expect(tags.status).toBe(404);
  });
});

async function makeImage(store: ImageStore, tree: string, text = 'hello'): Promise<ImageRecord> {
  mkdirSync(join(tree, 'srv/www'), { recursive: true });
  writeFileSync(join(tree, 'srv/www/index.html'), text.repeat(10_000));
  execFileSync('ln', ['-s', '/srv/www', join(tree, 'www')]);
  using lease = store.lease([]);
  const { diffId, size } = await storeLayer(store, { directory: tree, lease, signal });
  const config = await store.storeContent(
    'application/vnd.oci.image.config.v1+json',
    Buffer.from(JSON.stringify({ os: 'linux', architecture: 'amd64', config: {}, rootfs: { type: 'layers', diff_ids: [diffId] } })),
    signal,
  );
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const layers = [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: diffId, size }];
  const manifest = await store.storeContent(
    mediaType,
    Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers })),
    signal,
  );
  const record = describeImage(store, { reference: `${HOST}/made:1`, target: manifest, manifest, recordedAt: 1 });
  store.recordImage(record);
  return record;
}
