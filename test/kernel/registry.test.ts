import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MEDIA_TYPES } from '../../engine/codec/image-manifest.ts';
import { parseReference } from '../../engine/codec/image-reference.ts';
import { openRegistry, type Registry } from '../../engine/image/registry/open.ts';
import { type DockerRegistry, startDockerRegistry, temporaryDirectory } from '../support/docker-registry.ts';
import { descriptorOf, indexOf, type SmallImage, smallImage, testSink } from '../support/registry-world.ts';
import { until } from '../support/until.ts';

const programs = ['docker-registry', 'skopeo', 'umoci', 'openssl', 'htpasswd'];
const missing = programs.filter((program) => ['/usr/bin', '/usr/local/bin'].every((directory) => !existsSync(join(directory, program))));
const signal = new AbortController().signal;
const amd64 = { os: 'linux', architecture: 'amd64' };
const directory = temporaryDirectory('registry');
const inDirectory = (...names: string[]): string => join(directory.path, ...names);
afterAll(() => directory[Symbol.dispose]());

/** As `push` does it: what a manifest names comes before the manifest. */
async function push(registry: Registry, reference: string, image: SmallImage): Promise<string> {
  const to = parseReference(reference);
  const { config, layers } = JSON.parse(image.manifest.toString());
  const parts = [
    { descriptor: config, bytes: image.config },
    ...image.layers.map((bytes, index) => ({ descriptor: layers[index], bytes })),
  ];
  for (const { descriptor, bytes } of parts) await registry.putBlob(to, { descriptor, open: () => Readable.from([bytes]) }, { signal });
  const manifest = { mediaType: MEDIA_TYPES.ociManifest, bytes: image.manifest, signal };
  return await registry.putManifest(to, to.tag ?? image.descriptor.digest, manifest);
}

if (missing.length > 0) console.log(`skipped: registries, for want of ${missing.join(', ')}`);

