import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { openRegistry, type Registry, type RegistryOptions } from '../../../../../engine/image/registry/open.ts';
import { descriptorOf, testSink } from '../../../../support/registry-world.ts';
import { scriptedRegistry, sendRange } from '../../../../support/scripted-registry.ts';

const content = randomBytes(300_000);
const descriptor = descriptorOf(content, 'application/octet-stream');
const signal = new AbortController().signal;

function impatient(options: Partial<RegistryOptions> = {}): { registry: Registry; waits: number[]; notices: string[] } {
  const waits: number[] = [];
  const notices: string[] = [];
  const sleep = async (ms: number) => void waits.push(ms);
  const registry = openRegistry({ environment: { HOME: '/nonexistent' }, sleep, onNotice: (text) => notices.push(text), ...options });
  return { registry, waits, notices };
}

describe('fetching a blob', () => {
  test('goes on where the connection broke', async () => {
    let calls = 0;
    await using server = await scriptedRegistry((request, response) => {
      calls += 1;
      if (calls > 1) return sendRange(request, response, content);
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, 100_000), () => response.destroy());
    });
    const { registry, waits } = impatient();
    const sink = testSink(descriptor);
    await registry.fetchBlob({ registry: server.host, repository: 'app' }, descriptor, { sink, signal });
    expect(sink.content().equals(content)).toBe(true);
    expect(sink.restarts()).toBe(0);
    expect(waits).toEqual([250]);
    registry[Symbol.dispose]();
  });

  test('begins anew, without writing twice, at a server that does no ranges', async () => {
    await using server = await scriptedRegistry((_, response) => response.end(content));
    using registry = impatient().registry;
    const sink = testSink(descriptor, content.subarray(0, 123_456));
    await registry.fetchBlob({ registry: server.host, repository: 'app' }, descriptor, { sink, signal });
    expect(sink.content().equals(content)).toBe(true);
    expect(sink.restarts()).toBe(0);
  });

  test('asks for nothing if all of it is there', async () => {
    await using server = await scriptedRegistry((_, response) => response.end());
    using registry = impatient().registry;
    await registry.fetchBlob({ registry: server.host, repository: 'app' }, descriptor, { sink: testSink(descriptor, content), signal });
    expect(server.requests).toEqual([]);
  });

  test('fetches all of it again if what was there is damaged', async () => {
    await using server = await scriptedRegistry((request, response) => sendRange(request, response, content));
    using registry = impatient().registry;
    const sink = testSink(descriptor, Buffer.alloc(1000, 'x'));
    await registry.fetchBlob({ registry: server.host, repository: 'app' }, descriptor, { sink, signal });
    expect(sink.content().equals(content)).toBe(true);
    expect(sink.restarts()).toBe(1);
  });

  test('gives up on a server that always sends too little, and says how much there was', async () => {
    await using server = await scriptedRegistry((_, response) => response.end(content.subarray(0, 100)));
    const { registry, waits } = impatient();
    const sink = testSink(descriptor);
    const failed = registry.fetchBlob({ registry: server.host, repository: 'app' }, descriptor, { sink, signal });
    await expect(failed).rejects.toMatchObject({
      code: 'image',
      kind: 'cut-off',
      message: `cannot fetch \`${descriptor.digest}\` of \`${server.host}/app\`: \`${server.host}\` sent only 100 of 300000 bytes`,
    });
    expect(waits).toEqual([250, 500, 1000, 2000, 4000]);
    registry[Symbol.dispose]();
  });

  test.each([
    ['other bytes', randomBytes(content.length)],
    ['more bytes', Buffer.concat([content, Buffer.from('x')])],
  ])('keeps nothing of %s, and does not ask again for what is wrong from its start', async (_, wrong) => {
    await using server = await scriptedRegistry((_request, response) => response.end(wrong));
    using registry = impatient().registry;
    const sink = testSink(descriptor);
    const failed = registry.fetchBlob({ registry: server.host, repository: 'app' }, descriptor, { sink, signal });
    await expect(failed).rejects.toMatchObject({ kind: 'wrong-content' });
    expect([sink.offset, server.requests.length]).toEqual([0, 1]);
  });

  test('waits as long as a busy registry asks for, and tells', async () => {
    await using server = await scriptedRegistry((request, response) => {
      if (server.requests.length > 1) return sendRange(request, response, content);
      response.writeHead(429, { 'retry-after': '7' }).end('{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}');
    });
    const { registry, waits, notices } = impatient();
    await registry.fetchBlob({ registry: server.host, repository: 'app' }, descriptor, { sink: testSink(descriptor), signal });
    expect(waits).toEqual([7000]);
    expect(notices).toEqual([expect.stringMatching(/gets too many requests from us \(slow down\); trying again in 7 s$/)]);
    registry[Symbol.dispose]();
  });

  test('does not wait for an hour, and says that it would have to', async () => {
    const now = Date.parse('2026-01-01T00:00:00Z');
    await using server = await scriptedRegistry((_, response) => {
      response.writeHead(429, { 'retry-after': 'Thu, 01 Jan 2026 01:00:00 GMT' }).end();
    });
    const { registry, waits } = impatient({ now: () => now });
    const failed = registry.fetchBlob({ registry: server.host, repository: 'app' }, descriptor, { sink: testSink(descriptor), signal });
    await expect(failed).rejects.toMatchObject({ kind: 'rate-limited', hint: 'try again in 60 min, log in, or use a mirror' });
    expect(waits).toEqual([]);
    registry[Symbol.dispose]();
  });

  test('tries again what failed inside the registry', async () => {
    await using server = await scriptedRegistry((request, response) => {
      if (server.requests.length > 2) return sendRange(request, response, content);
      response.writeHead(503).end();
    });
    const { registry, waits } = impatient();
    await registry.fetchBlob({ registry: server.host, repository: 'app' }, descriptor, { sink: testSink(descriptor), signal });
    expect(waits).toEqual([250, 500]);
    registry[Symbol.dispose]();
  });

  test('is cancelled in the middle with the reason it was given', async () => {
    const abort = new AbortController();
    await using server = await scriptedRegistry((_, response) => {
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, 1000));
    });
    using registry = impatient().registry;
    const reason = new Error('enough');
    const onProgress = () => abort.abort(reason);
    const options = { sink: testSink(descriptor), signal: abort.signal, onProgress };
    await expect(registry.fetchBlob({ registry: server.host, repository: 'app' }, descriptor, options)).rejects.toBe(reason);
  });

  test('is cancelled while it waits for its turn', async () => {
    await using server = await scriptedRegistry((_, response) => void response.writeHead(200, { 'content-length': 5 }).flushHeaders());
    using registry = impatient({ parallel: 1 }).registry;
    const [first, second] = [new AbortController(), new AbortController()];
    const fetch = (abort: AbortController) =>
      registry.fetchBlob({ registry: server.host, repository: 'app' }, descriptor, { sink: testSink(descriptor), signal: abort.signal });
    const [one, two] = [fetch(first), fetch(second)];
    second.abort(new Error('second'));
    await expect(two).rejects.toThrow('second');
    first.abort(new Error('first'));
    await expect(one).rejects.toThrow('first');
  });

  test("passes on the sink's own failure, and does not try again", async () => {
    await using server = await scriptedRegistry((request, response) => sendRange(request, response, content));
    using registry = impatient().registry;
    const full = Object.assign(new Error('no space left'), { code: 'ENOSPC' });
    const sink = { ...testSink(descriptor), offset: 0, write: () => Promise.reject(full) };
    await expect(registry.fetchBlob({ registry: server.host, repository: 'app' }, descriptor, { sink, signal })).rejects.toBe(full);
    expect(server.requests).toHaveLength(1);
  });

  test('says of a host that refuses connections what might be wrong, at once', async () => {
    const server = await scriptedRegistry(() => undefined);
    await server[Symbol.asyncDispose]();
    const { registry, waits } = impatient();
    const failed = registry.fetchBlob({ registry: server.host, repository: 'app' }, descriptor, { sink: testSink(descriptor), signal });
    await expect(failed).rejects.toMatchObject({ kind: 'unreachable', message: expect.stringContaining('refuses connections') });
    expect(waits).toEqual([]);
    registry[Symbol.dispose]();
  });

  test('says of a host that nobody knows that it is unknown', async () => {
    using registry = impatient().registry;
    const at = { registry: 'registry.invalid', repository: 'app' };
    const failed = registry.fetchBlob(at, descriptor, { sink: testSink(descriptor), signal });
    await expect(failed).rejects.toMatchObject({ kind: 'unknown-host' });
  });
});
