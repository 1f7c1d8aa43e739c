/** The server of names with real sockets, on loopback of the fake host. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { NamedMember, NameTable } from '../../engine/model/names.ts';
import { Forwarder } from '../../engine/names/forwarder.ts';
import { NameServer, type NameServerOptions } from '../../engine/names/server.ts';
import { type FakeDnsOptions, type FakeDnsServer, startDnsServer } from '../support/dns-server.ts';
import { command } from '../support/fake-host.ts';

const LISTEN = '127.0.1.1';
/** Who asks: dig binds to it. */
const CLIENT = '127.0.1.2';
const UPSTREAM = '127.0.2.1';
const SECOND = '127.0.2.2';

let opened: AsyncDisposable[];
beforeEach(() => {
  opened = [];
});
afterEach(async () => {
  for (const one of opened.reverse()) await one[Symbol.asyncDispose]();
});
function use<T extends AsyncDisposable>(one: T): T {
  opened.push(one);
  return one;
}

async function serve(options: Partial<NameServerOptions> = {}): Promise<NameServer> {
  const server = new NameServer({
    table: () => tableOf(),
    foreign: () => NOBODY,
    isRunning: () => true,
    hostServers: () => [UPSTREAM],
    onRefused: (address, error) => {
      throw new Error(`cannot listen on ${address}: ${error.message}`);
    },
    forwarder: new Forwarder({ patienceMs: 300 }),
    ...options,
  });
  use(server);
  await server.listen();
  return server;
}
const NOBODY = {};
const TABLE = tableWith([{ container: 'web-1', names: ['shop-web-1', 'web'], addresses: [CLIENT] }]);
const tableOf = () => TABLE;

function tableWith(members: readonly NamedMember[], listen: readonly string[] = [LISTEN]): NameTable {
  return { networks: { front: { listen, members, shared: undefined } }, clients: {} };
}

async function upstream(options: Partial<FakeDnsOptions> = {}): Promise<FakeDnsServer> {
  const records = { 'example.com': ['192.0.2.1'], 'many.example': Array.from({ length: 60 }, (_, i) => `192.0.2.${i + 1}`) };
  return use(await startDnsServer({ address: UPSTREAM, records, ...options }));
}

/** What dig says: `NOERROR 192.0.2.1`. */
async function dig(...argv: readonly string[]): Promise<string> {
  const { stdout } = await command(['dig', '-b', CLIENT, `@${LISTEN}`, '+tries=1', '+time=5', ...argv]);
  const status = /status: (\w+)/.exec(stdout)?.[1] ?? stdout.trim();
  const data = [...stdout.matchAll(/^[^;\s]\S*\s+\d+\s+IN\s+(?:A|PTR)\s+(\S+)$/gm)].map((match) => match[1] ?? '');
  return [status, ...data.sort()].join(' ');
}

describe('names of the stack', () => {
  test('are answered over UDP and TCP, and to nobody else', async () => {
    await serve();
    expect(await dig('web')).toBe(`NOERROR ${CLIENT}`);
    expect(await dig('+tcp', 'web')).toBe(`NOERROR ${CLIENT}`);
    expect(await dig('-x', CLIENT)).toBe('NOERROR shop-web-1.');
    expect(await dig('-b', '127.0.1.3', 'web')).toBe('REFUSED');
  });

  test('that do not fit into a datagram are asked for again over TCP', async () => {
    const addresses = Array.from({ length: 100 }, (_, i) => `10.1.0.${i + 1}`);
    const table = tableWith([
      { container: 'many-1', names: ['many'], addresses },
      { container: 'web-1', names: ['web'], addresses: [CLIENT] },
    ]);
    await serve({ table: () => table });
    expect((await dig('+ignore', '+noedns', 'many')).split(' ')).toHaveLength(1 + 30);
    expect((await dig('many')).split(' ')).toHaveLength(1 + 100);
  });

  test('follow the table at once, and the sockets with it', async () => {
    let table = tableWith([{ container: 'web-1', names: ['web'], addresses: [CLIENT] }]);
    const server = await serve({ table: () => table });
    table = tableWith([{ container: 'web-1', names: ['page'], addresses: [CLIENT] }], [LISTEN, '127.0.1.9']);
    expect(await dig('web')).toBe('NXDOMAIN');
    expect(await dig('page')).toBe(`NOERROR ${CLIENT}`);
    await server.listen();
    expect(server.listening).toEqual([LISTEN, '127.0.1.9']);
    table = tableWith([], []);
    await server.listen();
    expect(server.listening).toEqual([]);
    expect(await dig('page')).toContain('connection refused');
  });

  test('are served where they can be: an address that is taken or not there is told, and tried again', async () => {
    const holder = createServer().listen(53, LISTEN);
    await once(holder, 'listening');
    const refused: string[] = [];
    const table = tableWith([{ container: 'web-1', names: ['web'], addresses: [CLIENT] }], [LISTEN, '192.0.2.77', '127.0.1.9']);
    const server = await serve({ table: () => table, onRefused: (address, { code }) => refused.push(`${address} ${code}`) });
    expect(refused.sort()).toEqual([`${LISTEN} EADDRINUSE`, '192.0.2.77 EADDRNOTAVAIL']);
    expect(server.listening).toEqual(['127.0.1.9']);
    holder.close();
    await once(holder, 'close');
    await server.listen();
    expect(await dig('web')).toBe(`NOERROR ${CLIENT}`);
  });
});

