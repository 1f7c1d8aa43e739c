import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { openRegistry } from '../../../../../engine/image/registry/open.ts';
import { descriptorOf } from '../../../../support/registry-world.ts';
import { type Script, scriptedRegistry } from '../../../../support/scripted-registry.ts';

const content = randomBytes(200_000);
const descriptor = descriptorOf(content, 'application/octet-stream');
const source = { descriptor, open: () => Readable.from([content.subarray(0, 1000), content.subarray(1000)]) };
const signal = new AbortController().signal;
const open = () => openRegistry({ environment: { HOME: '/nonexistent' }, sleep: async () => undefined });

/** Nothing is there yet; what is put is up to `put`. */
const taking =
  (put: Script, location = '/elsewhere/1?state=a'): Script =>
  (request, response, url) => {
    if (request.method === 'HEAD') response.writeHead(404).end();
    else if (request.method === 'POST') response.writeHead(202, { location }).end();
    else put(request, response, url);
  };

describe('sending a blob', () => {
  test('goes to where the registry says, digest and length with it', async () => {
    const parts: Buffer[] = [];
    await using server = await scriptedRegistry(
      taking((request, response) => {
        request.on('data', (part: Buffer) => parts.push(part)).on('end', () => response.writeHead(201).end());
      }),
    );
    using registry = open();
    const progress: number[] = [];
    const outcome = await registry.putBlob({ registry: server.host, repository: 'app' }, source, {
      signal,
      onProgress: (sent) => progress.push(sent),
    });
    expect(outcome).toBe('sent');
    expect(Buffer.concat(parts).equals(content)).toBe(true);
    expect(progress).toEqual([1000, 200_000]);
    expect(server.requests.at(-1)).toBe(`PUT /elsewhere/1?state=a&digest=${encodeURIComponent(descriptor.digest)}`);
  });

  test('is taken from another repository of the registry, where that may be read', async () => {
    for (const [status, outcome] of [
      [201, 'mounted'],
      [202, 'sent'],
      [403, 'sent'],
    ] as const) {
      await using server = await scriptedRegistry((request, response, url) => {
        if (request.method === 'HEAD') response.writeHead(404).end();
        else if (request.method === 'POST') {
          const mounting = url.searchParams.get('mount') === descriptor.digest && url.searchParams.get('from') === 'team/other';
          response.writeHead(mounting ? status : 202, { location: '/upload/1' }).end();
        } else request.on('end', () => response.writeHead(201).end()).resume();
      });
      using registry = open();
      const repository = { registry: server.host, repository: 'app' };
      expect(await registry.putBlob(repository, { ...source, mountFrom: 'team/other' }, { signal })).toBe(outcome);
    }
  });

  test('is tried again from the start if the connection breaks', async () => {
    let puts = 0;
    await using server = await scriptedRegistry(
      taking((request, response) => {
        puts += 1;
        if (puts === 1) request.once('data', () => request.destroy());
        else request.on('end', () => response.writeHead(201).end()).resume();
      }),
    );
    using registry = open();
    expect(await registry.putBlob({ registry: server.host, repository: 'app' }, source, { signal })).toBe('sent');
    expect(puts).toBe(2);
  });

  test('waits for as long as a registry says that has too much to do, and no longer than that', async () => {
    let posts = 0;
    await using server = await scriptedRegistry((request, response, url) => {
      if (request.method === 'POST' && posts++ === 0) response.writeHead(429, { 'retry-after': '7' }).end();
      else if (request.method === 'POST' && posts === 2) response.writeHead(503).end();
      else taking((put, answer) => void put.on('end', () => answer.writeHead(201).end()).resume())(request, response, url);
    });
    const waits: number[] = [];
    using registry = openRegistry({ environment: { HOME: '/nonexistent' }, sleep: async (ms) => void waits.push(ms) });
    expect(await registry.putBlob({ registry: server.host, repository: 'app' }, source, { signal })).toBe('sent');
    expect(waits).toEqual([7000, 500]);
  });

  test('ends when a registry refuses it before it has heard all', async () => {
    await using server = await scriptedRegistry(
      taking((_, response) => void response.writeHead(413).end('{"errors":[{"code":"SIZE_INVALID","message":"too large"}]}')),
    );
    using registry = open();
    let left: Readable | undefined;
    const endless = {
      descriptor: { ...descriptor, size: 1e9 },
      open: () =>
        (left = new Readable({
          read() {
            this.push(content);
          },
        })),
    };
    await expect(registry.putBlob({ registry: server.host, repository: 'app' }, endless, { signal })).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('(too large)'),
      hint: expect.stringContaining('has a limit'),
    });
    expect(left?.destroyed).toBe(true);
  });

  test('that is shorter than it should be is not left hanging', async () => {
    await using server = await scriptedRegistry(taking((request) => void request.resume()));
    using registry = open();
    const short = { descriptor, open: () => Readable.from([content.subarray(0, 10)]) };
    await expect(registry.putBlob({ registry: server.host, repository: 'app' }, short, { signal })).rejects.toThrow(
      'is not the 200000 bytes it should be',
    );
  });

  test('ends at a registry that does not say where to', async () => {
    await using server = await scriptedRegistry(taking(() => undefined, 'http://['));
    using registry = open();
    await expect(registry.putBlob({ registry: server.host, repository: 'app' }, source, { signal })).rejects.toThrow(
      'does not say where to send it',
    );
  });
});

describe('sending a manifest', () => {
  test('is held against the digest that the registry has made of it', async () => {
    await using server = await scriptedRegistry(
      (_, response) => void response.writeHead(201, { 'docker-content-digest': descriptor.digest }).end(),
    );
    using registry = open();
    const sent = registry.putManifest({ registry: server.host, repository: 'app' }, 'v1', {
      mediaType: 'x',
      bytes: Buffer.from('{}'),
      signal,
    });
    await expect(sent).rejects.toMatchObject({
      kind: 'wrong-content',
      message: expect.stringContaining(`cannot push \`${server.host}/app:v1\``),
    });
  });
});
