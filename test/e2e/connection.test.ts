/** A client holds TCP connections to a service through everything that is changed in place, repaired and adopted. */
import { execFileSync } from 'node:child_process';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { cgroupFile, pidsMax } from '../support/cgroup-file.ts';
import { echo, holdLine, type Line } from '../support/line.ts';
import { only, type StackShape } from '../support/stack-file.ts';
import { killSupervisor, listen, supervisorPid } from '../support/supervised.ts';
import { type Project, withProject } from '../support/tsstack.ts';

type Service = Readonly<Record<string, unknown>>;

const server: Service = { ...echo, ports: ['17000:7000'], networks: { front: {} } };
const shape = (more: Service = {}, others: Record<string, Service> = {}): StackShape => ({
  services: { echo: { ...server, ...more }, ...others },
  networks: { front: {}, back: { internal: true } },
});

/** Each is one `up` from the one before it. */
const changes: Record<string, StackShape> = {
  'a limit': shape({ limits: { pids: 40, memory: '64MiB', cpus: 0.5 } }),
  'another limit, one lifted': shape({ limits: { pids: 45 } }),
  'a port added': shape({ ports: ['17000:7000', '17001:7000'] }),
  'a port moved': shape({ ports: ['17000:7000', '17002:7000'] }),
  'a port opened to all': shape({ ports: ['17000:7000', '0.0.0.0:17002:7000'] }),
  'a port removed': shape(),
  'a network joined': shape({ networks: { front: {}, back: {} } }),
  'a network left': shape(),
  'an alias': shape({ networks: { front: { aliases: ['sound'] } } }),
  'a healthcheck': shape({ healthcheck: { tcp: 7000, interval: '200ms' } }),
  'another healthcheck': shape({ healthcheck: { test: 'true', interval: '1s', restart: false } }),
  'no healthcheck': shape(),
  'a restart policy': shape({ restart: 'unless-stopped' }),
  'more replicas': shape({ replicas: 3 }),
  'fewer replicas': shape({ replicas: 1 }),
  'a label': shape({ labels: { tier: 'one' } }),
  'update settings': shape({ update: { order: 'start-first', parallelism: 2 } }),
  hooks: shape({ postStart: 'true', preStop: 'true' }),
  'a stop signal and its grace': shape({ stopGracePeriod: '2s' }),
  'another service': shape({}, { other: server2() }),
  'another service that depends on it': shape({}, { other: { ...server2(), dependsOn: { echo: { restart: true } } } }),
  'neither of them': shape(),
};

function server2(): Service {
  return { ...echo, ports: ['17005:7000'], networks: ['front', 'back'] };
}

interface Held {
  /** By its published port, and by its own address. */
  readonly lines: readonly [Line, Line];
  readonly pid: number;
}

async function held(p: Project, body: (held: Held) => Promise<void>): Promise<void> {
  await p.ok(['up', '-d']);
  const { pid, addresses } = await p.container('echo-1');
  if (pid === undefined) throw new Error('it does not run');
  using published = await holdLine(17000);
  using direct = await holdLine(7000, addresses['front']);
  await body({ lines: [published, direct], pid });
}

async function stillHeld({ lines, pid }: Held, p: Project, what: string): Promise<void> {
  for (const line of lines) {
    await line.echoes().catch((error: unknown) => {
      throw new Error(`after ${what}: ${String(error)}`);
    });
  }
  expect((await p.container('echo-1')).pid, what).toBe(pid);
}

test('connections outlive every change in place', async () => {
  await withProject(
    only(shape()),
    async (p) => {
      await held(p, async (connections) => {
        for (const [what, changed] of Object.entries(changes)) {
          p.write(only(changed));
          const { stderr } = await p.ok(['up', '-d']);
          expect(stderr, what).not.toMatch(/nothing to change/);
          await stillHeld(connections, p, what);
          if (what === 'a limit') expect(cgroupFile(connections.pid, pidsMax)).toBe('40');
          if (what === 'a port moved') {
            using _there = await holdLine(17002);
          }
        }
        expect((await p.ok(['plan'])).stdout).not.toMatch(/->/);
      });
    },
    { timeoutMs: 100_000 },
  );
}, 120_000);

test('a connection by a port that is moved away goes on; new ones are refused', async () => {
  await withProject(only(shape()), async (p) => {
    await held(p, async (connections) => {
      p.write(only(shape({ ports: ['17009:7000'] })));
      await p.ok(['up', '-d']);
      await stillHeld(connections, p, 'the port was moved');
      using _there = await holdLine(17009);
      expect(await outcome(17000)).toMatch(/ECONNREFUSED/);
    });
  });
});

test('connections outlive the repair of what somebody else breaks', async () => {
  await withProject(only(shape()), async (p) => {
    await held(p, async (connections) => {
      using heard = await listen(p);
      const bridge = (
        JSON.parse(execFileSync('ip', ['-j', 'link', 'show', 'type', 'bridge'], { encoding: 'utf8' })) as { ifname: string }[]
      )[0];
      const breakages: Record<string, readonly (readonly string[])[]> = {
        'a flushed firewall': [
          ['iptables', '-F'],
          ['iptables', '-t', 'nat', '-F'],
        ],
        'a deleted bridge': [['ip', 'link', 'delete', `${bridge?.ifname}`]],
        'an address taken away': [['nsenter', '-t', `${connections.pid}`, '-n', 'ip', 'address', 'flush', 'dev', 'eth0']],
        'a deleted interface': [['nsenter', '-t', `${connections.pid}`, '-n', 'ip', 'link', 'delete', 'eth0']],
      };
      for (const [what, commands] of Object.entries(breakages)) {
        heard.clear();
        for (const [file = '', ...argv] of commands) execFileSync(file, argv);
        await heard.hears('repaired');
        await stillHeld(connections, p, what);
      }
    });
  });
});

test('connections outlive the supervisor, and what the next one does', async () => {
  await withProject(only(shape()), async (p) => {
    await held(p, async (connections) => {
      const before = await killSupervisor(p);
      await stillHeld(connections, p, 'the supervisor was killed');
      p.write(only(shape({ ports: ['17000:7000', '17001:7000'], limits: { pids: 41 } })));
      await p.ok(['up', '-d']);
      expect(await supervisorPid(p)).not.toBe(before);
      await stillHeld(connections, p, 'another supervisor has changed it');
      expect(cgroupFile(connections.pid, pidsMax)).toBe('41');
    });
  });
});

/** How a new connection ends: ECONNREFUSED, or nothing. */
function outcome(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', (error) => resolve(error.message));
    socket.once('connect', () => {
      socket.destroy();
      resolve('connected');
    });
  });
}
