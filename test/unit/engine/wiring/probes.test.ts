import { appendFileSync, renameSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HealthcheckSpec, ProbeSpec } from '../../../../dsl/spec.ts';
import type { ContainerRecord, ContainerStatus } from '../../../../engine/model/container.ts';
import { probeContainer } from '../../../../engine/wiring/probes.ts';
import { type WiredContainers, wiredContainers } from '../../../support/wired-containers.ts';

const RUNNING: ContainerStatus = {
  state: 'running',
  monitor: { pid: process.pid, startTime: 1 },
  init: { pid: process.pid, startTime: 1 },
  createdAt: 1,
  startedAt: Date.UTC(2026, 10, 22, 20, 0, 0, 5),
  finishedAt: undefined,
  exit: undefined,
};

let containers: WiredContainers;
let stop: AbortController;
let closing: (() => void)[];
beforeEach(() => {
  containers = wiredContainers();
  stop = new AbortController();
  closing = [];
});
afterEach(() => {
  stop.abort();
  for (const close of closing) close();
  containers[Symbol.dispose]();
});

function probe(spec: ProbeSpec, { status = RUNNING, timeoutMs = 5000, addresses = { front: '127.0.0.1' } } = {}) {
  const healthcheck: HealthcheckSpec = {
    probe: spec,
    intervalMs: 1000,
    timeoutMs,
    retries: 3,
    startPeriodMs: 0,
    startIntervalMs: 10,
    restart: true,
  };
  const record: ContainerRecord = containers.make('web-1', { healthcheck, addresses });
  return probeContainer(containers.session, record, { status, signal: stop.signal });
}

describe('a command', () => {
  const run = (script: string, more = {}) => probe({ kind: 'exec', argv: ['sh', '-c', script] }, more);

  it('answers with its exit code and the end of what it prints', async () => {
    expect(await run('echo fine; echo really >&2')).toMatchObject({ code: 0, output: expect.stringMatching(/fine\n/) });
    expect(await run('echo no; exit 7')).toEqual({ code: 7, output: 'no\n' });
    const { output } = await run('head -c 10000 /dev/zero | tr "\\0" x; echo end');
    expect([output.length, output.slice(-5)]).toEqual([4096, 'xend\n']);
  });

  it('is not waited for beyond its exit when it leaves something running that holds its output', async () => {
    // It ends by itself: this test doesn't know its number for sure.
    expect(await run('sleep 3 & echo fine')).toEqual({ code: 0, output: 'fine\n' });
  });

  it('that takes too long, or is cut off, is waited for no more', async () => {
    // The stand-in for the launcher knows no timeout, so this is our own.
    expect(await run('exec sleep 3', { timeoutMs: 10 })).toMatchObject({ code: 124 });
    const answer = run('exec sleep 3');
    stop.abort();
    expect(await answer).toMatchObject({ code: 124 });
  });

  it('cannot be asked of a container that does not run', async () => {
    expect(await run('true', { status: { ...RUNNING, init: undefined } })).toMatchObject({ code: 125 });
  });
});