describe.skipIf(missing.length > 0)('an open registry on loopback', () => {
  let server: DockerRegistry;
  let registry: Registry;
  beforeAll(async () => {
    server = await startDockerRegistry({ port: 5000, directory: inDirectory('open') });
    registry = openRegistry({ environment: { HOME: directory.path } });
  });
  afterAll(async () => {
    registry[Symbol.dispose]();
    await server.stop();
  });

  it('gives what umoci made and skopeo pushed, as skopeo sees it', async () => {
    const layer = randomBytes(3 << 20);
    makeWithUmoci(inDirectory('made'), layer);
    skopeo(['copy', '--dest-tls-verify=false', `oci:${inDirectory('made')}/layout:latest`, `docker://${server.host}/team/app:1`]);
    const seen = JSON.parse(skopeo(['inspect', '--tls-verify=false', `docker://${server.host}/team/app:1`]));

    const reference = parseReference(`${server.host}/team/app:1`);
    const image = await registry.resolve(reference, amd64, { signal });
    expect(image.digest).toBe(seen.Digest);
    expect(image.manifest.layers.map(({ digest }) => digest)).toEqual(seen.Layers);
    expect(image.config).toMatchObject({
      entrypoint: ['/bin/app'],
      command: ['--serve'],
      environment: { MODE: 'test' },
      workingDir: '/srv',
      user: '1000:1000',
      exposedPorts: ['80/tcp'],
    });
    const seenBytes: number[] = [];
    for (const descriptor of image.manifest.layers) {
      const sink = testSink(descriptor);
      await registry.fetchBlob(reference, descriptor, { sink, signal, onProgress: (bytes) => seenBytes.push(bytes) });
      expect(`sha256:${createHash('sha256').update(sink.content()).digest('hex')}`).toBe(descriptor.digest);
    }
    expect(seenBytes.at(-1)).toBe(image.manifest.layers.at(-1)?.size);
  });

  it('takes what we push, and skopeo copies it out unchanged', async () => {
    const image = smallImage({ layers: [Buffer.from('one'), Buffer.from('two')] });
    expect(await push(registry, `${server.host}/ours:v1`, image)).toBe(image.descriptor.digest);
    skopeo(['copy', '--src-tls-verify=false', `docker://${server.host}/ours:v1`, `dir:${inDirectory('copied')}`]);
    expect(readFileSync(inDirectory('copied', 'manifest.json'))).toEqual(image.manifest);
    const [layer = Buffer.alloc(0)] = image.layers;
    expect(readFileSync(inDirectory('copied', descriptorOf(layer, '').digest.slice('sha256:'.length)))).toEqual(layer);
  });

  it('sends a blob once, and mounts it from where it is', async () => {
    const bytes = randomBytes(100_000);
    const source = { descriptor: descriptorOf(bytes, 'application/octet-stream'), open: () => Readable.from([bytes]) };
    const at = (repository: string) => ({ registry: server.host, repository });
    expect(await registry.putBlob(at('first'), source, { signal })).toBe('sent');
    expect(await registry.putBlob(at('first'), source, { signal })).toBe('present');
    expect(await registry.putBlob(at('second'), { ...source, mountFrom: 'first' }, { signal })).toBe('mounted');
    expect(await registry.putBlob(at('third'), { ...source, mountFrom: 'nowhere' }, { signal })).toBe('sent');
    const sink = testSink(source.descriptor);
    await registry.fetchBlob(at('second'), source.descriptor, { sink, signal });
    expect(sink.content().equals(bytes)).toBe(true);
  });

  it('goes on behind the part of a blob that is there', async () => {
    const bytes = randomBytes(500_000);
    const descriptor = descriptorOf(bytes, 'application/octet-stream');
    const at = { registry: server.host, repository: 'resumed' };
    await registry.putBlob(at, { descriptor, open: () => Readable.from([bytes]) }, { signal });
    const sink = testSink(descriptor, bytes.subarray(0, 400_000));
    const progress: number[] = [];
    await registry.fetchBlob(at, descriptor, { sink, signal, onProgress: (held) => progress.push(held) });
    expect(sink.content().equals(bytes)).toBe(true);
    expect(sink.restarts()).toBe(0);
    expect(Math.min(...progress)).toBeGreaterThan(400_000);
    // The registry writes it down when it has sent the last byte, and that may be after we have it.
    await until('the registry has sent the rest alone', () =>
      /http\.response\.status=206 http\.response\.written=100000/.test(server.log()),
    );
  });

  it('finds the image for a platform in an index, and names those there are if it is not among them', async () => {
    const [amd, arm] = [smallImage({ architecture: 'amd64' }), smallImage({ architecture: 'arm64' })];
    const digests = [
      await push(registry, `${server.host}/multi@${amd.descriptor.digest}`, amd),
      await push(registry, `${server.host}/multi@${arm.descriptor.digest}`, arm),
    ];
    const index = indexOf([
      { ...amd, platform: 'linux/amd64' },
      { ...arm, platform: 'linux/arm64/v8' },
    ]);
    const reference = parseReference(`${server.host}/multi:1`);
    const digest = await registry.putManifest(reference, '1', { mediaType: MEDIA_TYPES.ociIndex, bytes: index, signal });
    const found = await registry.resolve(reference, { os: 'linux', architecture: 'arm64' }, { signal });
    expect([found.digest, found.manifestDigest]).toEqual([digest, digests[1]]);
    expect(found.documents.map(({ bytes }) => Buffer.from(bytes))).toEqual([index, arm.manifest, arm.config]);
    await expect(registry.resolve(reference, { os: 'linux', architecture: 's390x' }, { signal })).rejects.toMatchObject({
      code: 'image',
      kind: 'no-platform',
      message: expect.stringContaining('no image for linux/s390x, only for linux/amd64, linux/arm64/v8'),
    });
  });

  it('says that a tag is not there, in the words of the registry', async () => {
    await expect(registry.resolve(parseReference(`${server.host}/team/none:9`), amd64, { signal })).rejects.toMatchObject({
      kind: 'not-found',
      message: `cannot pull \`${server.host}/team/none:9\`: \`${server.host}\` has no \`team/none:9\` (manifest unknown)`,
    });
  });

  it('does not pass off a blob that was damaged on the disk of the registry', async () => {
    const bytes = randomBytes(10_000);
    const descriptor = descriptorOf(bytes, 'application/octet-stream');
    const at = { registry: server.host, repository: 'damaged' };
    await registry.putBlob(at, { descriptor, open: () => Readable.from([bytes]) }, { signal });
    const hex = descriptor.digest.slice('sha256:'.length);
    const file = inDirectory('open/data/docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data');
    writeFileSync(file, Buffer.concat([Buffer.from('x'), bytes.subarray(1)]));
    const sink = testSink(descriptor);
    await expect(registry.fetchBlob(at, descriptor, { sink, signal })).rejects.toMatchObject({ kind: 'wrong-content' });
    expect(sink.offset).toBe(0);
  });
});

