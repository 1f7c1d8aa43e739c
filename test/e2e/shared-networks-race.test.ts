/** A stack is taken down while another one joins a network of it: one of the two is done, and the other one refused. */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { type SecondStack, withSecondStack } from '../support/second-stack.ts';
import { idle, only, page } from '../support/stack-file.ts';
import { suspended } from '../support/supervised.ts';
import { type Project, withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

const shop = only({ services: { web: { ...page, networks: ['front'] } }, networks: { front: { shared: true } } });
const withTools = (p: Project, body: (tools: SecondStack) => Promise<void>) => {
  const services = { client: { ...idle, networks: ['theirs'] }, other: { ...idle, networks: ['own'] } };
  return withSecondStack(
    p,
    { directory: 'tools', name: 'tools', services, networks: { theirs: { external: 'shop/front' }, own: {} } },
    body,
  );
};

const TAKEN = /cannot join network `theirs`: stack `shop`.* (is taking networks of its own down just now|is not up)/;
const JOINED =
  /cannot take stack `shop` down: network `front`: (`tools-client-1` of stack `tools` in \S+ is on it|stack `tools` in \S+ is just coming up on it)/;

async function expectJoined(p: Project, tools: SecondStack): Promise<void> {
  expect(await p.container('web-1')).toMatchObject({ state: 'running' });
  const answer = () => tools.ok(['exec', '-T', 'client', 'wget', '-qO-', 'http://web/']);
  expect((await until('it is reached', answer)).stdout).toBe('web-1\n');
}

/** Nothing of shop, and of tools what there was before. */
async function expectTakenDown(p: Project, tools: SecondStack, before: readonly string[]): Promise<void> {
  expect(await p.ps()).toEqual([]);
  const links = JSON.parse(execFileSync('ip', ['-j', 'link'], { encoding: 'utf8' })) as { ifalias?: string }[];
  expect(links.filter(({ ifalias }) => ifalias?.startsWith('tsstack:shop/'))).toEqual([]);
  const listed = JSON.parse((await tools.ok(['ps', '--all', '--json'])).stdout) as { name: string; state: string }[];
  expect(listed.map(({ name, state }) => `${name} ${state}`)).toEqual(before);
}

/** While somebody is in the middle of it, by a failpoint; afterwards it goes on. */
async function meanwhile(body: () => Promise<void>): Promise<void> {
  const held = await until('somebody is in the middle', suspended, { holds: ({ length }) => length > 0 });
  try {
    await body();
  } finally {
    for (const pid of held) process.kill(pid, 'SIGCONT');
  }
}

test('one that is just coming up on a network keeps it from being taken down', async () => {
  await withProject(shop, async (p) => {
    await p.ok(['up', '-d']);
    await withTools(p, async (tools) => {
      const env = { TSSTACK_FAILPOINTS: 'container.create=1*stop' };
      const joining = p.ok(['up', '-d'], { cwd: tools.directory, env });
      await meanwhile(async () => {
        const down = await p.ok(['down', '--timeout', '0'], { code: 1 });
        expect(down.stderr).toMatch(/network `front`: stack `tools` in \S+ is just coming up on it/);
      });
      await joining;
      await expectJoined(p, tools);
    });
    await p.ok(['down', '--timeout', '0']);
  });
});

test('nor can it be taken away by an up', async () => {
  await withProject(shop, async (p) => {
    await p.ok(['up', '-d']);
    await withTools(p, async (tools) => {
      const env = { TSSTACK_FAILPOINTS: 'container.create=1*stop' };
      const joining = p.ok(['up', '-d'], { cwd: tools.directory, env });
      await meanwhile(async () => {
        p.write(only({ services: { web: { ...page, networks: ['back'] } }, networks: { back: {} } }));
        const up = await p.ok(['up', '-d'], { code: 1 });
        expect(up.stderr).toMatch(/cannot remove network `front`: stack `tools` in \S+ is just coming up on it/);
        p.write(shop);
      });
      await joining;
      await expectJoined(p, tools);
    });
  });
});

test('nobody joins a network of a stack that is being taken down', async () => {
  await withProject(shop, async (p) => {
    await p.ok(['up', '-d'], { env: { TSSTACK_FAILPOINTS: 'container.delete=1*stop' } });
    await withTools(p, async (tools) => {
      const down = p.start(['down', '--timeout', '0']);
      await meanwhile(async () => {
        const { stderr } = await tools.ok(['up', '-d'], 1);
        expect(stderr).toMatch(/is taking networks of its own down just now\n.*`tsstack up -d` in/);
      });
      expect(await down.ended).toBe(0);
      await expectTakenDown(p, tools, []);
    });
  });
});

test('nor is a container started again on it, then or afterwards; others are', async () => {
  await withProject(shop, async (p) => {
    await p.ok(['up', '-d'], { env: { TSSTACK_FAILPOINTS: 'container.delete=1*stop' } });
    await withTools(p, async (tools) => {
      await tools.ok(['up', '-d']);
      await tools.ok(['stop', 'client']);
      const down = p.start(['down', '--timeout', '0']);
      await meanwhile(async () => {
        const { stderr } = await tools.ok(['start', 'client'], 1);
        expect(stderr).toMatch(/cannot start `client-1` of stack `tools` on network `theirs`: stack `shop` in \S+ is just taking it down/);
      });
      expect(await down.ended).toBe(0);
      const afterwards = await tools.ok(['restart', 'client'], 1);
      expect(afterwards.stderr).toMatch(/on network `theirs`: the stack that it belongs to is not up/);
      await tools.ok(['restart', 'other']);
      await expectTakenDown(p, tools, ['client-1 stopped', 'other-1 running']);
    });
  });
});

test.each([
  ['from nothing', [], []],
  ['beside what runs of it', ['other'], ['other-1 running']],
])('both at once, %s: one of the two', async (_, first, before) => {
  await withProject(shop, async (p) => {
    await withTools(p, async (tools) => {
      // Its plan is made a while before its containers: in between nobody is seen on the network.
      const there = { cwd: tools.directory, env: { TSSTACK_FAILPOINTS: 'container.create=delay(200)' } };
      for (const order of [0, 1, 2, 3]) {
        await p.ok(['up', '-d']);
        if (first.length > 0) await p.ok(['up', '-d', ...first], there);
        const commands = [() => p.tsstack(['down', '--timeout', '0']), () => p.tsstack(['up', '-d'], there)];
        const started = (order % 2 === 0 ? commands : commands.toReversed()).map((command) => command());
        const results = await Promise.all(started);
        const [down, up] = order % 2 === 0 ? results : results.toReversed();
        if (up?.code === 0) {
          expect(down?.stderr).toMatch(JOINED);
          await expectJoined(p, tools);
          await tools.ok(['down', '--timeout', '0']);
        } else {
          expect(down).toMatchObject({ code: 0 });
          expect(up?.stderr).toMatch(TAKEN);
          await expectTakenDown(p, tools, before);
        }
      }
    });
  });
});
