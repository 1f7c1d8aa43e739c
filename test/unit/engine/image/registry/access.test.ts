import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http, { type IncomingMessage } from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { digestOf } from '../../../../../engine/codec/digest.ts';
import { MEDIA_TYPES } from '../../../../../engine/codec/image-manifest.ts';
import { parseReference } from '../../../../../engine/codec/image-reference.ts';
import { openRegistry, type Registry } from '../../../../../engine/image/registry/open.ts';
import { indexOf, smallImage, testSink } from '../../../../support/registry-world.ts';
import { type Script, type ScriptedRegistry, scriptedRegistry, selfSigned } from '../../../../support/scripted-registry.ts';

const signal = new AbortController().signal;
const amd64 = { os: 'linux', architecture: 'amd64' };
const image = smallImage();
const blobs = new Map([image.config, ...image.layers].map((bytes) => [digestOf(bytes), bytes]));

/** One image under every name and tag. */
const serving: Script = (request, response, url) => {
  const digest = url.pathname.split('/').at(-1) ?? '';
  if (url.pathname.includes('/manifests/'))
    response.writeHead(200, { 'content-type': MEDIA_TYPES.ociManifest, 'docker-content-digest': image.descriptor.digest });
  else if (!blobs.has(digest)) response.writeHead(404);
  response.end(request.method === 'HEAD' ? undefined : url.pathname.includes('/manifests/') ? image.manifest : blobs.get(digest));
};

let directory: string | undefined;
afterEach(() => {
  if (directory !== undefined) rmSync(directory, { recursive: true });
  directory = undefined;
});

/** With these files in a directory of its own. */
function openWith(
  files: { readonly docker?: unknown; readonly registries?: unknown },
  environment: Readonly<Record<string, string>> = {},
  now = Date.now,
): Registry & { notices: string[] } {
  directory ??= mkdtempSync(join(tmpdir(), 'tsstack-registry-'));
  if (files.docker) writeFileSync(join(directory, 'config.json'), JSON.stringify(files.docker));
  const settings = join(directory, 'registries.json');
  writeFileSync(settings, JSON.stringify({ registries: files.registries ?? {} }));
  const notices: string[] = [];
  const options = { sleep: async () => undefined, onNotice: (text: string) => void notices.push(text), now };
  const registry = openRegistry({ environment: { DOCKER_CONFIG: directory, TSSTACK_REGISTRIES: settings, ...environment }, ...options });
  return Object.assign(registry, { notices });
}

const pull = (registry: Registry, host: string, name = 'team/app:1') =>
  registry.resolve(parseReference(`${host}/${name}`), amd64, { signal });

