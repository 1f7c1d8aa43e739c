/** What somebody meets who asks at a published port whose containers were stopped, or have ended. */
import { once } from 'node:events';
import net, { type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Outside, outside } from '../support/fake-host.ts';
import { http } from '../support/http.ts';
import { idle, only, page } from '../support/stack-file.ts';
import { type EventOf, type Listening, listen } from '../support/supervised.ts';
import { type Project, withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

const PORT = 18080;

let there: Outside;
beforeAll(async () => {
  there = await outside();
});
afterAll(() => there.close());

const answerAt = (host: string) => http(`http://${host}:${PORT}/`).then(({ body }) => body.trim());
const errorAt = (host: string) => answerAt(host).catch((error: NodeJS.ErrnoException) => error.code);
const answers = async (times: number) => new Set(await Promise.all(Array.from({ length: times }, () => answerAt('127.0.0.1'))));

/** `connected`, or the code of the error. */
async function fromOutside(host: string): Promise<string> {
  const code = `const c = require('node:net').connect(${PORT}, '${host}', () => { console.log('connected'); c.destroy(); });
    c.on('error', (error) => console.log(error.code));`;
  return (await there.run(['node', '-e', code])).stdout.trim();
}

async function expectRefused(when: string): Promise<void> {
  const seen = await Promise.all([
    ...['127.0.0.1', '[::1]', there.hostAddress].map(errorAt),
    ...[there.hostAddress, there.hostAddress6].map(fromOutside),
  ]);
  expect(seen, when).toEqual(Array(5).fill('ECONNREFUSED'));
}

const isFirewall = ({ step }: EventOf<'step.done'>) => /^(firewall|nftables):/.test(step.resource);

/** Its process ends by itself; resolves when the firewall has followed. */
async function crash(p: Project, heard: Listening, name: string): Promise<void> {
  heard.clear();
  // May end with the container itself.
  await p.tsstack(['exec', '-T', name, 'touch', '/crash']);
  await heard.hears('container.exited', ({ container }) => container === name);
  await heard.hears('step.done', isFirewall);
}

async function connect(): Promise<Socket> {
  const socket = net.connect(PORT, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

/** What the first so many of them say when they are asked now; those that say nothing are given up. */
async function answersTo(sockets: readonly Socket[], count: number): Promise<string[]> {
  const said: string[] = [];
  for (const socket of sockets) {
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => said.push(`${bytes}`.trim().split('\n').at(-1) ?? ''));
    socket.write('GET / HTTP/1.0\r\n\r\n');
  }
  await until('they answer', () => said.filter((line) => line.startsWith('web-')).length >= count);
  for (const socket of sockets) socket.destroy();
  return said.filter((line) => line.startsWith('web-'));
}

/** Serves its hostname, until it crashes with code 3. */
const fragile = {
  command: [
    'sh',
    '-c',
    `rm -f /crash; hostname > /www/index.html; httpd -p 80 -h /www; while [ ! -e /crash ]; do sleep 0.05; done; exit 3`,
  ],
};

describe.each(['iptables', 'nftables'])('%s', (driver) => {
  const env = { TSSTACK_FIREWALL: driver };

  test('where all were stopped it is refused at once, and else answered by who still runs', async () => {
    const stack = only({ services: { web: { ...page, replicas: 3, ports: [`*:${PORT}:80`] } } });
    await withProject(
      stack,
      async (p) => {
        await p.ok(['up', '-d']);
        await until('all answer', () => answers(6), { holds: ({ size }) => size === 3 });

        await p.ok(['stop', 'web-2']);
        expect([...(await answers(12))].sort()).toEqual(['web-1', 'web-3']);
        expect((await p.ok(['plan'], { code: 10 })).stdout).toMatch(/web-2/);

        await p.ok(['stop', 'web']);
        await expectRefused('stopped');

        await p.ok(['start', 'web']);
        await until('all answer again', () => answers(6), { holds: ({ size }) => size === 3 });
        await p.ok(['kill', '-s', 'KILL', 'web']);
        expect(await errorAt('127.0.0.1'), 'killed').toBe('ECONNREFUSED');
      },
      { env },
    );
  });

  test('one that crashed and stays so is led to no more, and again when it is back', async () => {
    const web = { ...fragile, replicas: 3, restart: 'no', ports: [`*:${PORT}:80`] };
    await withProject(
      only({ services: { web, other: idle, another: idle } }),
      async (p) => {
        await p.ok(['up', '-d']);
        await until('all answer', () => answers(6), { holds: ({ size }) => size === 3 });
        using heard = await listen(p);
        const connections = await Promise.all([connect(), connect(), connect()]);

        await crash(p, heard, 'web-2');
        expect([...(await answers(12))].sort()).toEqual(['web-1', 'web-3']);
        const [one, other] = await answersTo(connections, 2);
        expect([one, other].sort(), 'connections to the others go on').toEqual(['web-1', 'web-3']);
        expect((await p.ok(['plan'], { code: 10 })).stdout).toMatch(/web-2/);

        await p.ok(['stop', 'other']);
        await p.ok(['restart', 'another']);
        expect([...(await answers(12))].sort(), 'after whatever else').toEqual(['web-1', 'web-3']);

        await crash(p, heard, 'web-1');
        await crash(p, heard, 'web-3');
        await expectRefused('crashed');

        await p.ok(['start', 'web-1']);
        await until('it answers', () => answerAt('127.0.0.1'));
        expect(await answers(4)).toEqual(new Set(['web-1']));
        await p.ok(['up', '-d']);
        await until('all answer again', () => answers(6), { holds: ({ size }) => size === 3 });
        expect(heard.of('drift')).toEqual([]);
        await p.ok(['plan']);
      },
      { env },
    );
  });

  test('one that waits for its restart is led to again when it comes, unless that is at once', async () => {
    const web = { ...fragile, restart: 'always', ports: [`*:${PORT}:80`] };
    await withProject(
      only({ services: { web, other: idle } }),
      async (p) => {
        await p.ok(['up', '-d']);
        using heard = await listen(p);
        for (let restarts = 0; restarts < 5; restarts++) {
          await until('it answers', () => answerAt('127.0.0.1'));
          heard.clear();
          await p.tsstack(['exec', '-T', 'web', 'touch', '/crash']);
          await heard.hears('container.started');
          const told = heard.events.flatMap((event) => {
            if (event.type === 'step.done') return isFirewall(event) ? ['firewall'] : [];
            return event.type.startsWith('container.') ? [event.type.slice('container.'.length)] : [];
          });
          const led = restarts < 4 ? ['exited', 'restarting', 'started'] : ['exited', 'restarting', 'firewall', 'firewall', 'started'];
          expect(told, `restart ${restarts + 1}`).toEqual(led);
        }
        await until('it answers', () => answerAt('127.0.0.1'));
        expect(heard.of('drift')).toEqual([]);
      },
      { env },
    );
  });
});
