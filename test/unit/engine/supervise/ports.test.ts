import { createHash, randomBytes } from 'node:crypto';
import dgram from 'node:dgram';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { bindPublished, setRefusing } from '../../../../engine/kernel/port-sockets.ts';
import type { PortLead } from '../../../../engine/model/ports.ts';
import { PortReservations } from '../../../../engine/supervise/port-reservations.ts';
import { askUdp, withSocket } from '../../../support/sockets.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A server on a free port of `address`, closed with all its connections after the test. */
async function serve(onConnection: (socket: net.Socket) => void, address = '127.0.0.1'): Promise<number> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  server.listen(0, address);
  await once(server, 'listening');
  closing.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  return (server.address() as AddressInfo).port;
}

/** A port of 127.0.0.1 that nobody listens on. */
async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function reservations(stopped: ReadonlySet<string> = new Set()): PortReservations {
  const ports = new PortReservations({
    isRunning: (name) => !stopped.has(name),
    sockets: { bind: bindPublished, setRefusing },
    onError: (error) => {
      throw error;
    },
  });
  closing.push(async () => ports[Symbol.asyncDispose]());
  return ports;
}

/** From a free port to `containerPort` on each of the addresses: those of web-1, web-2, … */
async function lead(containerPort: number, addresses: readonly string[] = ['127.0.0.1'], parts: Partial<PortLead> = {}): Promise<PortLead> {
  const targets = addresses.map((address, i) => ({ container: `web-${i + 1}`, address }));
  const hostPort = await freePort();
  return { service: 'web', hostAddress: '127.0.0.1', hostPort, containerPort, protocol: 'tcp', targets, by: 'proxy', ...parts };
}

function connect({ hostPort, hostAddress }: PortLead): net.Socket {
  const socket = net.connect({ port: hostPort, host: hostAddress, allowHalfOpen: true });
  closing.push(async () => socket.destroy());
  return socket;
}

/** Until its end. Unlike iteration it leaves the way back open. */
function readAll(socket: net.Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', () => resolve(Buffer.concat(chunks)));
    socket.on('error', reject);
  });
}