describe('tokens', () => {
  async function withTokens(
    given: string[],
    refuse: (request: IncomingMessage) => boolean = () => false,
  ): Promise<ScriptedRegistry & { asked: string[] }> {
    const asked: string[] = [];
    const server = await scriptedRegistry((request, response, url) => {
      if (url.pathname === '/token') {
        asked.push(`${request.method} ${url.search} ${request.headers.authorization ?? 'nobody'}`);
        given.push(`token${given.length}`);
        return response.end(JSON.stringify({ token: given.at(-1), expires_in: 300 }));
      }
      if (request.headers.authorization === `Bearer ${given.at(-1)}` && !refuse(request)) return serving(request, response, url);
      const realm = `http://${request.headers.host}/token`;
      response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}",service="svc",scope="repository:team/app:pull"` }).end();
    });
    return Object.assign(server, { asked });
  }

  test('one is fetched for a repository, and used until it has run out', async () => {
    await using server = await withTokens([]);
    let now = 0;
    using registry = openWith({}, {}, () => now);
    await pull(registry, server.host);
    await pull(registry, server.host, 'team/app:2');
    expect(server.asked).toEqual(['GET ?service=svc&scope=repository%3Ateam%2Fapp%3Apull nobody']);
    now = 296_000;
    await pull(registry, server.host);
    expect(server.asked).toHaveLength(2);
    await pull(registry, server.host, 'other:1');
    expect(server.asked.at(-1)).toContain('repository%3Aother%3Apull');
  });

  test('blobs that are refused together wait for one token', async () => {
    await using server = await withTokens([]);
    using registry = openWith({});
    const [config, layer] = [image.config, image.layers[0] ?? Buffer.alloc(0)].map((bytes) => ({
      mediaType: '',
      digest: digestOf(bytes),
      size: bytes.length,
    }));
    if (config === undefined || layer === undefined) throw new Error('the image is too small');
    await Promise.all(
      [config, layer, config, layer].map((descriptor) =>
        registry.fetchBlob({ registry: server.host, repository: 'team/app' }, descriptor, { sink: testSink(descriptor), signal }),
      ),
    );
    expect(server.asked).toHaveLength(1);
  });

  test('credentials are shown to the token server, and an identity token is exchanged', async () => {
    const given: string[] = [];
    await using server = await withTokens(given);
    using known = openWith({ docker: { auths: { [server.host]: { username: 'me', password: 'pw' } } } });
    await pull(known, server.host);
    expect(server.asked).toEqual([
      `GET ?service=svc&scope=repository%3Ateam%2Fapp%3Apull&account=me Basic ${Buffer.from('me:pw').toString('base64')}`,
    ]);
    using identified = openWith({ docker: { auths: { [server.host]: { identitytoken: 'id' } } } });
    await pull(identified, server.host);
    expect(server.asked.at(-1)).toBe('POST  nobody');
  });

  test('who is refused with a fresh token is told so, and asks no third time', async () => {
    await using server = await withTokens([], () => true);
    using registry = openWith({});
    await expect(pull(registry, server.host)).rejects.toMatchObject({ kind: 'unauthorized' });
    expect(server.asked).toHaveLength(1);
    expect(server.requests.filter((line) => line.includes('/manifests/'))).toHaveLength(2);
  });
});

describe('redirects', () => {
  test('are followed to another host, which is not told who we are', async () => {
    const seen: (string | undefined)[] = [];
    await using elsewhere = await scriptedRegistry((request, response, url) => {
      seen.push(request.headers.authorization);
      serving(request, response, url);
    });
    await using server = await scriptedRegistry((request, response, url) => {
      if (request.headers.authorization === undefined) return void response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      if (url.pathname.includes('/blobs/')) response.writeHead(307, { location: `http://${elsewhere.host}${url.pathname}` }).end();
      else serving(request, response, url);
    });
    using registry = openWith({ docker: { auths: { [server.host]: { username: 'me', password: 'pw' } } } });
    expect((await pull(registry, server.host)).manifestDigest).toBe(image.descriptor.digest);
    expect(seen).toEqual([undefined]);
  });

  test('without end come to one', async () => {
    await using server = await scriptedRegistry((request, response) => void response.writeHead(302, { location: request.url ?? '' }).end());
    using registry = openWith({});
    await expect(pull(registry, server.host)).rejects.toThrow('from one address to the next without end');
  });
});

describe('mirrors', () => {
  test('are asked first, and what they lack is asked of the registry', async () => {
    await using mirror = await scriptedRegistry((request, response, url) =>
      url.pathname.includes('/blobs/') ? response.writeHead(404).end() : serving(request, response, url),
    );
    await using origin = await scriptedRegistry(serving);
    using registry = openWith({ registries: { [origin.host]: { mirrors: [`http://${mirror.host}/hub`] } } });
    expect((await pull(registry, origin.host)).manifestDigest).toBe(image.descriptor.digest);
    const [layer] = (await pull(registry, origin.host)).manifest.layers;
    if (layer === undefined) throw new Error('no layer');
    const sink = testSink(layer);
    await registry.fetchBlob({ registry: origin.host, repository: 'team/app' }, layer, { sink, signal });
    expect(mirror.requests[0]).toBe('GET /v2/hub/team/app/manifests/1');
    expect(sink.content()).toEqual(image.layers[0]);
  });

  test('one that cannot be reached is left out from then on, and that is told once', async () => {
    const gone = await scriptedRegistry(() => undefined);
    await gone[Symbol.asyncDispose]();
    await using origin = await scriptedRegistry(serving);
    using registry = openWith({ registries: { [origin.host]: { mirrors: [`http://${gone.host}`] } } });
    await pull(registry, origin.host);
    await pull(registry, origin.host);
    expect(registry.notices).toEqual([expect.stringMatching(/refuses connections; going on without the mirror/)]);
  });
});