describe('what the stack does not know', () => {
  test('is asked of the host, over TCP where the client came over TCP', async () => {
    const { asked } = await upstream();
    await serve();
    expect(await dig('example.com')).toBe('NOERROR 192.0.2.1');
    expect(await dig('+tcp', 'example.com')).toBe('NOERROR 192.0.2.1');
    expect(await dig('nobody.example')).toBe('NXDOMAIN');
    expect(asked).toEqual(['udp example.com A', 'tcp example.com A', 'udp nobody.example A']);
  });

  test('is asked of the servers of who asks, if it names some', async () => {
    const { asked } = await upstream({ address: SECOND });
    const table = { ...TABLE, clients: { 'web-1': { networks: ['front'], upstream: [SECOND] } } };
    await serve({ table: () => table });
    expect(await dig('example.com')).toBe('NOERROR 192.0.2.1');
    expect(asked).toHaveLength(1);
  });

  test('never includes a name of the stack, or one without a dot', async () => {
    const { asked } = await upstream();
    await serve({ isRunning: () => false });
    for (const name of ['web', 'shop-web-1', 'somebody']) expect(await dig(name), name).toBe('NXDOMAIN');
    expect(asked).toEqual([]);
  });

  test('is asked over TCP if the answer was cut, and cut again to what the client takes', async () => {
    const { asked } = await upstream();
    await serve();
    expect((await dig('+bufsize=4096', 'many.example')).split(' ')).toHaveLength(1 + 60);
    expect(asked).toEqual(['udp many.example A', 'tcp many.example A']);
    expect((await dig('+noedns', 'many.example')).split(' ')).toHaveLength(1 + 60);
  });

  test('is believed only if it answers the question that was asked', async () => {
    await upstream({ manner: 'wrong' });
    await serve();
    expect(await dig('example.com')).toBe('NOERROR 192.0.2.1');
  });

  test.each(['silent', 'failing'] as const)('is asked of the next server if one is %s', async (manner) => {
    const first = await upstream({ manner });
    await upstream({ address: SECOND });
    await serve({ hostServers: () => [UPSTREAM, SECOND] });
    expect(await dig('example.com')).toBe('NOERROR 192.0.2.1');
    expect(first.asked).toEqual(['udp example.com A']);
    await dig('example.com');
    expect(first.asked, 'who was silent is asked last from then on').toHaveLength(manner === 'silent' ? 1 : 2);
  });

  test.each([
    ['there is no nameserver', []],
    ['nobody is on its port', ['127.0.2.9']],
    ['there is no way to it', ['192.0.2.53', '2001:db8::53']],
    ['it is we ourselves', [LISTEN]],
    ['it is no address', ['nonsense']],
  ])('fails at once if %s', async (_, servers) => {
    // Longer than dig waits.
    await serve({ hostServers: () => servers, forwarder: new Forwarder({ patienceMs: 60_000 }) });
    expect(await dig('example.com')).toBe('SERVFAIL');
    expect(await dig('+tcp', 'example.com')).toBe('SERVFAIL');
  });
});
