/** When a supervisor ends, and who is told what by then. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { expect, test } from 'vitest';
import { idle, only } from '../support/stack-file.ts';
import { listen, supervisorPid } from '../support/supervised.ts';
import { type Project, type Running, withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

/** Ends at once and is restarted, later each time. */
const crashing = { ...idle, command: ['sh', '-c', 'exit 3'], restart: 'always' };
const deaf = { ...idle, command: ['sh', '-c', 'trap "" TERM; while true; do sleep 0.1; done'], stopGracePeriod: '2s' };
const shop = (services: Record<string, Record<string, unknown>>) => only({ services });

async function untilItWaits(p: Project, name: string): Promise<void> {
  await until(`${name} waits for its restart`, () => p.container(name), {
    holds: ({ reason, restarts }) => restarts >= 3 && (reason ?? '').startsWith('restarts in'),
  });
}
const untilNobodySupervises = (p: Project) =>
  until('its supervisor has ended', () => readdirSync(p.runDirectory).filter((name) => name.endsWith('.sock')), {
    holds: ({ length }) => length === 0,
  });

const untilItListens = (p: Project, events: Running) =>
  until('it listens', () => p.ok(['restart', '--timeout', '0']).then(() => events.output()), { holds: (said) => said !== '' });

test('what a supervisor has on disk is for root alone, as are its socket and its lock', async () => {
  await withProject(shop({ web: { ...idle, environment: { TOKEN: 'hush' } } }), async (p) => {
    await p.ok(['up', '-d']);
    const stacks = `${p.stateDirectory}/stacks`;
    const [id = ''] = readdirSync(stacks);
    const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);
    expect(readFileSync(`${stacks}/${id}/desired.json`, 'utf8')).toContain('hush');
    for (const file of ['desired.json', 'supervision.json']) expect([file, modeOf(`${stacks}/${id}/${file}`)]).toEqual([file, '600']);
    for (const file of [`${id}.sock`, `${id}.lock`]) expect([file, modeOf(`${p.runDirectory}/${file}`)]).toEqual([file, '600']);
    expect(modeOf(stacks)).toBe('700');
  });
});

test('`down` ends though a container waits for its restart', async () => {
  await withProject(shop({ web: crashing }), async (p) => {
    await p.tsstack(['up', '-d']);
    await untilItWaits(p, 'web-1');
    await p.ok(['down'], { timeoutMs: 10_000 });
    await untilNobodySupervises(p);
  });
});

test('a container that is stopped while it waits for its restart stays down, and nobody goes on waiting for it', async () => {
  await withProject(shop({ web: crashing }), async (p) => {
    await p.tsstack(['up', '-d']);
    await untilItWaits(p, 'web-1');
    await p.ok(['stop']);
    expect(await p.container('web-1')).toMatchObject({ state: 'stopped', reason: 'stopped on request' });
    await untilNobodySupervises(p);
  });
});

test('a container that is no longer declared is not restarted, and nobody goes on waiting for it', async () => {
  await withProject(shop({ web: crashing, worker: idle }), async (p) => {
    await p.tsstack(['up', '-d']);
    await untilItWaits(p, 'web-1');
    p.write(shop({ worker: idle }));
    await p.ok(['up', '-d']);
    await p.ok(['stop']);
    await untilNobodySupervises(p);
  });
});

test('who stays with one service is told when the whole stack is taken down', async () => {
  await withProject(shop({ web: idle, worker: idle }), async (p) => {
    const up = p.start(['up', 'web']);
    await until('it runs', () => p.ps(), { holds: (all) => all.some(({ state }) => state === 'running') });
    const pid = await supervisorPid(p);
    const events = p.start(['events']);
    await untilItListens(p, events);
    expect(await supervisorPid(p)).toBe(pid);
    await p.ok(['down'], { timeoutMs: 15_000 });
    await up.ended;
    expect(up.output()).not.toMatch(/supervisor ended/);
    expect(await events.ended, events.output()).toBe(0);
  });
});

test('an `up` that is asked for while the stack is taken down comes after it, and both end', async () => {
  await withProject(shop({ web: deaf }), async (p) => {
    await p.ok(['up', '-d']);
    using listening = await listen(p);
    const down = p.start(['down']);
    await listening.hears('step.started', ({ step }) => step.op.kind === 'container.stop');
    const up = await p.tsstack(['up', '-d'], { timeoutMs: 20_000 });
    expect(up.code, up.stderr).toBe(0);
    expect(await down.ended, down.output()).toBe(0);
    expect(await p.container('web-1')).toMatchObject({ state: 'running' });
  });
});

test('two that take the stack down at the same time both succeed', async () => {
  await withProject(shop({ web: deaf }), async (p) => {
    await p.ok(['up', '-d']);
    const both = [p.start(['down']), p.start(['down'])];
    for (const down of both) expect(await down.ended, down.output()).toBe(0);
  });
});

test('`down` ends though somebody who listens is suspended', async () => {
  await withProject(shop({ web: idle }), async (p) => {
    await p.ok(['up', '-d']);
    const events = p.start(['events']);
    await untilItListens(p, events);
    events.signal('SIGSTOP');
    await p.ok(['down'], { timeoutMs: 15_000 });
    events.signal('SIGCONT');
    await events.ended;
  });
});

test('who stays with the stack goes on when its supervisor is told to end', async () => {
  await withProject(shop({ web: idle }), async (p) => {
    const up = p.start(['up']);
    await until('it runs', () => p.ps(), { holds: (all) => all.some(({ state }) => state === 'running') });
    const first = await supervisorPid(p);
    process.kill(first, 'SIGTERM');
    await until('another one supervises', () => supervisorPid(p).catch(() => first), { holds: (pid) => pid !== first });
    await p.ok(['exec', '-T', 'web', 'true']);
    expect(up.process.exitCode, up.output()).toBeNull();
    await p.ok(['stop']);
    await up.ended;
    expect(up.output()).toMatch(/`web-1` was ended by SIGTERM/);
  });
});
