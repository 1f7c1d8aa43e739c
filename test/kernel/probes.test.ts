import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HealthcheckSpec, HookSpec, ProbeSpec } from '../../dsl/spec.ts';
import type { ContainerRecord } from '../../engine/model/container.ts';
import type { EngineEvent } from '../../engine/model/events.ts';
import { monitorHealth } from '../../engine/supervise/health-monitor.ts';
import { SYSTEM_CLOCK } from '../../engine/wiring/await.ts';
import { runCommandHooks } from '../../engine/wiring/hooks.ts';
import { probeContainer } from '../../engine/wiring/probes.ts';
import type { Session } from '../../engine/wiring/session.ts';
import { until } from '../support/until.ts';
import { BINARY, type Fixture, openFixture } from './launcher-fixture.ts';

/** A web server that says when it listens. */
const SCRIPT = 'mkdir -p /www; echo hello > /www/index.html; /bin/busybox httpd -p 8080 -h /www; echo listening; exec sleep 1000';
const ADDRESS = '10.99.0.2';
const NEVER = new AbortController().signal;

let fixture: Fixture;
let session: Session;
let record: ContainerRecord;
beforeAll(async () => {
  fixture = openFixture();
  const launch = fixture.spec('web-1', SCRIPT);
  const { init } = await fixture.launcher.create('web-1', launch);
  const ip = (...words: string[]) => execFileSync('ip', words);
  const inside = (...words: string[]) => execFileSync('nsenter', ['-t', String(init.pid), '-n', 'ip', ...words]);
  ip('link', 'add', 'probe0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(init.pid));
  ip('addr', 'add', '10.99.0.1/24', 'dev', 'probe0');
  ip('link', 'set', 'probe0', 'up');
  inside('addr', 'add', `${ADDRESS}/24`, 'dev', 'eth0');
  inside('link', 'set', 'eth0', 'up');
  await fixture.launcher.start('web-1');
  session = { launcherBinary: BINARY, paths: { logs: fixture.directory } } as unknown as Session;
  record = {
    version: 1,
    name: 'web-1',
    service: 'web',
    index: 1,
    kind: 'service',
    rerun: 'on-change',
    configHash: '',
    imageDigest: '',
    fileHashes: {},
    image: '',
    launch,
    stopSignal: 'SIGTERM',
    stopGracePeriodMs: 10_000,
    restart: { policy: 'no', maxRetries: undefined },
    healthcheck: undefined,
    ports: [],
    addresses: { front: ADDRESS },
    labels: {},
    dependsOn: [],
    hooks: { postStart: [], preStop: [], host: [], hostTimeoutMs: 30_000 },
    update: { order: 'stop-first', parallelism: 1 },
  };
});
afterAll(async () => {
  const { init } = fixture.status('web-1');
  if (init) await fixture.launcher.signal(init, 9);
  await fixture.ended('web-1');
  await fixture.close();
});

const checkOf = (probe: ProbeSpec, timeoutMs: number): HealthcheckSpec => ({
  probe,
  intervalMs: 30_000,
  timeoutMs,
  retries: 3,
  startPeriodMs: 30_000,
  startIntervalMs: 20,
  restart: true,
});
const hook = (script: string, parts: Partial<HookSpec> = {}): HookSpec => ({
  argv: ['sh', '-c', script],
  user: undefined,
  workingDir: undefined,
  environment: {},
  timeoutMs: 30_000,
  ...parts,
});
const probe = (spec: ProbeSpec, timeoutMs = 10_000) =>
  probeContainer(session, { ...record, healthcheck: checkOf(spec, timeoutMs) }, { status: fixture.status('web-1'), signal: NEVER });

describe('a container that serves', () => {
  test.each<ProbeSpec>([
    { kind: 'log', pattern: '^listening$', flags: '' },
    { kind: 'http', port: 8080, path: '/', headers: {} },
    { kind: 'tcp', port: 8080 },
    { kind: 'exec', argv: ['test', '-e', '/www/index.html'] },
  ])('is found healthy by %j', async (spec) => {
    const check = checkOf(spec, 10_000);
    using monitor = monitorHealth({
      check,
      startedAt: Date.now(),
      clock: SYSTEM_CLOCK,
      probe: (signal) => probeContainer(session, { ...record, healthcheck: check }, { status: fixture.status('web-1'), signal }),
      onChange: () => undefined,
    });
    expect(await monitor.settled(AbortSignal.timeout(20_000))).toBe('healthy');
  });

  test('is found wanting by its answers', async () => {
    expect(await probe({ kind: 'http', port: 8080, path: '/not-there', headers: {} })).toMatchObject({
      code: 1,
      output: expect.stringMatching(/^HTTP status 404/),
    });
    expect(await probe({ kind: 'tcp', port: 81 })).toMatchObject({ code: 1, output: expect.stringContaining('ECONNREFUSED') });
    expect(await probe({ kind: 'exec', argv: ['not-there'] })).toMatchObject({ code: 127 });
  });
});

test('a probe that takes too long is killed with what it has started', async () => {
  const mark = '98765';
  expect(await probe({ kind: 'exec', argv: ['sh', '-c', `echo begun; sleep ${mark}; true`] }, 300)).toEqual({
    code: 124,
    output: 'begun\n',
  });
  await until('nothing of it is left', () => !execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).includes(`sleep ${mark}`));
});

test('hooks have the user, directory and environment they are given, and what they say explains a failure', async () => {
  const events: EngineEvent[] = [];
  const postStart = [
    hook('test "$(id -u):$(pwd):$COLOR" = 1000:/tmp:red', { user: 'user', workingDir: '/tmp', environment: { COLOR: 'red' } }),
    hook('echo no such table; exit 3'),
  ];
  const hooks = { ...record.hooks, postStart };
  const done = runCommandHooks(
    session,
    { record: { ...record, hooks }, status: fixture.status('web-1') },
    { when: 'postStart', signal: NEVER, onEvent: (event) => events.push(event) },
  );
  await expect(done).rejects.toThrow('hook `postStart[1]` of container `web-1` failed: it exited with code 3: no such table');
  expect(events).toMatchObject([{ hook: 'postStart[0]', error: undefined }, { hook: 'postStart[1]' }]);
});
