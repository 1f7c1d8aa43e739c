/** Faults on purpose between real containers, as `tsstack net` makes them. */
import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import type { Fault } from '../../engine/model/faults.ts';
import { idle, only, stackFile } from '../support/stack-file.ts';
import { killSupervisor, listen } from '../support/supervised.ts';
import { type Project, withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

/** ping needs a raw socket. */
const pinging = { ...idle, capAdd: ['NET_RAW'] };
const sink = { command: ['nc', '-ll', '-p', '9000', '-e', 'sh', '-c', 'cat > /dev/null'], capAdd: ['NET_RAW'] };
const services = {
  api: { ...pinging, networks: ['front', 'back'] },
  db: { ...sink, networks: ['back', 'side'] },
  far: { ...pinging, networks: ['front', 'side'] },
};
const networks = { front: {}, back: {}, side: { internal: true } };
const shop = only({ services, networks });

async function address(p: Project, container: string, network: string): Promise<string> {
  const found = (await p.container(container)).addresses[network];
  if (found === undefined) throw new Error(`${container} is not on ${network}`);
  return found;
}

/** Whether one echo request is answered within a second. */
async function pings(p: Project, from: string, to: string, network = 'back'): Promise<boolean> {
  const target = await address(p, to, network);
  return (await p.tsstack(['exec', '-T', from, 'ping', '-c', '1', '-W', '1', target])).code === 0;
}

/** Whether its port 9000 takes a connection within a second. */
async function connects(p: Project, from: string, to: string, network = 'back'): Promise<boolean> {
  const target = await address(p, to, network);
  return (await p.tsstack(['exec', '-T', from, 'timeout', '1', 'sh', '-c', `echo | nc -w 1 ${target} 9000`])).code === 0;
}

/** Echo requests that have arrived there, whether or not their answers do (/proc/net/snmp, Icmp: InEchos). */
async function echoesIn(p: Project, container: string): Promise<number> {
  return counter(p, container, 'Icmp', 'InEchos');
}

async function counter(p: Project, container: string, protocol: string, name: string): Promise<number> {
  const { stdout } = await p.ok(['exec', '-T', container, 'cat', '/proc/net/snmp']);
  const [names = [], values = []] = stdout
    .split('\n')
    .filter((line) => line.startsWith(`${protocol}:`))
    .map((line) => line.split(' '));
  return Number(values[names.indexOf(name)]);
}

async function hostEnd(p: Project, container: string, network: string): Promise<string> {
  const links = JSON.parse(execFileSync('ip', ['-j', 'link'], { encoding: 'utf8' })) as { ifname: string; ifalias?: string }[];
  const found = links.find(({ ifalias }) => ifalias?.startsWith(`tsstack:shop/${container}@${network}#`));
  if (found === undefined) throw new Error(`no link of ${container} on ${network} in ${p.directory}`);
  return found.ifname;
}

test('a partition keeps two services apart both ways, and heal brings them together', async () => {
  await withProject(shop, async (p) => {
    await p.ok(['up', '-d']);
    await until('db listens', () => connects(p, 'api', 'db-1'));
    const said = await p.ok(['net', 'partition', 'api', 'db']);
    expect(said.stderr).toContain('partition: api ↔ db in');
    expect([await pings(p, 'api', 'db-1'), await pings(p, 'db', 'api-1'), await connects(p, 'api', 'db-1')]).toEqual([false, false, false]);
    // Others go on, with both of them.
    expect([await pings(p, 'far', 'db-1', 'side'), await pings(p, 'far', 'api-1', 'front')]).toEqual([true, true]);
    expect((await p.ok(['net'])).stdout).toBe('FROM  TO   FAULT\napi   db   partition\ndb    api  partition\n');
    expect((await p.ok(['plan'])).stdout).not.toMatch(/->/);

    await p.ok(['net', 'heal', 'api', 'db']);
    expect([await pings(p, 'api', 'db-1'), await connects(p, 'api', 'db-1')]).toEqual([true, true]);
    expect(await p.ok(['net', '--json'])).toMatchObject({ stdout: '[]\n' });
    expect(execFileSync('tc', ['qdisc'], { encoding: 'utf8' })).not.toContain('htb');
  });
});

test('IPv6 is cut with IPv4, and both come back', async () => {
  const both = only({
    services: { api: { ...pinging, networks: ['back'] }, db: { ...pinging, networks: ['back'] } },
    networks: { back: { ipv6: true } },
  });
  await withProject(both, async (p) => {
    await p.ok(['up', '-d']);
    const answered = (from: string, to: string) =>
      Promise.all(
        ['-4', '-6'].map(async (family) => (await p.tsstack(['exec', '-T', from, 'ping', family, '-c', '1', '-W', '1', to])).code === 0),
      );
    await until('they reach each other', () => answered('api', 'db'), { holds: (families) => !families.includes(false) });
    await p.ok(['net', 'partition', 'api', 'db']);
    expect([await answered('api', 'db'), await answered('db', 'api')]).toEqual([
      [false, false],
      [false, false],
    ]);
    await p.ok(['net', 'heal']);
    expect([await answered('api', 'db'), await answered('db', 'api')]).toEqual([
      [true, true],
      [true, true],
    ]);
  });
});

test('one way, packets arrive in one direction alone', async () => {
  await withProject(shop, async (p) => {
    await p.ok(['up', '-d']);
    await p.ok(['net', 'partition', 'api', 'db', '--one-way']);
    const before = { db: await echoesIn(p, 'db'), api: await echoesIn(p, 'api') };
    expect([await pings(p, 'api', 'db-1'), await pings(p, 'db', 'api-1')]).toEqual([false, false]);
    expect({ db: await echoesIn(p, 'db'), api: await echoesIn(p, 'api') }).toEqual({ db: before.db, api: before.api + 1 });
  });
});

test('a connection that was there before is cut, too, and goes on when it is healed', async () => {
  await withProject(shop, async (p) => {
    await p.ok(['up', '-d']);
    await until('db listens', () => connects(p, 'api', 'db-1'));
    const received = () => counter(p, 'db', 'Tcp', 'InSegs');
    const target = await address(p, 'db-1', 'back');
    const before = await received();
    p.start(['exec', '-T', 'api', 'sh', '-c', `while echo word; do usleep 20000; done | nc ${target} 9000`]);
    await until('words arrive', received, { holds: (count) => count > before + 10 });
    await p.ok(['net', 'partition', 'api', 'db', '--one-way']);
    const cut = await received();
    expect(await pings(p, 'api', 'db-1')).toBe(false);
    expect(await received()).toBe(cut);
    await p.ok(['net', 'heal']);
    await until('words arrive again', received, { holds: (count) => count > cut, timeoutMs: 20_000 });
    await p.ok(['kill', 'api']);
  });
});

test('new replicas, restarted containers, and containers whose supervisor was killed are kept apart as well', async () => {
  await withProject(shop, async (p) => {
    await p.ok(['up', '-d']);
    await p.ok(['net', 'partition', 'api', 'db']);
    p.write({ 'stack.config.ts': stackFile({ services: { ...services, api: { ...services.api, replicas: 2 } }, networks }) });
    await p.ok(['up', '-d']);
    expect(await pings(p, 'api-2', 'db-1')).toBe(false);

    await p.ok(['restart', 'db']);
    expect([await pings(p, 'api-1', 'db-1'), await pings(p, 'api-2', 'db-1')]).toEqual([false, false]);

    await killSupervisor(p);
    execFileSync('tc', ['qdisc', 'delete', 'dev', await hostEnd(p, 'db-1', 'back'), 'root']);
    // The first command starts another one, which looks at everything.
    await until('the next one has made it again', async () => !(await pings(p, 'api-2', 'db-1')));

    await p.ok(['net', 'heal']);
    expect([await pings(p, 'api-1', 'db-1'), await pings(p, 'api-2', 'db-1')]).toEqual([true, true]);
  });
});

test('a fault that somebody deletes comes back, told as drift; with the stack it is forgotten', async () => {
  await withProject(shop, async (p) => {
    await p.ok(['up', '-d']);
    await p.ok(['net', 'partition', 'api', 'db']);
    const link = await hostEnd(p, 'db-1', 'back');
    {
      using heard = await listen(p);
      execFileSync('tc', ['qdisc', 'delete', 'dev', link, 'root']);
      expect(await heard.hears('drift')).toMatchObject({ resource: 'fault:shop/db-1@back', cause: 'not found' });
      await heard.hears('repaired');
    }
    expect(await pings(p, 'api', 'db-1')).toBe(false);
    await p.ok(['down', '--timeout', '1']);
    await p.ok(['up', '-d']);
    expect((await p.ok(['net', '--json'])).stdout).toBe('[]\n');
    expect(await pings(p, 'api', 'db-1')).toBe(true);
  });
});

test('a rate that somebody changes is told as drift, and put right', async () => {
  await withProject(shop, async (p) => {
    await p.ok(['up', '-d']);
    await p.ok(['net', 'rate', 'api', 'db', '1mbit', '--one-way']);
    const link = await hostEnd(p, 'db-1', 'back');
    const classes = () => execFileSync('tc', ['class', 'show', 'dev', link], { encoding: 'utf8' });
    const [, id = ''] = /class htb (7473:\w+) .* rate 1Mbit ceil 1Mbit/.exec(classes()) ?? [];
    using heard = await listen(p);
    execFileSync('tc', ['class', 'change', 'dev', link, 'classid', id, 'htb', 'rate', '5mbit']);
    expect(await heard.hears('drift')).toMatchObject({ resource: 'fault:shop/db-1@back', cause: `class ${id} has another rate` });
    await heard.hears('repaired');
    expect(classes()).toMatch(/^class htb 7473:\w+ .* rate 1Mbit ceil 1Mbit.*\n$/);
    await p.ok(['plan']);
  });
});

test('a container alone can be kept apart, and containers of one service among each other', async () => {
  const stack = only({ services: { api: { ...pinging, replicas: 3 }, db: idle } });
  await withProject(stack, async (p) => {
    await p.ok(['up', '-d']);
    const can = (from: string, to: string) => pings(p, from, to, 'default');
    await p.ok(['net', 'partition', 'api-1', 'db']);
    expect([await can('api-1', 'db-1'), await can('api-2', 'db-1')]).toEqual([false, true]);
    await p.ok(['net', 'partition', 'api', 'api']);
    expect([await can('api-2', 'api-3'), await can('api-3', 'api-1'), await can('api-2', 'db-1')]).toEqual([false, false, true]);
    await p.ok(['net', 'heal', 'api', 'api']);
    expect([await can('api-2', 'api-3'), await can('api-1', 'db-1')]).toEqual([true, false]);
  });
});

test('of a thousand packets with a loss of 30 % about 700 arrive, and of 100 % none', async () => {
  const stack = only({ services: { api: { ...idle, image: 'host' }, db: idle } });
  await withProject(stack, async (p) => {
    await p.ok(['up', '-d']);
    const target = await address(p, 'db-1', 'default');
    // Nobody listens: each is counted as it arrives, and none waits in a buffer that could be full.
    const send = `const s = require('node:dgram').createSocket('udp4');
      (async () => {
        for (let i = 0; i < 1000; i++) await new Promise((done) => s.send('x', 9999, '${target}', done));
        s.close();
      })()`;
    const arrived = async () => {
      const before = await counter(p, 'db', 'Udp', 'NoPorts');
      await p.ok(['exec', '-T', 'api', 'node', '-e', send]);
      return (await counter(p, 'db', 'Udp', 'NoPorts')) - before;
    };
    expect(await arrived()).toBe(1000);
    await p.ok(['net', 'loss', 'api', 'db', '30%', '--one-way']);
    const some = await arrived();
    // Binomial, 700 expected with a standard deviation of 14.5: beyond 7 of these with a probability of 3e-12.
    expect(some).toBeGreaterThan(598);
    expect(some).toBeLessThan(802);
    await p.ok(['net', 'loss', 'api', 'db', '100%', '--one-way']);
    expect(await arrived()).toBe(0);
  });
});

test('at 2 mbit half a megabyte takes more than a second', async () => {
  const stack = only({ services: { api: idle, db: sink } });
  await withProject(stack, async (p) => {
    await p.ok(['up', '-d']);
    const target = await address(p, 'db-1', 'default');
    await until('db listens', () => connects(p, 'api', 'db-1', 'default'));
    await p.ok(['net', 'rate', 'api', 'db', '2mbit', '--one-way']);
    const received = async () => Number((await p.ok(['exec', '-T', 'db', 'cat', '/sys/class/net/eth0/statistics/rx_bytes'])).stdout);
    const before = await received();
    const startedAt = performance.now();
    p.start(['exec', '-T', 'api', 'sh', '-c', `dd if=/dev/zero bs=65536 count=64 | nc ${target} 9000`]);
    await until('half a megabyte has arrived', received, { holds: (bytes) => bytes - before >= 500_000, timeoutMs: 30_000 });
    // 250,000 bytes a second: two seconds, less than a quarter of which may be bursts and packets that were cut up late.
    expect(performance.now() - startedAt).toBeGreaterThan(1_000);
    // What still writes holds the output of `exec` open.
    await p.ok(['kill', 'api']);
  });
});

test('what can’t be is refused, and says why', async () => {
  await withProject(shop, async (p) => {
    expect(await p.tsstack(['net', 'partition', 'api', 'db'])).toMatchObject({ code: 1, stderr: expect.stringContaining('is not up') });
    await p.ok(['up', '-d']);
    expect((await p.tsstack(['net', 'partition', 'api', 'dv'])).stderr).toMatch(/no service or container `dv`.*\n.*did you mean `db`\?/);
    expect((await p.tsstack(['net', 'partition', 'api-1', 'api-1'])).stderr).toContain('they are one container');
    expect((await p.tsstack(['net', 'heal', 'api', 'db'])).stderr).toContain('nothing is wrong between them');
  });
});

describe.skipIf(hasNetem())('where the kernel has no netem', () => {
  test('a delay is refused plainly, and changes nothing', async () => {
    await withProject(shop, async (p) => {
      await p.ok(['up', '-d']);
      await p.ok(['net', 'loss', 'api', 'db', '100%', '--one-way']);
      const refused = await p.tsstack(['net', 'delay', 'api', 'db', '100ms']);
      expect(refused).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/cannot delay packets: this kernel lacks the queueing discipline `netem`\n {2}hint: .*sch_netem/),
      });
      const faults = JSON.parse((await p.ok(['net', '--json'])).stdout) as Fault[];
      expect(faults.map(({ effects }) => effects)).toEqual([{ partition: false, loss: 1 }]);
      expect(await pings(p, 'api', 'db-1')).toBe(false);
    });
  });
});

describe.skipIf(!hasNetem())('where the kernel has netem', () => {
  test('an echo takes as long as both delays', async () => {
    await withProject(shop, async (p) => {
      await p.ok(['up', '-d']);
      await p.ok(['net', 'delay', 'api', 'db', '150ms']);
      const target = await address(p, 'db-1', 'back');
      const { stdout } = await p.ok(['exec', '-T', 'api', 'ping', '-c', '1', '-W', '5', target]);
      expect(Number(/time=([\d.]+) ms/.exec(stdout)?.[1])).toBeGreaterThanOrEqual(300);
      await p.ok(['net', 'heal']);
      expect(await pings(p, 'api', 'db-1')).toBe(true);
    });
  });
});

/** As tc finds it, on the fake host's own loopback. */
function hasNetem(): boolean {
  try {
    execFileSync('tc', ['qdisc', 'add', 'dev', 'lo', 'root', 'netem', 'delay', '1us'], { stdio: 'pipe' });
  } catch {
    return false;
  }
  execFileSync('tc', ['qdisc', 'delete', 'dev', 'lo', 'root']);
  return true;
}
