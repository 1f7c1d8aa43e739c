import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { http } from '../support/http.ts';
import { idle, only, page } from '../support/stack-file.ts';
import { withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';
import { expectSameWorld, snapshotWorld } from '../support/world.ts';

const talker = { command: ['sh', '-c', 'i=0; while true; do i=$((i+1)); echo tick $i; sleep 0.05; done'] };
const stack = only({ services: { web: { ...page, ports: ['18080:80'] }, talker } });

test('containers outlive an attached up that was killed, and the next up adopts them', async () => {
  await withProject(stack, async (p) => {
    const up = p.start(['up']);
    await up.says(/talker-1 .*tick/);
    const before = await p.ps();
    up.signal('SIGKILL');
    expect(await up.ended).toBe(137);

    expect(await p.ps()).toEqual(before);
    expect((await http('http://127.0.0.1:18080/')).body).toBe('web-1\n');
    const said = (await p.ok(['logs', '--no-prefix', '--tail', '1', 'talker'])).stdout;
    await until('output goes on being logged', async () => (await p.ok(['logs', '--no-prefix', '--tail', '1', 'talker'])).stdout !== said);
    expect((await p.ok(['up', '-d'])).stderr).toMatch(/nothing to change/);
    expect(await p.ps()).toEqual(before);
  });
});

test('containers outlive their launcher; their ends are still written down', async () => {
  await withProject(stack, async (p) => {
    const up = p.start(['up']);
    await up.says(/talker-1 .*tick/);
    const before = await p.ps();
    for (const pid of launchers()) process.kill(pid, 'SIGKILL');
    up.signal('SIGKILL');
    await up.ended;

    expect(await p.ps()).toEqual(before);
    const web = before.find(({ name }) => name === 'web-1');
    if (web?.pid === undefined) throw new Error('web-1 has no pid');
    process.kill(web.pid, 'SIGKILL');
    const stopped = await until('its end is known', () => p.container('web-1'), { holds: ({ state }) => state === 'stopped' });
    expect(stopped.exit).toMatchObject({ code: 137, signal: 9 });
    await p.ok(['up', '-d']);
    expect((await p.ps()).map(({ state }) => state)).toEqual(['running', 'running']);
  });
});

test('an up that was killed anywhere is completed by the next, and undone by down', async () => {
  await withProject(stack, async (p) => {
    const options = { directories: [p.stateDirectory, p.runDirectory] };
    const before = snapshotWorld(options);
    for (let words = 1; words <= 9; words += 2) {
      const up = p.start(['up', '-d', '--verbose']);
      await until(`${words} lines were said`, () => up.output().split('\n').length > words || up.process.exitCode !== null);
      up.signal('SIGKILL');
      await up.ended;
      if (words % 4 === 1) {
        await p.ok(['up', '-d']);
        expect((await until('the page answers', () => http('http://127.0.0.1:18080/'))).body).toBe('web-1\n');
        expect((await p.ok(['plan'])).code, 'nothing is left to do').toBe(0);
      }
      await p.ok(['down']);
      expect(await p.ps()).toEqual([]);
      await expectSameWorld(before, options);
    }
  });
});

test('two ups at once do not meet: one waits or is refused, and the stack is whole', async () => {
  await withProject(stack, async (p) => {
    const results = await Promise.all([p.tsstack(['up', '-d']), p.tsstack(['up', '-d'])]);
    expect(results.some(({ code }) => code === 0)).toBe(true);
    for (const { code, stderr } of results)
      if (code !== 0) expect(stderr).toMatch(/cannot run `up` on stack `shop`: `up` \(pid \d+\) is working on it/);
    expect((await p.ps()).map(({ name, state }) => `${name} ${state}`)).toEqual(['talker-1 running', 'web-1 running']);
    expect((await p.tsstack(['plan'])).code).toBe(0);
  });
});

test('drift is repaired: a link, a rule and an address that somebody removed', async () => {
  await withProject(only({ services: { web: { ...page, ports: ['18080:80'] }, other: idle } }), async (p) => {
    const bridges = () =>
      JSON.parse(execFileSync('ip', ['-j', 'link', 'show', 'type', 'bridge'], { encoding: 'utf8' })) as { ifname: string }[];
    const breakages: Record<string, () => void> = {
      'a rule': () => execFileSync('iptables', ['-t', 'nat', '-F']),
      'an address': () => execFileSync('ip', ['address', 'flush', 'dev', `${bridges()[0]?.ifname}`]),
      'a bridge': () => execFileSync('ip', ['link', 'delete', `${bridges()[0]?.ifname}`]),
    };
    await p.ok(['up', '-d']);
    const before = (await p.ps()).map(({ pid }) => pid);
    for (const [what, breakIt] of Object.entries(breakages)) {
      breakIt();
      expect((await p.tsstack(['plan'])).code, what).toBe(10);
      await p.ok(['up', '-d']);
      expect((await until('the page answers', () => http('http://127.0.0.1:18080/'))).body).toBe('web-1\n');
      expect(
        (await p.ps()).map(({ pid }) => pid),
        `${what}: no container was restarted`,
      ).toEqual(before);
    }
  });
});

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
