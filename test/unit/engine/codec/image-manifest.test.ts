import { describe, expect, test } from 'vitest';
import { layerCompression, MEDIA_TYPES, parseManifest } from '../../../../engine/codec/image-manifest.ts';

const digest = `sha256:${'1b'.repeat(32)}`;
const config = { mediaType: MEDIA_TYPES.ociConfig, digest, size: 7 };
const layer = { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest, size: 9 };
const manifest = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociManifest, config, layers: [layer] };
const parse = (value: unknown, type?: string) => parseManifest(typeof value === 'string' ? value : JSON.stringify(value), type);

describe('manifests', () => {
  test('of OCI, of Docker, and without a type of their own', () => {
    expect(parse(manifest)).toEqual({ kind: 'manifest', mediaType: MEDIA_TYPES.ociManifest, config, layers: [layer], annotations: {} });
    const dockerConfig = { ...config, mediaType: MEDIA_TYPES.dockerConfig };
    const dockerLayer = { ...layer, mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip' };
    const docker = { schemaVersion: 2, mediaType: MEDIA_TYPES.dockerManifest, config: dockerConfig, layers: [dockerLayer] };
    expect(parse(docker, MEDIA_TYPES.dockerManifest)).toMatchObject({ kind: 'manifest', mediaType: MEDIA_TYPES.dockerManifest });
    expect(parse({ ...manifest, mediaType: undefined }, 'application/json')).toMatchObject({ mediaType: MEDIA_TYPES.ociManifest });
  });

  test('an index names the platform of each', () => {
    const platform = { os: 'linux', architecture: 'arm', variant: 'v7', 'os.features': [] };
    const index = parse({ schemaVersion: 2, manifests: [{ ...config, platform }, config] });
    expect(index).toMatchObject({ kind: 'index', mediaType: MEDIA_TYPES.ociIndex });
    expect(index.kind === 'index' && index.manifests.map((entry) => entry.platform)).toEqual([
      { os: 'linux', architecture: 'arm', variant: 'v7' },
      undefined,
    ]);
  });

  test.each([
    ['{', 'is not JSON'],
    ['[]', 'is not an object'],
    [{ schemaVersion: 1, fsLayers: [] }, 'is of schema 1'],
    [{ ...manifest, schemaVersion: 3 }, 'is not of schema version 2'],
    [{ ...manifest, manifests: [] }, 'something else by its content'],
    [{ ...manifest, mediaType: MEDIA_TYPES.ociIndex }, 'something else by its content'],
    [{ ...manifest, mediaType: 'text/plain' }, 'has a type we do not know'],
    [{ ...manifest, config: { ...config, mediaType: 'application/vnd.cncf.helm.config.v1+json' } }, 'is of no container image'],
    [{ ...manifest, config: undefined }, 'has no `config`'],
    [{ ...manifest, layers: [{ ...layer, mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip' }] }, 'cannot be used'],
    [{ ...manifest, layers: [{ ...layer, digest: 'sha256:../../etc' }] }, 'has no valid digest in `layers[0]`'],
    [{ ...manifest, layers: [{ ...layer, size: -1 }] }, 'has no valid size in `layers[0]`'],
    [{ ...manifest, layers: 'none' }, 'has no `layers`'],
  ])('%j is refused: %s', (value, why) => {
    expect(() => parse(value)).toThrow(why);
  });

  test('what was sent as one thing and calls itself another is refused', () => {
    expect(() => parse(manifest, MEDIA_TYPES.dockerManifest)).toThrow('was sent as');
    expect(() => parse({ schemaVersion: 1 }, 'application/vnd.docker.distribution.manifest.v1+prettyjws')).toThrow('schema 1');
  });

  test('layers are packed in three ways', () => {
    expect(layerCompression('application/vnd.oci.image.layer.v1.tar')).toBe('none');
    expect(layerCompression('application/vnd.docker.image.rootfs.diff.tar.gzip')).toBe('gzip');
    expect(layerCompression('application/vnd.oci.image.layer.v1.tar+zstd')).toBe('zstd');
    expect(layerCompression('application/octet-stream')).toBeUndefined();
  });
});