describe('a GET', () => {
  const http = (port: number, parts = {}) => ({ kind: 'http', port, path: '/health?deep=1', headers: {}, ...parts }) as const;
  const serve = async (listener: RequestListener) => portOf(createServer(listener));

  it.each([
    [200, 0],
    [204, 0],
    [302, 0],
    [399, 0],
    [400, 1],
    [503, 1],
  ])('that is answered with %i is %i', async (status, code) => {
    let requests = 0;
    const port = await serve((_, response) => {
      requests++;
      response.writeHead(status, { location: '/elsewhere' }).end();
    });
    const result = await probe(http(port));
    expect(result).toMatchObject({ code, output: expect.stringContaining(`HTTP status ${status}`) });
    expect(requests, 'a redirect is not followed').toBe(1);
  });

  it('has the path and headers of the healthcheck, and a connection of its own', async () => {
    const seen: unknown[] = [];
    const port = await serve(({ method, url, headers }, response) => {
      seen.push([method, url, headers['x-probe'], headers.host, headers.connection]);
      response.end('ok');
    });
    await probe(http(port, { headers: { 'X-Probe': 'yes', Host: 'shop.example' } }));
    expect(seen).toEqual([['GET', '/health?deep=1', 'yes', 'shop.example', 'close']]);
  });

  it('does not wait for a body that never ends, and closes the connection', async () => {
    let closed = Promise.resolve();
    const port = await serve((_, response) => {
      closed = new Promise((resolve) => response.once('close', resolve));
      response.writeHead(200).write('and so on');
    });
    expect(await probe(http(port))).toMatchObject({ code: 0 });
    await closed;
  });

  it('that nobody takes, or that is cut off, says so', async () => {
    const free = await closedPort();
    expect(await probe(http(free))).toMatchObject({ code: 1, output: expect.stringContaining('ECONNREFUSED') });
    const port = await serve(() => stop.abort());
    await expect(probe(http(port))).rejects.toThrow();
  });

  it('goes to the first network, and cannot be asked of a container on none', async () => {
    const port = await serve((_, response) => void response.end());
    expect(await probe(http(port), { addresses: { front: '127.0.0.1', back: '127.0.0.2' } as { front: string } })).toMatchObject({
      code: 0,
    });
    expect(await probe(http(port), { addresses: {} as { front: string } })).toMatchObject({ code: 125 });
  });
});

describe('a connection', () => {
  it('that is taken is enough', async () => {
    const port = await portOf(createTcpServer());
    expect(await probe({ kind: 'tcp', port })).toEqual({ code: 0, output: '' });
  });

  it('that is refused says so', async () => {
    expect(await probe({ kind: 'tcp', port: await closedPort() })).toMatchObject({
      code: 1,
      output: expect.stringContaining('ECONNREFUSED'),
    });
  });
});

describe('a line of the log', () => {
  const log = { kind: 'log', pattern: 'ready to (accept|serve)', flags: 'ig' } as const;
  const write = (text: string, { ms = 10, container = 'web-1', tag = 'F' } = {}) =>
    appendFileSync(
      join(containers.logs, `${container}.log`),
      `2026-11-22T20:00:00.${String(ms).padStart(3, '0')}000000Z stdout ${tag} ${text}\n`,
    );

  it('that was written before anybody looked counts', async () => {
    write('Ready to accept connections');
    expect(await probe(log)).toEqual({ code: 0, output: 'Ready to accept connections' });
  });

  it('is waited for', async () => {
    write('starting');
    const answer = probe(log);
    setImmediate(() => {
      write('ready ', { tag: 'P' });
      write('to serve');
    });
    expect(await answer).toEqual({ code: 0, output: 'ready to serve' });
  });

  it('is found through a rotation, and when the log appears later', async () => {
    const answer = probe(log);
    setImmediate(() => {
      write('starting');
      renameSync(join(containers.logs, 'web-1.log'), join(containers.logs, 'web-1.log.1'));
      write('ready to serve');
    });
    expect(await answer).toMatchObject({ code: 0 });
  });

  it('of an earlier run, or of another container, does not count', async () => {
    write('ready to serve 1', { ms: 4 });
    write('ready to serve 2', { container: 'web-2' });
    write('ready to serve 3', { container: 'web-1-1' });
    const answer = probe(log);
    setImmediate(() => write('ready to serve 4', { ms: 5 }));
    expect(await answer).toEqual({ code: 0, output: 'ready to serve 4' });
  });

  it('that has not come when it is cut off is missing', async () => {
    write('starting');
    const answer = probe(log);
    stop.abort();
    expect(await answer).toEqual({ code: 1, output: 'no line of output matches /ready to (accept|serve)/ig' });
  });
});

async function portOf(server: Server | ReturnType<typeof createTcpServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    if ('closeAllConnections' in server) server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function closedPort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
