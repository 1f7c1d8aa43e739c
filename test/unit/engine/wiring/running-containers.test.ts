import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HealthcheckSpec } from '../../../../dsl/spec.ts';
import type { EngineEvent } from '../../../../engine/model/events.ts';
import { RunningContainers, type RunningContainersOptions } from '../../../../engine/wiring/running-containers.ts';
import { until } from '../../../support/until.ts';
import { type WiredContainers, wiredContainers } from '../../../support/wired-containers.ts';

const ALWAYS = { policy: 'always', maxRetries: undefined } as const;
const CHECK: HealthcheckSpec = {
  probe: { kind: 'exec', argv: ['true'] },
  intervalMs: 20,
  timeoutMs: 5000,
  retries: 1,
  startPeriodMs: 0,
  startIntervalMs: 10,
  restart: true,
};

let world: WiredContainers;
let events: EngineEvent[];
let looks: number;
let containers: RunningContainers;
let left: [string, number][];
let stopped: Set<string>;
const make = (parts: Partial<RunningContainersOptions> = {}) =>
  new RunningContainers({
    session: world.session,
    emit: (event) => events.push(event),
    onChange: () => looks++,
    isStopped: (name) => stopped.has(name),
    onError: (error) => events.push({ type: 'notice', at: 0, message: String(error) }),
    onMoment: () => undefined,
    restarts: {},
    ...parts,
  });
const types = () => events.map(({ type }) => type);
const start = (name = 'web-1') => {
  containers.starting(name);
  world.running(name);
  containers.started(name);
};
const heard = (type: EngineEvent['type'], times = 1) =>
  until(`\`${type}\` is told`, () => types().filter((one) => one === type).length, { holds: (count) => count >= times });

beforeEach(() => {
  world = wiredContainers();
  events = [];
  looks = 0;
  left = [];
  stopped = new Set();
  Object.assign(world.session, {
    stack: { id: 'shop-1', name: 'shop', hash: '1' },
    cgroups: { unified: undefined, controllers: {} },
    leaveNamespace: (name: string, pid: number) => left.push([name, pid]),
  });
  containers = make();
});
afterEach(() => {
  containers[Symbol.dispose]();
  world[Symbol.dispose]();
});

describe('the end of a container', () => {
  it('is told, lets go of its namespace, and makes it due by its policy', async () => {
    world.make('web-1', { restart: ALWAYS });
    start();
    expect(containers.isRunning('web-1')).toBe(true);
    world.ended('web-1', 3);
    await heard('container.restarting');
    expect(types()).toEqual(['container.started', 'container.exited', 'container.restarting']);
    expect(left).toEqual([['web-1', process.pid]]);
    await until('it is due', () => containers.restarts.due, { holds: ({ length }) => length === 1 });
    expect(containers.restarts.toCome).toEqual(['web-1']);
    expect(looks).toBeGreaterThan(0);
  });

  it('is noticed though it came before anybody followed it', async () => {
    world.make('web-1', { restart: ALWAYS });
    containers.starting('web-1');
    world.ended('web-1', 3);
    containers.started('web-1');
    await heard('container.restarting');
    expect(types().filter((type) => type === 'container.exited')).toHaveLength(1);
  });

  it('is told once, whoever notices it first: the watch or the step that has failed because of it', async () => {
    world.make('web-1', { restart: ALWAYS });
    containers.starting('web-1');
    world.running('web-1');
    containers.followAll({ adopt: false });
    world.ended('web-1', 3);
    await heard('container.restarting');
    containers.startFailed('web-1');
    expect(types()).toEqual(['container.exited', 'container.restarting']);
    expect(containers.restarts.count('web-1')).toBe(1);
    expect(containers.restarts.willCome('web-1'), 'what was decided still holds').toBe(true);
  });

  it('is no failure when we have stopped it', async () => {
    world.make('web-1', { restart: ALWAYS });
    start();
    containers.expectEnd('web-1');
    world.ended('web-1', 143);
    await heard('container.exited');
    expect(events.find(({ type }) => type === 'container.exited')).toMatchObject({ requested: true });
    expect(containers.restarts.willCome('web-1')).toBe(false);
  });

  it('while it is to be stopped anyway is the last', async () => {
    world.make('web-1', { restart: ALWAYS });
    start();
    stopped.add('web-1');
    world.ended('web-1', 3);
    await heard('container.exited');
    expect(containers.restarts.willCome('web-1')).toBe(false);
  });

  it('is its own when the stop had failed', async () => {
    world.make('web-1', { restart: ALWAYS });
    start();
    containers.expectEnd('web-1');
    containers.stopFailed('web-1');
    world.ended('web-1', 3);
    await heard('container.restarting');
    expect(events.find(({ type }) => type === 'container.exited')).toMatchObject({ requested: false });
  });

  it('is decided on by the next look, if it could not be read', async () => {
    world.make('web-1', { restart: ALWAYS });
    let broken = true;
    const { paths } = world.session;
    const [own, other] = [paths.containers, `${paths.containers}/web-1/record.json`];
    Object.defineProperty(paths, 'containers', { get: () => (broken ? other : own) });
    broken = false;
    start();
    world.ended('web-1', 3);
    broken = true;
    await heard('notice');
    expect(containers.restarts.willCome('web-1')).toBe(false);
    broken = false;
    containers.followAll({ adopt: false });
    expect(containers.restarts.willCome('web-1')).toBe(true);
  });
});