describe('proxies', () => {
  /** Plain requests are forwarded, CONNECT is a tunnel; either way to this server, whatever host is named. */
  async function proxyTo(target: string): Promise<AsyncDisposable & { readonly url: string; readonly seen: string[] }> {
    const seen: string[] = [];
    const [host = '', port = ''] = target.split(':');
    const proxy = http.createServer((request, response) => {
      seen.push(`${request.method} ${request.url} ${request.headers['proxy-authorization']}`);
      const { pathname } = new URL(request.url ?? '');
      request.pipe(
        http.request({ host, port, path: pathname, method: request.method, headers: request.headers }, (answer) => {
          response.writeHead(answer.statusCode ?? 0, answer.headers);
          answer.pipe(response);
        }),
      );
    });
    const tunnels = new Set<net.Socket>();
    proxy.on('connect', (request, socket: net.Socket) => {
      seen.push(`CONNECT ${request.url} ${request.headers['proxy-authorization']}`);
      const out = net.connect(Number(port), host, () => socket.write('HTTP/1.1 200 Connection established\r\n\r\n'));
      for (const end of [socket, out]) tunnels.add(end.on('error', () => undefined));
      out.pipe(socket).pipe(out);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    return {
      url: `http://us:pw@127.0.0.1:${(proxy.address() as AddressInfo).port}`,
      seen,
      async [Symbol.asyncDispose]() {
        for (const socket of tunnels) socket.destroy();
        proxy.closeAllConnections();
        await new Promise((resolve) => proxy.close(resolve));
      },
    };
  }
  const authorization = `Basic ${Buffer.from('us:pw').toString('base64')}`;

  test('an unencrypted registry is asked through HTTP_PROXY', async () => {
    await using server = await scriptedRegistry(serving);
    await using proxy = await proxyTo(server.host);
    // Nobody has that name: only the proxy can know it.
    using registry = openWith(
      { registries: { 'mirrored.invalid': { mirrors: ['http://plain.invalid:8080'] } } },
      { HTTP_PROXY: proxy.url },
    );
    await pull(registry, 'mirrored.invalid');
    expect(proxy.seen[0]).toBe(`GET http://plain.invalid:8080/v2/team/app/manifests/1 ${authorization}`);
  });

  test('an encrypted one through a tunnel of HTTPS_PROXY, which is used again', async () => {
    await using server = await scriptedRegistry(serving, { tls: selfSigned });
    await using proxy = await proxyTo(server.host);
    using registry = openWith({ registries: { 'secure.invalid': { insecure: true } } }, { HTTPS_PROXY: proxy.url });
    expect((await pull(registry, 'secure.invalid')).manifestDigest).toBe(image.descriptor.digest);
    expect(proxy.seen).toEqual([`CONNECT secure.invalid:443 ${authorization}`]);
  });

  test('one that is not there is named', async () => {
    using registry = openWith({}, { HTTPS_PROXY: 'http://127.0.0.1:9' });
    await expect(pull(registry, 'secure.invalid')).rejects.toMatchObject({
      kind: 'unreachable',
      message: expect.stringContaining('the proxy `127.0.0.1:9` cannot be used'),
    });
  });
});

describe('looking up', () => {
  test('a tag that has not moved costs one HEAD', async () => {
    await using server = await scriptedRegistry(serving);
    using registry = openWith({});
    const known = new Map([...blobs, [image.descriptor.digest, image.manifest]]);
    const readLocal = async (digest: string) => known.get(digest);
    const found = await registry.resolve(parseReference(`${server.host}/app:1`), amd64, { signal, readLocal });
    expect(found.config.platform).toEqual(amd64);
    expect(server.requests).toEqual(['HEAD /v2/app/manifests/1']);
  });

  test('by digest what is here is not asked for at all', async () => {
    await using server = await scriptedRegistry(serving);
    using registry = openWith({});
    const readLocal = async (digest: string) => new Map([...blobs, [image.descriptor.digest, image.manifest]]).get(digest);
    await registry.resolve(parseReference(`${server.host}/app@${image.descriptor.digest}`), amd64, { signal, readLocal });
    expect(server.requests).toEqual([]);
  });

  test.each([
    [
      'something that is no manifest',
      (_: IncomingMessage, response: http.ServerResponse) => response.end('<html>'),
      'app:1',
      'wrong-content',
    ],
    ['a denial', (_: IncomingMessage, response: http.ServerResponse) => response.writeHead(403).end(), 'app:1', 'denied'],
    ['a teapot', (_: IncomingMessage, response: http.ServerResponse) => response.writeHead(418).end(), 'app:1', 'refused'],
  ])('%s is told as such', async (_, script, name, kind) => {
    await using server = await scriptedRegistry(script);
    using registry = openWith({});
    await expect(pull(registry, server.host, name)).rejects.toMatchObject({ code: 'image', kind });
  });

  test('another manifest than the one its digest names is not taken', async () => {
    const other = smallImage({ layers: [Buffer.from('other')] });
    await using server = await scriptedRegistry((_, response) => response.end(other.manifest));
    using registry = openWith({});
    await expect(pull(registry, server.host, `app@${image.descriptor.digest}`)).rejects.toMatchObject({
      kind: 'wrong-content',
      message: expect.stringContaining(`sent a manifest that is \`${other.descriptor.digest}\`, not \`${image.descriptor.digest}\``),
    });
  });

  test('an image for another architecture is refused by name', async () => {
    const arm = smallImage({ architecture: 'arm64' });
    await using server = await scriptedRegistry((_, response, url) =>
      response.end(url.pathname.includes('/manifests/') ? arm.manifest : arm.config),
    );
    using registry = openWith({});
    await expect(pull(registry, server.host)).rejects.toMatchObject({
      kind: 'no-platform',
      message: expect.stringContaining('it is for linux/arm64, not for linux/amd64'),
    });
  });

  test('an index inside an index is refused', async () => {
    const inner = indexOf([]);
    const outer = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        manifests: [{ mediaType: MEDIA_TYPES.ociIndex, digest: digestOf(inner), size: inner.length, platform: amd64 }],
      }),
    );
    await using server = await scriptedRegistry((_, response, url) => response.end(url.pathname.endsWith('/1') ? outer : inner));
    using registry = openWith({});
    await expect(pull(registry, server.host)).rejects.toThrow('its index holds another index');
  });
});

describe('a settings file', () => {
  test('that somebody named must be there', () => {
    expect(() => openRegistry({ environment: { TSSTACK_REGISTRIES: '/nonexistent/registries.json' } })).toThrow(
      'cannot read `/nonexistent/registries.json`: it does not exist',
    );
  });
});

describe('credential helpers', () => {
  test('one that is not installed is named', async () => {
    await using server = await scriptedRegistry(
      (_, response) => void response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end(),
    );
    using registry = openWith({ docker: { credsStore: 'nowhere' } }, { PATH: '/nonexistent' });
    await expect(pull(registry, server.host)).rejects.toThrow(
      `cannot ask \`docker-credential-nowhere\` for the credentials of \`${server.host}\`: it is not installed`,
    );
  });
});
