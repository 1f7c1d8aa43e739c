/** What is killed from outside: commands, launchers, and the supervisor at any moment. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { http } from '../support/http.ts';
import { killSupervisors, lives, shape, supervisors } from '../support/past-tsstack.ts';
import { idle, only, page } from '../support/stack-file.ts';
import { type Project, withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';
import { expectSameWorld, snapshotWorld } from '../support/world.ts';

const talker = { command: ['sh', '-c', 'i=0; while true; do i=$((i+1)); echo tick $i; sleep 0.05; done'] };
const stack = only({ services: { web: { ...page, ports: ['18080:80'] }, talker } });

test('an attached up that is killed takes nothing with it: its supervisor goes on', async () => {
  await withProject(stack, async (p) => {
    const up = p.start(['up']);
    await up.says(/talker-1 .*tick/);
    const before = await p.ps();
    const pids = supervisors(p);
    up.signal('SIGKILL');
    expect(await up.ended).toBe(137);

    expect(await p.ps()).toEqual(before);
    expect((await http('http://127.0.0.1:18080/')).body).toBe('web-1\n');
    const said = (await p.ok(['logs', '--no-prefix', '--tail', '1', 'talker'])).stdout;
    await until('output goes on being logged', async () => (await p.ok(['logs', '--no-prefix', '--tail', '1', 'talker'])).stdout !== said);
    expect((await p.ok(['up', '-d'])).stderr).toMatch(/nothing to change/);
    expect(await p.ps()).toEqual(before);
    expect(supervisors(p)).toEqual(pids);
  });
});

test('containers outlive the launcher of their supervisor, which goes on watching them with another one', async () => {
  await withProject(stack, async (p) => {
    const up = p.start(['up']);
    await up.says(/talker-1 .*tick/);
    const before = lives(p);
    const killed = launchers();
    expect(killed).toHaveLength(1);
    for (const pid of killed) process.kill(pid, 'SIGKILL');
    await until('there is another launcher', () => launchers().some((pid) => !killed.includes(pid)));
    expect(lives(p)).toEqual(before);

    const web = await p.container('web-1');
    if (web.pid === undefined) throw new Error('web-1 has no pid');
    process.kill(web.pid, 'SIGKILL');
    await until('web-1 runs again', () => lives(p), { holds: (now) => now.has('web-1') && now.get('web-1') !== before.get('web-1') });
    expect(lives(p).get('talker-1')).toBe(before.get('talker-1'));
    expect((await until('the page answers', () => http('http://127.0.0.1:18080/'))).body).toBe('web-1\n');
  });
});

test('an up that was killed anywhere is completed by its supervisor, and undone by down', async () => {
  await withProject(stack, async (p) => {
    const options = { directories: [p.stateDirectory, p.runDirectory] };
    const before = snapshotWorld(options);
    for (let words = 1; words <= 9; words += 2) {
      const up = p.start(['up', '-d', '--verbose']);
      await until(`${words} lines were said`, () => up.output().split('\n').length > words || up.process.exitCode !== null);
      up.signal('SIGKILL');
      await up.ended;
      if (words % 4 === 1) {
        await until('everything runs', () => lives(p), { holds: (now) => now.size === 2 });
        expect((await until('the page answers', () => http('http://127.0.0.1:18080/'))).body).toBe('web-1\n');
        expect(await until('nothing is left to do', () => p.ok(['plan']))).toMatchObject({ code: 0 });
      }
      await p.ok(['down']);
      expect(await p.ps()).toEqual([]);
      await expectSameWorld(before, options);
    }
  });
});

/** Numerical Recipes' generator: the same rounds in every run. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

const db = { ...idle, volumes: ['data:/data'] };
const volumes = { data: {} };
const states = {
  small: only({ services: { db, web: { ...page, ports: ['18080:80'], dependsOn: ['db'] } }, volumes }),
  changed: only({ services: { db, web: { ...page, ports: ['18081:80'], environment: { COLOR: 'blue' }, dependsOn: ['db'] } }, volumes }),
  scaled: only({ services: { db, web: { ...page, replicas: 3, limits: { pids: 40 } }, worker: { ...idle, replicas: 2 } }, volumes }),
};
type State = keyof typeof states;

/** Kills the supervisor some time after the command was begun; whether it was over by then is a matter of luck. */
async function killDuring(p: Project, argv: readonly string[], afterMs: number): Promise<void> {
  const running = p.start(argv);
  await delay(afterMs);
  await killSupervisors(p);
  expect([0, 1]).toContain(await running.ended);
}

test.each([1, 20261122])(
  'a supervisor killed at random times (seed %i) never changes what the next command reaches',
  async (seed) => {
    await withProject(
      states.small,
      async (p) => {
        const options = { directories: [p.stateDirectory, p.runDirectory] };
        await p.ok(['up', '-d']);
        await p.ok(['down']);
        const nothing = snapshotWorld(options);
        const bring = async (state: State) => {
          p.write(states[state]);
          await p.ok(['up', '-d']);
        };
        const roll = dice(seed);
        for (let round = 1; round <= 10; round++) {
          const [from, to] = (['small', 'changed', 'scaled'] as const).toSorted(() => roll(3) - 1);
          const what = `seed ${seed}, round ${round}: ${from} → ${to}`;
          await bring(from ?? 'small');
          const db = lives(p).get('db-1');
          p.write(states[to ?? 'small']);
          if (roll(4) === 0) {
            await killDuring(p, ['down'], 100 + roll(500));
            await p.ok(['down']);
            await expectSameWorld(nothing, options);
            continue;
          }
          await killDuring(p, ['up', '-d'], 100 + roll(500));
          const survivors = lives(p);
          await p.ok(['up', '-d']);
          expect([what, lives(p).get('db-1'), survivors.get('db-1')]).toEqual([what, db, db]);
          const reached = await shape(p);
          expect([what, reached]).toEqual([what, expect.objectContaining({ plan: [0, ''] })]);
          await p.ok(['down']);
          await expectSameWorld(nothing, options);
        }
      },
      { timeoutMs: 110_000 },
    );
  },
  120_000,
);

/** Of this fake host: it has its own process namespace. */
function launchers(): number[] {
  const commandLine = (pid: string) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    } catch {
      return []; // it ended in between
    }
  };
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      const [binary = '', mode] = commandLine(pid);
      return binary.endsWith('tsstack-launcher') && mode === 'serve';
    })
    .map(Number);
}