describe.skipIf(missing.length > 0)('a registry with TLS and a password', () => {
  let server: DockerRegistry;
  const reference = 'localhost:5443/private:1';
  beforeAll(async () => {
    const [certificate, key] = [inDirectory('cert.pem'), inDirectory('key.pem')];
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
        '-subj',
        '/CN=registry',
        '-addext',
        'subjectAltName=IP:198.51.100.1',
        '-keyout',
        key,
        '-out',
        certificate,
      ],
      { stdio: 'pipe' },
    );
    // Not a loopback address, so nothing about it is trusted; and reached by nobody else, since this network is our own.
    execFileSync('ip', ['address', 'add', '198.51.100.1/32', 'dev', 'lo']);
    server = await startDockerRegistry({
      port: 5443,
      address: '0.0.0.0',
      directory: inDirectory('locked'),
      user: { name: 'tester', password: 's3cret' },
      tls: { certificate, key },
    });
  });
  afterAll(async () => {
    await server.stop();
    execFileSync('ip', ['address', 'delete', '198.51.100.1/32', 'dev', 'lo']);
  });

  it('lets in who is written down in config.json, and tells the others that it wants to know', async () => {
    const configured = dockerConfig('auths', { auths: { 'localhost:5443': { auth: Buffer.from('tester:s3cret').toString('base64') } } });
    using known = openRegistry({ environment: { DOCKER_CONFIG: configured } });
    await push(known, reference, smallImage());
    expect((await known.resolve(parseReference(reference), amd64, { signal })).manifest.layers).toHaveLength(1);
    using unknown = openRegistry({ environment: { HOME: '/nonexistent' } });
    await expect(unknown.resolve(parseReference(reference), amd64, { signal })).rejects.toMatchObject({
      kind: 'unauthorized',
      message: expect.stringContaining('wants to know who we are'),
    });
    using wrong = openRegistry({
      environment: { DOCKER_CONFIG: dockerConfig('wrong', { auths: { 'localhost:5443': { username: 'tester', password: 'no' } } }) },
    });
    await expect(wrong.resolve(parseReference(reference), amd64, { signal })).rejects.toMatchObject({
      kind: 'unauthorized',
      message: expect.stringContaining('does not accept our credentials'),
    });
  });

  it('is shown what a credential helper says', async () => {
    const bin = inDirectory('bin');
    mkdirSync(bin, { recursive: true });
    const helper = join(bin, 'docker-credential-scripted');
    writeFileSync(
      helper,
      `#!/bin/sh\nread server\n[ "$1 $server" = 'get localhost:5443' ] || { echo "credentials not found in native keychain"; exit 1; }\necho '{"ServerURL":"localhost:5443","Username":"tester","Secret":"s3cret"}'\n`,
    );
    chmodSync(helper, 0o755);
    const DOCKER_CONFIG = dockerConfig('helper', { credHelpers: { 'localhost:5443': 'scripted' } });
    using registry = openRegistry({ environment: { DOCKER_CONFIG, PATH: `${bin}:${process.env['PATH']}` } });
    expect(await push(registry, 'localhost:5443/private:2', smallImage())).toMatch(/^sha256:/);
  });

  it('is not trusted under another name until somebody names its authority', async () => {
    const DOCKER_CONFIG = dockerConfig('named', { auths: { '198.51.100.1:5443': { username: 'tester', password: 's3cret' } } });
    using suspicious = openRegistry({ environment: { DOCKER_CONFIG } });
    const named = parseReference('198.51.100.1:5443/private:1');
    await expect(suspicious.resolve(named, amd64, { signal })).rejects.toMatchObject({
      kind: 'certificate',
      message: expect.stringContaining('is signed by itself'),
    });
    const file = inDirectory('registries.json');
    writeFileSync(file, JSON.stringify({ registries: { '198.51.100.1:5443': { ca: inDirectory('cert.pem') } } }));
    using trusting = openRegistry({ environment: { DOCKER_CONFIG, TSSTACK_REGISTRIES: file } });
    expect(await push(trusting, '198.51.100.1:5443/private:1', smallImage())).toMatch(/^sha256:/);
  });
});

function dockerConfig(name: string, content: unknown): string {
  mkdirSync(inDirectory('docker', name), { recursive: true });
  writeFileSync(inDirectory('docker', name, 'config.json'), JSON.stringify(content));
  return inDirectory('docker', name);
}

function makeWithUmoci(into: string, content: Buffer): void {
  mkdirSync(into);
  const umoci = (...args: string[]) => execFileSync('umoci', args, { cwd: into, stdio: 'pipe' });
  umoci('init', '--layout', 'layout');
  umoci('new', '--image', 'layout:latest');
  for (const [name, bytes] of [
    ['random', content],
    ['text', Buffer.from('hello\n')],
  ] as const) {
    mkdirSync(join(into, name));
    writeFileSync(join(into, name, 'file'), bytes);
    umoci('insert', '--image', 'layout:latest', join(into, name), `/${name}`);
  }
  const config = ['--config.entrypoint', '/bin/app', '--config.cmd', '--serve', '--config.env', 'MODE=test', '--config.workingdir', '/srv'];
  umoci(
    'config',
    '--image',
    'layout:latest',
    ...config,
    '--config.user',
    '1000:1000',
    '--config.exposedports',
    '80/tcp',
    '--architecture',
    'amd64',
    '--os',
    'linux',
  );
  if (readdirSync(join(into, 'layout/blobs/sha256')).length < 4) throw new Error('umoci made too little');
}

function skopeo(args: string[]): string {
  return execFileSync('skopeo', ['--insecure-policy', ...args], {
    encoding: 'utf8',
    stdio: 'pipe',
    env: { ...process.env, HOME: directory.path },
  });
}
