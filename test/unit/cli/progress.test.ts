import { describe, expect, test } from 'vitest';
import { causeOf, groupSteps, outcome } from '../../../cli/progress/groups.ts';
import { lineView } from '../../../cli/progress/lines.ts';
import { trackProgress } from '../../../cli/progress/tracker.ts';
import { TsstackError } from '../../../engine/model/errors.ts';
import type { Step } from '../../../engine/model/plan.ts';
import { planOf, step } from './support/session.ts';

const CREATE_WEB = [
  step(3, 'cgroup:shop/web-1', 'cgroup.create'),
  step(4, 'container:shop/web-1', 'container.create'),
  step(5, 'link:shop/web-1@front', 'link.create'),
  step(6, 'file:shop/web-1/hosts', 'file.write'),
  step(7, 'process:shop/web-1', 'container.start'),
];

test('steps are grouped by container, network, volume and the rest', () => {
  const plan = planOf(
    step(1, 'sysctl:shop/ip_forward', 'sysctl.write'),
    step(2, 'link:shop/front', 'link.create'),
    ...CREATE_WEB,
    step(8, 'sysctl:shop/front/route_localnet', 'sysctl.write'),
    step(9, 'firewall:shop/nat', 'firewall.replace'),
    step(10, 'firewall:shop/filter', 'firewall.replace'),
    step(11, 'volume:shop/data', 'volume.create'),
    step(12, 'address:shop/web-1@front', 'address.add'),
  );
  expect(groupSteps(plan).map((group) => `${group.label}: ${group.steps.map(({ id }) => id)} ${outcome(group)}`)).toEqual([
    'host settings: 1 updated',
    'network front: 2,8 created',
    'firewall: 9,10 updated',
    'volume data: 11 created',
    'shop-web-1: 3,4,5,6,7,12 started',
  ]);
});

test('containers come in the order in which they get ready, what goes after all of them', () => {
  const plan = planOf(
    step(1, 'container:shop/web-1', 'container.create'),
    step(2, 'container:shop/db-1', 'container.create'),
    step(3, 'link:shop/front', 'link.delete'),
    step(4, 'process:shop/db-1', 'container.start'),
    step(5, 'process:shop/web-1', 'container.start'),
  );
  expect(groupSteps(plan).map(({ label }) => label)).toEqual(['shop-db-1', 'shop-web-1', 'network front']);
});

test('the cause of a container’s change is its own, not what follows from it', () => {
  const because = (cause: string, each: Step): Step => ({ ...each, cause });
  const plan = planOf(
    because('its container is recreated', step(1, 'process:shop/web-1', 'container.stop')),
    because('not found', step(2, 'link:shop/web-1@front', 'link.create')),
    because('command changed', step(3, 'container:shop/web-1', 'container.create')),
    because('memory.max 64MiB → 96MiB', step(4, 'cgroup:shop/db-1', 'cgroup.update')),
    because('not found', step(5, 'link:shop/front', 'link.create')),
  );
  expect(groupSteps(plan).map((group) => `${group.label}: ${causeOf(group)}`)).toEqual([
    'network front: not found',
    'shop-web-1: command changed',
    'shop-db-1: memory.max 64MiB → 96MiB',
  ]);
});

test('the links of a stack, removed all at once, are its networks', () => {
  const groups = groupSteps(planOf(step(1, 'link:shop/', 'link.delete-group')));
  expect(groups.map((group) => `${group.label} ${outcome(group)}`)).toEqual(['networks removed']);
});

test.each<[string, Step[]]>([
  ['recreated', [step(1, 'container:shop/w-1', 'container.delete'), step(2, 'container:shop/w-1', 'container.create')]],
  ['restarted', [step(1, 'process:shop/w-1', 'container.stop'), step(2, 'process:shop/w-1', 'container.start')]],
  ['stopped', [step(1, 'process:shop/w-1', 'container.stop')]],
  ['removed', [step(1, 'process:shop/w-1', 'container.stop'), step(2, 'container:shop/w-1', 'container.delete')]],
  ['removed', [step(1, 'cgroup:shop/w-1', 'cgroup.delete')]],
  ['updated', [step(1, 'cgroup:shop/w-1', 'cgroup.update')]],
  ['completed', [step(1, 'process:shop/w-1', 'container.start'), step(2, 'process:shop/w-1', 'container.await', { until: 'completed' })]],
  ['removed', [step(1, 'link:shop/front', 'link.delete')]],
])('a group is %s', (expected, steps) => {
  expect(groupSteps(planOf(...steps)).map(outcome)).toEqual([expected]);
});

test('a view is told what a container is waited for', () => {
  const seen: string[] = [];
  const note = (text: string) => void seen.push(text);
  const track = trackProgress({
    planned() {},
    began: ({ label }) => note(`${label} began`),
    waits: ({ label }, until) => note(`${label} until ${until}`),
    ended: ({ label }) => note(`${label} ended`),
    async close() {},
  });
  const steps = [step(1, 'process:shop/db-1', 'container.start'), step(2, 'process:shop/db-1', 'container.await', { until: 'healthy' })];
  track({ type: 'planned', at: 0, plan: planOf(...steps) });
  for (const each of steps) {
    track({ type: 'step.started', at: 0, step: each });
    track({ type: 'step.done', at: 0, step: each, durationMs: 1 });
  }
  expect(seen).toEqual(['shop-db-1 began', 'shop-db-1 until healthy', 'shop-db-1 ended']);
});

describe('plain progress', () => {
  function shown(verbose: boolean, ...ends: ((step: Step) => Parameters<ReturnType<typeof trackProgress>>[0])[]): string {
    let text = '';
    const write = (more: string) => {
      text += more;
    };
    const stream = { write, isTTY: false, color: false, closed: new AbortController().signal };
    const track = trackProgress(lineView(stream, { verbose }));
    track({ type: 'planned', at: 0, plan: planOf(...CREATE_WEB) });
    CREATE_WEB.forEach((each, i) => {
      const end = ends[i] ?? done;
      track(end(each));
    });
    return text;
  }
  const done = (each: Step) => ({ type: 'step.done', at: 0, step: each, durationMs: 1.25 }) as const;
  const failed = (each: Step) => ({ type: 'step.failed', at: 0, step: each, error: new Error('no') }) as const;
  const skipped = (each: Step) => ({ type: 'step.skipped', at: 0, step: each, reason: '#4 failed' }) as const;

  test('is one line when all steps of a thing are done', () => {
    expect(shown(false)).toBe('shop-web-1 started\n');
  });

  test('tells a failure once, whatever it skips', () => {
    expect(shown(false, done, failed, skipped, skipped, skipped)).toBe('shop-web-1 failed\n');
    expect(shown(false, skipped, skipped, skipped, failed, skipped)).toBe('shop-web-1 failed\n');
    expect(shown(false, done, skipped, skipped, skipped, skipped)).toBe('shop-web-1 skipped\n');
  });

  test('tells what was cancelled from what failed', () => {
    const stopped = (each: Step) =>
      ({ type: 'step.failed', at: 0, step: each, error: new TsstackError('cancelled', { code: 'cancelled' }) }) as const;
    expect(shown(false, done, stopped, skipped, skipped, skipped)).toBe('shop-web-1 cancelled\n');
  });

  test('shows every step if asked', () => {
    expect(shown(true)).toContain('#4 container:shop/web-1, container.create, not found (1.3 ms)\n');
  });
});