describe('what a supervisor before has left', () => {
  it('has ended meanwhile: it is restarted, unless it was stopped on request', () => {
    for (const name of ['web-1', 'web-2']) {
      world.make(name, { restart: ALWAYS });
      world.ended(name, 3);
    }
    stopped.add('web-2');
    containers.followAll({ adopt: true });
    expect(containers.restarts.toCome).toEqual(['web-1']);
  });

  it('was healthy: one probe that fails is not the end of its patience', async () => {
    const startedAt = Date.now() - 60_000;
    containers[Symbol.dispose]();
    containers = make({ restarts: { 'web-1': { restarts: 0, attempts: 0, kills: 0, healthySince: startedAt + 1000 } as never } });
    world.make('web-1', { healthcheck: { ...CHECK, probe: { kind: 'exec', argv: ['false'] }, retries: 1000 } });
    world.running('web-1', startedAt);
    containers.followAll({ adopt: true });
    expect(containers.healthOf('web-1')).toBe('healthy');
    await until('it was probed', () => containers.monitorOf('web-1')?.last);
    expect(containers.healthOf('web-1')).toBe('healthy');
    expect(events).toEqual([]);
  });
});

describe('health', () => {
  it('is asked by the new check as soon as that was changed in place', async () => {
    const failing = { ...CHECK, probe: { kind: 'exec', argv: ['false'] }, restart: false } as const;
    world.make('web-1', { healthcheck: failing });
    start();
    await until('it is unhealthy', () => containers.healthOf('web-1'), { holds: (health) => health === 'unhealthy' });
    world.make('web-1', { healthcheck: { ...failing, startPeriodMs: 600_000 } });
    containers.updated('web-1');
    expect(containers.healthOf('web-1')).toBe('starting');
    world.make('web-1', { healthcheck: undefined });
    containers.updated('web-1');
    expect(containers.healthOf('web-1')).toBeUndefined();
  });

  it('that comes back before the restart cancels it', async () => {
    const go = `${world.logs}/go`;
    world.make('web-1', {
      healthcheck: { ...CHECK, probe: { kind: 'exec', argv: ['test', '-e', go] }, intervalMs: 10, retries: 1 },
    });
    containers[Symbol.dispose]();
    // So often restarted before that there is time to recover.
    containers = make({ restarts: { 'web-1': { restarts: 9, attempts: 9, kills: 0, healthySince: undefined } as never } });
    start();
    await heard('container.restarting');
    expect(containers.restarts.willCome('web-1')).toBe(true);
    writeFileSync(go, '');
    await until('it is healthy', () => containers.healthOf('web-1'), { holds: (health) => health === 'healthy' });
    expect(containers.restarts.willCome('web-1')).toBe(false);
  });
});

describe('restarts that are to come', () => {
  it('are called off when nothing is wanted any more', () => {
    for (const name of ['web-1', 'web-2']) {
      world.make(name, { restart: ALWAYS });
      world.ended(name, 3);
    }
    containers.followAll({ adopt: true });
    containers.restarts.makeDue('web-2');
    containers.restarts.cancelAll();
    expect(containers.restarts.toCome).toEqual([]);
  });

  it('are over when a step starts the container', () => {
    world.make('web-1', { restart: ALWAYS });
    world.ended('web-1', 3);
    containers.followAll({ adopt: true });
    containers.starting('web-1');
    expect(containers.restarts.willCome('web-1')).toBe(false);
  });
});
