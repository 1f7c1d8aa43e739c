import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cgroupExecutors, detectCgroupLayout } from '../../engine/kernel/cgroups.ts';
import { freeze, isFrozen, thaw } from '../../engine/kernel/freezer.ts';
import { until } from './launcher-fixture.ts';
import { layoutsOf, openTestStack, type RunningContainer, type TestStack } from './running-container.ts';

const detected = detectCgroupLayout();
const signal = new AbortController().signal;
/** Prints numbers as fast as it can. */
const COUNT = 'echo ready; i=0; while :; do i=$((i + 1)); echo $i; done';

describe.each(layoutsOf(detected))('the freezer on a $mode host', (layout) => {
  let stack: TestStack;
  beforeAll(() => {
    stack = openTestStack(layout);
  });
  afterAll(() => stack[Symbol.asyncDispose]());

  /** A second witness: what the scheduler has given to the container's init and its child. */
  const scheduled = ({ init }: RunningContainer) => {
    const child = readFileSync(`/proc/${init.pid}/task/${init.pid}/children`, 'utf8').trim().split(' ')[0];
    return readFileSync(`/proc/${child}/schedstat`, 'utf8');
  };

  it('stops what a container does and lets it go on', async () => {
    const container = await stack.run('web-1', COUNT);
    await freeze(layout, container.path, { signal });
    expect(isFrozen(layout, container.path)).toBe(true);
    const still = scheduled(container);
    // Time for a process that could run: the other one does in the meantime.
    const other = await stack.run('other-1', COUNT);
    const others = scheduled(other);
    await until(
      () => scheduled(other) !== others,
      () => 'nothing runs at all',
    );
    expect(scheduled(container)).toBe(still);

    await thaw(layout, container.path);
    expect(isFrozen(layout, container.path)).toBe(false);
    await until(
      () => scheduled(container) !== still,
      () => 'it does not go on',
    );
  });

  it('stops processes that are born while it does', async () => {
    const container = await stack.run('forks-1', 'echo ready; while :; do /bin/true; done');
    await freeze(layout, container.path, { signal });
    const still = scheduled(container);
    expect(scheduled(container)).toBe(still);
  });

  it('leaves what is frozen or thawed already as it is', async () => {
    const container = await stack.run('twice-1', COUNT);
    await thaw(layout, container.path);
    for (const _ of [1, 2]) await freeze(layout, container.path, { signal });
    expect(isFrozen(layout, container.path)).toBe(true);
    for (const _ of [1, 2]) await thaw(layout, container.path);
    expect(isFrozen(layout, container.path)).toBe(false);
  });

  it('holds back a signal until it is thawed', async () => {
    const container = await stack.run('term-1', 'trap "echo bye; exit 0" TERM; echo ready; while :; do sleep 1000 & wait; done');
    await freeze(layout, container.path, { signal });
    await stack.fixture.launcher.signal(container.init, 15);
    expect(container.output()).not.toContain('bye');
    await thaw(layout, container.path);
    await until(
      () => container.output().includes('bye'),
      () => 'it has not got the signal',
    );
  });

  it('does nothing when it was cancelled before', async () => {
    const container = await stack.run('cancelled-1', COUNT);
    await expect(freeze(layout, container.path, { signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no');
    expect(isFrozen(layout, container.path)).toBe(false);
  });

  it('refuses a cgroup that is not there, and has nothing to thaw in it', async () => {
    const path = `tsstack/nobody-${process.pid}/web-1`;
    await expect(freeze(layout, path, { signal })).rejects.toMatchObject({ code: 'kernel', message: /is not there/ });
    expect(isFrozen(layout, path)).toBe(false);
    await thaw(layout, path);
  });

  it('leaves nothing in any hierarchy when the cgroup is deleted', async () => {
    const container = await stack.run('gone-1', COUNT);
    await freeze(layout, container.path, { signal });
    await container.kill();
    await cgroupExecutors(layout)['cgroup.delete']({ kind: 'cgroup.delete', path: container.path }, signal);
    const left = ['unified', 'freezer', 'pids'].filter((name) => existsSync(`/sys/fs/cgroup/${name}/${container.path}`));
    expect(left).toEqual([]);
  });
});

it('a host without any freezer says so', async () => {
  const layout = { ...detected, mode: 'legacy' as const, unified: undefined, controllers: { pids: '/sys/fs/cgroup/pids' } };
  await expect(freeze(layout, 'tsstack/x/web-1', { signal })).rejects.toMatchObject({ message: /neither/ });
});
