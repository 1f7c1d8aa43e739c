/** A stack on a host where others keep rules as well. Each scenario ends with a world diff: theirs are as they were. */
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { command, type Outside, outside } from '../support/fake-host.ts';
import { foreignRules, missing, startDocker, startFirewalld, startUfw } from '../support/other-firewalls.ts';
import { type Attempt, answering, proberOf } from '../support/reachability.ts';
import { idleHost, only } from '../support/stack-file.ts';
import { type Project, withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

const DRIVERS = ['iptables', 'nftables'] as const;
const LONG = { timeout: 120_000 };
const PATIENT = { timeoutMs: 90_000 };
const stack = only({ services: { web: { ...answering, ports: ['*:18080:80', '18081:80'] }, db: idleHost } });

/** Who gets an answer. */
interface Reached {
  readonly containerToOutside: boolean;
  readonly containerToContainer: boolean;
  readonly names: boolean;
  readonly outsideToPublished: boolean;
  readonly outsideToLoopback: boolean;
  readonly hostToPublished: boolean;
}
const ALL: Reached = {
  containerToOutside: true,
  containerToContainer: true,
  names: true,
  outsideToPublished: true,
  outsideToLoopback: false,
  hostToPublished: true,
};

let there: Outside;
beforeAll(async () => {
  there = await outside();
  there.start(answering.command);
});
afterAll(() => there.close());

async function reached(p: Project): Promise<Reached> {
  const inside = (...argv: readonly string[]) => p.ok(['exec', '-T', 'db', ...argv]);
  const tcp = (address: string, port: number): Attempt => ({ protocol: 'tcp', address, port });
  const web = (await p.container('web-1')).addresses['default'] ?? 'no address';
  const results = await Promise.all([
    inside(...proberOf([tcp(there.address, 80), tcp(web, 80)])),
    inside('node', '-e', ASK),
    there.run(proberOf([tcp(there.hostAddress, 18080), tcp(there.hostAddress, 18081)])),
    command(proberOf([tcp('127.0.0.1', 18081)])),
  ]);
  const [fromContainer = [], names = [], fromOutside = [], fromHost = []] = results.map(({ stdout }) => JSON.parse(stdout) as unknown[]);
  return {
    containerToOutside: Boolean(fromContainer[0]),
    containerToContainer: Boolean(fromContainer[1]),
    names: Boolean(names[0]),
    outsideToPublished: Boolean(fromOutside[0]),
    outsideToLoopback: Boolean(fromOutside[1]),
    hostToPublished: Boolean(fromHost[0]),
  };
}

/** The gateway's DNS server, past the hosts file. */
const ASK = `const { Resolver } = require('node:dns').promises;
  new Resolver({ timeout: 1000, tries: 1 }).resolve4('web').catch(() => [null]).then((all) => console.log(JSON.stringify(all)));`;

/** Repairs take a moment, and so do servers that start. */
async function reaches(p: Project, wanted: Reached): Promise<void> {
  await until(`those get an answer who should: ${JSON.stringify(wanted)}`, () => reached(p), {
    holds: (seen) => JSON.stringify(seen) === JSON.stringify(wanted),
    timeoutMs: 15_000,
  });
}

const iptables = (...argv: readonly string[]) => execFileSync('iptables', argv, { encoding: 'utf8' });

describe.each(DRIVERS)('with %s', (driver) => {
  const up = (p: Project) => p.ok(['up', '-d'], { env: { TSSTACK_FIREWALL: driver } });

  test('a policy of DROP that somebody sets, and a flush by somebody, change nothing', LONG, async () => {
    await withProject(stack, async (p) => {
      await up(p);
      try {
        iptables('-P', 'FORWARD', 'DROP');
        await reaches(p, ALL);
        iptables('-F');
        iptables('-t', 'nat', '-F');
        await reaches(p, ALL);
      } finally {
        iptables('-P', 'FORWARD', 'ACCEPT');
      }
    });
  });

  test.skipIf(missing('ufw'))(
    'beside ufw, which drops what comes in and what is routed, containers get out, find names and are reached; what it denies for routed packets is denied',
    LONG,
    async () => {
      const ufw = startUfw();
      await ending(ufw, () =>
        withProject(
          stack,
          async (p) => {
            const before = foreignRules();
            await up(p);
            await reaches(p, ALL);
            expect(foreignRules()).toEqual(before);
            ufw.run('reload');
            await reaches(p, ALL);
            ufw.run('disable');
            ufw.run('--force', 'enable');
            await reaches(p, ALL);
            expect(foreignRules()).toEqual(before);
            const denied = ['deny', 'proto', 'tcp', 'from', there.address, 'to', 'any', 'port', '80'];
            ufw.run('route', ...denied);
            await reaches(p, { ...ALL, outsideToPublished: false });
            ufw.run('route', 'delete', ...denied);
          },
          PATIENT,
        ),
      );
    },
  );

  test.skipIf(missing('firewalld', 'firewall-cmd', 'dbus-daemon'))(
    'beside firewalld, containers get out and find names, also after it was reloaded; it forgets their bridges with the stack',
    LONG,
    async () => {
      const firewalld = await startFirewalld();
      const trusted = () => firewalld.run('--zone=trusted', '--list-interfaces').trim();
      await ending(firewalld, () =>
        withProject(
          stack,
          async (p) => {
            expect((await up(p)).stderr).not.toContain('firewalld');
            await reaches(p, ALL);
            expect((await p.ok(['plan'])).stderr).not.toContain('firewalld');
            firewalld.run('--reload');
            await reaches(p, ALL);
            expect(trusted()).toMatch(/^ts-\S+$/);
            await p.ok(['down', '--timeout', '1']);
            expect(trusted()).toBe('');
            // The empty chains of a zone that has been used stay in its table until then.
            firewalld.run('--reload');
          },
          PATIENT,
        ),
      );
    },
  );

  test.skipIf(missing('dockerd', 'docker'))(
    'beside Docker, be it first, restarted or later, containers of both get out',
    LONG,
    async () => {
      await withProject(stack, async (p) => {
        const docker = await startDocker();
        // Ends well if it was connected.
        const getsOut = () =>
          docker.run('run', '--rm', 'busybox', '/busybox', 'nc', '-w', '2', there.address, '80', '-e', '/busybox', 'true');
        await ending(docker, async () => {
          const before = foreignRules();
          expect(before).toContain('iptables-save :FORWARD DROP');
          await up(p);
          await reaches(p, ALL);
          expect(foreignRules()).toEqual(before);
          getsOut();
          await docker.restart();
          await reaches(p, ALL);
          getsOut();
          await p.ok(['down', '--timeout', '1']);
          expect(foreignRules()).toEqual(before);
        });
        await up(p);
        await reaches(p, ALL);
        await ending(await startDocker(), async () => {
          await reaches(p, ALL);
          await p.ok(['down', '--timeout', '1']);
        });
      });
    },
  );
});

async function ending(one: { close(): Promise<void> }, body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } finally {
    await one.close();
  }
}