describe('a TCP port', () => {
  it('passes on bytes both ways, and the end of one way while the other goes on', async () => {
    const port = await serve(async (socket) => {
      socket.write('first ');
      const asked = await readAll(socket);
      socket.end(`then ${asked}`);
    });
    const to = await lead(port);
    expect(await reservations().hold([to])).toEqual([]);
    const client = connect(to);
    const [first] = await once(client, 'data');
    expect(String(first)).toBe('first ');
    client.end('question');
    expect(String(await readAll(client))).toBe('then question');
  });

  it('loses nothing when one end is slow', async () => {
    const data = randomBytes(8 * 2 ** 20);
    let fill = () => {};
    const filled = new Promise<void>((resolve) => {
      fill = resolve;
    });
    const hash = createHash('sha256');
    const port = await serve(async (socket) => {
      // Reads nothing until the client has written all.
      await filled;
      hash.update(await readAll(socket));
      socket.end('done');
    });
    const to = await lead(port);
    await reservations().hold([to]);
    const client = connect(to);
    await once(client, 'connect');
    expect(client.write(data), 'more than can be passed on').toBe(false);
    fill();
    client.end();
    expect(String(await readAll(client))).toBe('done');
    expect(hash.digest('hex')).toBe(createHash('sha256').update(data).digest('hex'));
  });

  it('resets the client when no target answers, and refuses it when none runs', async () => {
    const nobody = await lead(await freePort(), ['127.0.0.1', '127.0.0.2']);
    const stopped = await lead(await serve((socket) => socket.end('no')));
    await reservations().hold([nobody]);
    await reservations(new Set(['web-1'])).hold([stopped]);
    await expect(readAll(connect(nobody))).rejects.toMatchObject({ code: 'ECONNRESET' });
    await expect(readAll(connect(stopped))).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('passes on a reset in either direction', async () => {
    let serverSide: net.Socket | undefined;
    const ended: Promise<unknown>[] = [];
    const port = await serve((socket) => {
      serverSide = socket;
      ended.push(new Promise((resolve) => socket.on('close', resolve)));
      socket.write('x');
    });
    const to = await lead(port);
    await reservations().hold([to]);
    const one = connect(to);
    await once(one, 'data');
    one.resetAndDestroy();
    expect(await ended[0], 'the server is told by an error').toBe(true);
    const two = connect(to);
    await once(two, 'data');
    serverSide?.resetAndDestroy();
    await expect(readAll(two)).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it('leads clients to its targets in turn, past one that refuses and past one that is stopped', async () => {
    const port = await serve((socket) => socket.end('one'), '127.0.0.1');
    const second = net.createServer((socket) => socket.end('two')).listen(port, '127.0.0.2');
    await once(second, 'listening');
    closing.push(async () => second.close());
    const stopped = new Set<string>();
    const ports = reservations(stopped);
    const to = await lead(port, ['127.0.0.1', '127.0.0.2', '127.0.0.3']);
    await ports.hold([to]);
    const answers = async () => {
      const seen = new Set<string>();
      for (let i = 0; i < 3; i++) seen.add(String(await readAll(connect(to))));
      return [...seen].sort();
    };
    expect(await answers()).toEqual(['one', 'two']);
    stopped.add('web-1');
    expect(await answers()).toEqual(['two']);
    await ports.hold([{ ...to, targets: [{ container: 'web-9', address: '127.0.0.1' }] }]);
    expect(await answers(), 'where it leads now').toEqual(['one']);
  });
});

describe('a UDP port', () => {
  it('answers each client from the target it was led to', async () => {
    const server = dgram.createSocket('udp4');
    server.on('message', (text, from) => server.send(`${from.port} ${text}`, from.port, from.address));
    server.bind(0, '127.0.0.1');
    await once(server, 'listening');
    closing.push(async () => server.close());
    const to = await lead(server.address().port, ['127.0.0.1'], { protocol: 'udp' });
    await reservations().hold([to]);
    const client = dgram.createSocket('udp4');
    closing.push(async () => client.close());
    const ask = async (text: string) => {
      client.send(text, to.hostPort, '127.0.0.1');
      return String((await once(client, 'message'))[0]);
    };
    const first = await ask('a');
    expect(first).toMatch(/^\d+ a$/);
    expect(await ask('b'), 'it stays one client').toBe(first.replace('a', 'b'));
    expect(await askUdp(to.hostPort, 'c'), 'another one').not.toBe(first.replace('a', 'c'));
  });

  it('passes on nothing from anybody but the target', async () => {
    const server = dgram.createSocket('udp4').bind(0, '127.0.0.1');
    await once(server, 'listening');
    const stranger = dgram.createSocket('udp4');
    closing.push(
      async () => server.close(),
      async () => stranger.close(),
    );
    const to = await lead(server.address().port, ['127.0.0.1'], { protocol: 'udp' });
    await reservations().hold([to]);
    server.on('message', (_, from) => {
      stranger.send('forged', from.port, from.address, () => server.send('true', from.port, from.address));
    });
    expect(await askUdp(to.hostPort, 'who?')).toBe('true');
  });
});

describe('all ports of a stack', () => {
  it('are held or none is, and what was held before still is', async () => {
    const ports = reservations();
    const [old, fresh, taken] = [await lead(1), await lead(1), await lead(1)];
    await ports.hold([old]);
    await withSocket('tcp', { address: '127.0.0.1', port: taken.hostPort }, async () => {
      const refusals = await ports.hold([fresh, taken]);
      expect(refusals.map(({ lead: { hostPort }, error }) => [hostPort, error.code])).toEqual([[taken.hostPort, 'EADDRINUSE']]);
      await expect(withSocket('tcp', { address: '127.0.0.1', port: old.hostPort })).rejects.toMatchObject({ code: 'EADDRINUSE' });
      await withSocket('tcp', { address: '127.0.0.1', port: fresh.hostPort });
      expect(await ports.follow([fresh, taken]), 'unless only those are asked for that can be had').toHaveLength(1);
      await expect(withSocket('tcp', { address: '127.0.0.1', port: fresh.hostPort })).rejects.toMatchObject({ code: 'EADDRINUSE' });
      await withSocket('tcp', { address: '127.0.0.1', port: old.hostPort });
    });
  });

  it.each(['tcp', 'udp'] as const)('%s: move from one address to all of them and back', async (protocol) => {
    const ports = reservations();
    const one = await lead(1, [], { protocol });
    const all = { ...one, hostAddress: '0.0.0.0' };
    for (const next of [one, all, one]) expect(await ports.hold([next])).toEqual([]);
    await withSocket(protocol, { address: '127.0.0.2', port: one.hostPort });
    await expect(withSocket(protocol, { address: '127.0.0.1', port: one.hostPort })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('are free when it is closed, with a client connected', async () => {
    const port = await serve((socket) => socket.write('x'));
    const ports = reservations();
    const to = await lead(port);
    await ports.hold([to]);
    const client = connect(to);
    await once(client, 'data');
    await ports[Symbol.asyncDispose]();
    await withSocket('tcp', { address: '127.0.0.1', port: to.hostPort });
  });
});
