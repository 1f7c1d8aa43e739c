/** Commands in a container and functions of the stack file at points of its life. */
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { idle, only } from '../support/stack-file.ts';
import { killSupervisor, listen } from '../support/supervised.ts';
import { type Project, withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

const append = (text: string) => `echo ${text} >> /data/lines`;
const withData = (services: Record<string, Record<string, unknown>>) => only({ services, volumes: { data: {} } });
const lines = async (p: Project, from: string) => (await p.ok(['exec', '-T', from, 'cat', '/data/lines'])).stdout.trim().split('\n');

test('postStart runs after the start and before those who depend on it, preStop before the stop signal', async () => {
  const services = {
    db: {
      command: ['sh', '-c', `trap '${append('stopped')}; exit 0' TERM; ${append('started')}; touch /up; while true; do sleep 0.05; done`],
      volumes: ['data:/data'],
      postStart: [
        'while [ ! -e /up ]; do sleep 0.02; done; sleep 0.2',
        { command: append('$GREETING'), environment: { GREETING: 'warm' } },
      ],
      preStop: { command: append('leaving') },
    },
    api: { command: ['sh', '-c', `${append('api')}; exec sleep 1000000`], volumes: ['data:/data'], dependsOn: ['db'] },
  };
  await withProject(withData(services), async (p) => {
    await p.ok(['up', '-d', '--wait']);
    await until('api has said so', () => lines(p, 'api'), { holds: (said) => said.length === 3 });
    expect(await lines(p, 'api')).toEqual(['started', 'warm', 'api']);
    using heard = await listen(p);
    await p.ok(['stop', 'db']);
    expect(heard.of('hook').map(({ container, hook, error }) => [container, hook, error])).toEqual([['db-1', 'preStop[0]', undefined]]);
    expect((await lines(p, 'api')).slice(3)).toEqual(['leaving', 'stopped']);
    await p.ok(['start', 'db']);
    expect(heard.of('hook').map(({ hook }) => hook)).toEqual(['preStop[0]', 'postStart[0]', 'postStart[1]']);
  });
});

test('a postStart that fails is a failed start; a preStop that fails or takes too long is told, and it stops all the same', async () => {
  const services = {
    bad: { ...idle, postStart: 'echo out of luck >&2; exit 3' },
    rude: { ...idle, preStop: [['false'], { command: 'sleep 1000', timeout: '50ms' }], stopGracePeriod: '5s' },
  };
  await withProject(only({ services }), async (p) => {
    const up = await p.tsstack(['up', '-d']);
    expect([1, 18]).toContain(up.code);
    expect(up.stderr).toMatch(/hook `postStart\[0\]` of container `bad-1` failed: it exited with code 3: out of luck/);
    using heard = await listen(p);
    await p.ok(['stop', 'rude']);
    expect(heard.of('hook').map(({ hook, error }) => [hook, error])).toEqual([
      ['preStop[0]', 'it exited with code 1'],
      ['preStop[1]', 'it took longer than 50 ms'],
    ]);
    expect(await p.container('rude-1')).toMatchObject({ state: 'stopped' });
  });
});

/** The stack file of a service whose functions write what they are told into `calls` beside it. */
function withFunctions(p: Project, service: string, more = ''): void {
  p.write({
    'stack.config.ts': `
      import { appendFileSync } from 'node:fs';
      import { defineStack, rootfs, type HookEvent } from 'tsstack';
      const note = (what: string) => (event: HookEvent) => {
        const { service, container, addresses, exit } = event;
        appendFileSync('${p.directory}/calls', JSON.stringify({ what, service, container, addresses, exit: exit && exit.code }) + '\\n');
      };
      ${more}
      export default defineStack({ name: 'shop', services: { web: { image: rootfs('./rootfs'), ${service} }, other: { image: rootfs('./rootfs'), command: 'sleep 1000000' } } });
    `,
  });
}

interface Call {
  readonly what: string;
  readonly container: string;
  readonly addresses: Readonly<Record<string, string>>;
  readonly exit?: number;
}

function calls(p: Project): readonly Call[] {
  const path = `${p.directory}/calls`;
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Call);
}

const healthy = `command: ['sh', '-c', 'touch /ok; exec sleep 1000000'],
  healthcheck: { test: ['CMD', 'test', '-e', '/ok'], interval: '50ms', startInterval: '20ms', startPeriod: '0s', retries: 1 },
  onStarted: note('started'), onHealthy: note('healthy'), onUnhealthy: note('unhealthy'), onExited: note('exited')`;

test('functions of the stack file are called when a container starts, is healthy, unhealthy, and has ended', async () => {
  await withProject({}, async (p) => {
    withFunctions(p, healthy);
    await p.ok(['up', '-d', '--wait']);
    const { addresses } = await p.container('web-1');
    await until('both are called', () => calls(p), { holds: (made) => made.length === 2 });
    expect(
      calls(p)
        .map(({ what }) => what)
        .sort(),
    ).toEqual(['healthy', 'started']);
    expect(calls(p)[0]).toMatchObject({ service: 'web', container: 'web-1', addresses });

    await p.ok(['exec', '-T', 'web', 'rm', '/ok']);
    const whats = () => calls(p).map(({ what }) => what);
    await until('it was restarted', whats, { holds: (made) => made.filter((what) => what === 'healthy').length === 2 });
    expect(whats().slice(2).sort()).toEqual(['exited', 'healthy', 'started', 'unhealthy']);

    const before = calls(p).length;
    await p.ok(['stop', 'web']);
    await until('its end is told', () => calls(p), { holds: (made) => made.length > before });
    expect(calls(p).at(-1)).toMatchObject({ what: 'exited', exit: 143 });
  });
});

test('they are called by a supervisor that comes later, too, in the version of the last up', async () => {
  await withProject({}, async (p) => {
    withFunctions(p, healthy);
    await p.ok(['up', '-d', '--wait']);
    withFunctions(p, healthy.replaceAll("note('", "note('new "));
    await p.ok(['up', '-d', '--wait']);
    await killSupervisor(p);
    await p.ps();
    await p.ok(['exec', '-T', 'web', 'rm', '/ok']);
    await until('the new one is called', () => calls(p).some(({ what }) => what === 'new unhealthy'));
  });
});

test('a function that throws, or takes too long, is told and changes nothing', async () => {
  await withProject({}, async (p) => {
    withFunctions(
      p,
      `command: 'sleep 1000000', hookTimeout: '100ms',
       onStarted: () => { throw new Error('not today'); },
       onExited: ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', () => { note('aborted')({} as HookEvent); resolve(undefined); }))`,
    );
    await p.ok(['up', '-d']);
    using heard = await listen(p);
    await p.ok(['restart', 'web']);
    expect((await heard.hears('hook', ({ hook }) => hook === 'onStarted')).error).toMatch(/not today/);
    expect((await heard.hears('hook', ({ hook }) => hook === 'onExited')).error).toMatch(/longer than 100 ms/);
    await until('it was told that its time is over', () => calls(p).some(({ what }) => what === 'aborted'));
    expect(await p.container('web-1')).toMatchObject({ state: 'running' });
    expect((await p.ok(['plan'])).stdout).not.toMatch(/->/);
  });
});
