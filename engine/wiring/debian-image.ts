/** Images made of Debian's packages, with no registry: once for the same inputs. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import type { DebianSource } from '../../dsl/spec.ts';
import type { Descriptor } from '../codec/image-manifest.ts';
import { hostPlatform, type Platform } from '../codec/image-platform.ts';
import { makeDebianRoot } from '../image/debian.ts';
import { debianReference } from '../image/debian-command.ts';
import { findWhole } from '../image/extract-image.ts';
import type { ImageStore } from '../image/image-store.ts';
import { DEFAULT_PATH } from '../image/layer.ts';
import { type StoredLayer, storeLayer } from '../image/pack.ts';
import { describeImage, OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from '../image/stored-image.ts';
import { imageKey } from '../plan/image-key.ts';
import type { ImageRecord } from '../store/image-records.ts';
import { removeDeep } from '../store/launcher-runs.ts';
import { lockObject } from '../store/store-context.ts';
import { storeError } from '../store/store-error.ts';
import type { FindMadeOptions, MakeImageOptions } from './making-images.ts';
import { tellBuild } from './tell-build.ts';

export async function findDebian(source: DebianSource, { store }: FindMadeOptions): Promise<ImageRecord | undefined> {
  return store.findImage(debianReference(source, hostPlatform(process.arch).architecture));
}

/** @throws TsstackError `image`: mmdebstrap is missing, or what it says itself; the signal's reason. */
export async function makeDebian(source: DebianSource, options: MakeImageOptions): Promise<ImageRecord> {
  const { store, signal, onEvent, platform } = options;
  const reference = debianReference(source, platform.architecture);
  const here = await findWhole(store, reference, options);
  if (here !== undefined) return here;
  // A scratch directory is named as its lock is, so that what a killed process leaves is found; see `gc.ts`.
  const name = createHash('sha256').update(reference).digest('hex').slice(0, 16);
  using lock = await lockObject(store.context, `scratch-${name}`, signal);
  const made = await findWhole(store, reference, options);
  if (made !== undefined) return made;
  return await tellBuild({ image: imageKey(source), onEvent, signal }, async (step) => {
    const scratch = `${store.context.paths.scratch}/${name}`;
    try {
      await makeEmpty(store, scratch);
      const { environment, lease } = options;
      const work = { scratch, lockFd: lock.fd, environment, signal };
      const directory = await step('install packages', (say) => makeDebianRoot(source, { ...work, say }));
      const layer = await step('store the layer', () => storeLayer(store, { directory, lease, signal }));
      const record = await describe(layer, { ...options, reference, suite: source.suite, platform });
      store.recordImage(record);
      return record;
    } finally {
      await removeDeep(store.context.launcherBinary, scratch);
    }
  });
}

/** There may be what a killed process has left. The lock is ours, so nobody works on it. */
async function makeEmpty(store: ImageStore, scratch: string): Promise<void> {
  await removeDeep(store.context.launcherBinary, scratch);
  try {
    // Whoever apt becomes to download (apt-get(8), APT::Sandbox::User) must get through to what is its own.
    fs.mkdirSync(scratch, { mode: 0o711 });
    fs.chmodSync(scratch, 0o711);
  } catch (error) {
    throw storeError(`cannot make \`${scratch}\``, error);
  }
}

interface DescribeOptions extends MakeImageOptions {
  readonly reference: string;
  readonly suite: string;
  readonly platform: Platform;
}

/** No time is in it: the same files are the same image. */
async function describe({ diffId, size }: StoredLayer, options: DescribeOptions): Promise<ImageRecord> {
  const { reference, suite, platform } = options;
  const config = await storeJson(OCI_CONFIG, imageConfig(diffId, { suite, platform }), options);
  const layers = [{ mediaType: OCI_LAYER, digest: diffId, size }];
  const manifest = await storeJson(OCI_MANIFEST, { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers }, options);
  return describeImage(options.store, { reference, target: manifest, manifest, recordedAt: Date.now() });
}

function imageConfig(diffId: string, { suite, platform }: { readonly suite: string; readonly platform: Platform }): object {
  const { os, architecture, variant } = platform;
  return {
    os,
    architecture,
    ...(variant === undefined ? {} : { variant }),
    config: {
      Env: [`PATH=${DEFAULT_PATH}`],
      Cmd: ['bash'],
      WorkingDir: '/',
      Labels: { 'org.opencontainers.image.base.name': `debian:${suite}` },
    },
    rootfs: { type: 'layers', diff_ids: [diffId] },
    history: [{ created_by: `mmdebstrap ${suite}` }],
  };
}

async function storeJson(mediaType: string, value: object, { store, lease, signal }: MakeImageOptions): Promise<Descriptor> {
  const content = Buffer.from(JSON.stringify(value));
  lease.hold([`sha256:${createHash('sha256').update(content).digest('hex')}`]);
  return await store.storeContent(mediaType, content, signal);
}
