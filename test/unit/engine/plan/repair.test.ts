import { describe, expect, it } from 'vitest';
import type { HealthcheckSpec, StackSpec } from '../../../../dsl/spec.ts';
import type { ContainerExit, ContainerStatus } from '../../../../engine/model/container.ts';
import type { Conditions, Plan, Policy } from '../../../../engine/model/plan.ts';
import type { Desired, Observed, ObservedResource } from '../../../../engine/model/resources.ts';
import { lower } from '../../../../engine/plan/lower.ts';
import { reconcile } from '../../../../engine/plan/reconcile.ts';
import { renderPlan } from '../../../../engine/plan/render.ts';
import { attach, ended, facts, network, POLICY, port, STACK, service, settled, stack } from '../../../support/plan-world.ts';

const HEALTHCHECK: HealthcheckSpec = {
  probe: { kind: 'tcp', port: 5432 },
  intervalMs: 30_000,
  timeoutMs: 30_000,
  retries: 3,
  startPeriodMs: 0,
  startIntervalMs: 100,
  restart: true,
};

const SHOP: StackSpec = stack(
  {
    db: service({
      networks: attach('back'),
      healthcheck: HEALTHCHECK,
      mounts: [{ type: 'volume', source: 'data', target: '/data', readOnly: false }],
      limits: { ...service().limits, memory: 512 * 2 ** 20 },
    }),
    migrate: service({ kind: 'job', networks: attach('back'), dependsOn: { db: { condition: 'healthy', restart: false } } }),
    web: service({
      networks: attach('front', 'back'),
      ports: [port('127.0.0.1', 8080, 80)],
      dependsOn: { db: { condition: 'healthy', restart: true }, migrate: { condition: 'completed', restart: false } },
    }),
  },
  { networks: { front: network(), back: network({ internal: true }) }, volumes: { data: { labels: {} } } },
);
const REPAIR: Policy = { ...POLICY, repair: true };
const MET: Conditions = { started: new Set(['db-1', 'web-1']), healthy: new Set(['db-1']), completed: new Set(['migrate-1']) };
const UNMET: Conditions = { started: new Set(), healthy: new Set(), completed: new Set() };

function desiredOf(spec: StackSpec): Desired {
  return lower(spec, STACK, facts({ own: lower(SHOP, STACK, facts()).allocation })).desired;
}

const UP: Observed = ended(settled(desiredOf(SHOP)), 'migrate-1', 0);

function planFor(observed: Observed, policy: Partial<Policy> = {}, spec = SHOP): Plan {
  return reconcile(desiredOf(spec), observed, { ...REPAIR, ...policy });
}

function text(...args: Parameters<typeof planFor>): string {
  return renderPlan(planFor(...args));
}

function without(observed: Observed, ...ids: string[]): Observed {
  return { ...observed, resources: observed.resources.filter(({ id }) => !ids.includes(id)) };
}

function changed(observed: Observed, change: (resource: ObservedResource) => ObservedResource): Observed {
  return { ...observed, resources: observed.resources.map(change) };
}

/** The world after a container's process has ended in some way. */
function dead(name: string, exit: Partial<ContainerExit> | undefined, status: Partial<ContainerStatus> = {}): Observed {
  return changed(ended(UP, name, 137), (resource) => {
    if ((resource.kind !== 'container' && resource.kind !== 'process') || !resource.id.endsWith(`/${name}`)) return resource;
    const before = resource.state.status;
    const after = { ...before, exit: exit && before.exit ? { ...before.exit, ...exit } : undefined, ...status };
    return { ...resource, state: { ...resource.state, status: after } } as ObservedResource;
  });
}

/** Of the one port that web-1 publishes. */
const CLOSED = `[] -> #1 firewall:shop/nat, firewall.replace, chain TS-${STACK.hash}-OUT is not declared any more\n`;
const golden = (name: string) => `../../../golden/plan/${name}.txt`;
const withWeb = (parts: Parameters<typeof service>[0]) => ({
  ...SHOP,
  services: { ...SHOP.services, web: { ...(SHOP.services.web ?? service()), ...parts } },
});

describe('a repair', () => {
  it('has no steps for what already is', () => {
    expect(text(UP)).toBe('');
  });

  it('gives a running container back its link, with address and route, and leaves its process alone', async () => {
    const observed = without(UP, 'link:shop/web-1@front', 'address:shop/web-1@front', 'route:shop/web-1@front');
    await expect(text(observed)).toMatchFileSnapshot(golden('repair-link'));
  });

  it('makes a bridge again and puts the links under it that the kernel has kept', async () => {
    const gone = without(UP, 'link:shop/front', 'address:shop/front', 'sysctl:shop/front/route_localnet');
    const observed = changed(gone, (resource) =>
      resource.kind === 'link' && resource.id === 'link:shop/web-1@front'
        ? { ...resource, state: { ...resource.state, master: 0, masterName: undefined } }
        : resource,
    );
    await expect(text(observed)).toMatchFileSnapshot(golden('repair-bridge'));
  });

  it('puts right what others wrote: forwarding, a limit, a hosts file, flushed rules, a volume', async () => {
    const gone = without(UP, 'firewall:shop/filter', 'firewall:shop/nat', 'volume:shop/data');
    const observed = changed(gone, (resource) => {
      if (resource.id === 'sysctl:shop/ip_forward') return { ...resource, state: { path: 'net/ipv4/ip_forward', value: '0' } } as never;
      if (resource.kind === 'file' && resource.id.includes('db-1')) return { ...resource, state: { ...resource.state, content: '' } };
      if (resource.kind !== 'cgroup' || !resource.id.endsWith('db-1')) return resource;
      return { ...resource, state: { ...resource.state, values: { ...resource.state.values, 'unified/memory.max': '4096' } } };
    });
    await expect(text(observed)).toMatchFileSnapshot(golden('repair-host'));
  });

  it('sets a container end up when its address is gone, since nothing else shows that it was set down', () => {
    const observed = without(UP, 'address:shop/db-1@back');
    expect(text(observed)).toBe(
      '[]  -> #1 link:shop/db-1@back, link.update, its container end lost its address\n' +
        '[1] -> #2 address:shop/db-1@back, address.add, not found\n',
    );
  });

  it('goes by our address where somebody has added another', () => {
    const resources = UP.resources.flatMap((resource): ObservedResource[] =>
      resource.kind === 'address' && resource.id === 'address:shop/db-1@back'
        ? [resource, { ...resource, state: { ...resource.state, cidr: '192.0.2.1/32' } }]
        : [resource],
    );
    expect(text({ ...UP, resources })).toBe('');
  });

  it('says what a link is called that somebody has renamed', () => {
    const observed = changed(UP, (resource) =>
      resource.kind === 'link' && resource.id === 'link:shop/db-1@back'
        ? { ...resource, state: { ...resource.state, ifname: 'other' } }
        : resource,
    );
    expect(text(observed)).toContain('link:shop/db-1@back, link.delete, is called other');
    expect(text(observed)).not.toContain('container.');
  });

  it('does not touch a running container whose configuration or record differs, nor what is not declared', () => {
    expect(text(UP, { forceRecreate: true }, withWeb({ command: ['/bin/other'], labels: { tier: 'front' } }))).toBe('');
    const { web: _, ...services } = SHOP.services;
    expect(planFor(UP, { deleteVolumes: true }, { ...SHOP, services, volumes: {} }).steps.map(({ op }) => op.kind)).not.toContain(
      'container.stop',
    );
    expect(text(UP, {}, { ...SHOP, services })).not.toMatch(/delete|stop/);
  });

  it.each<[string, Observed, string]>([
    ['its init was killed from outside', dead('web-1', { signal: 9, initKilled: true }), 'its init was killed from outside'],
    ['nobody saw its end', dead('web-1', undefined), 'its monitor was killed'],
    ['it was never started', dead('web-1', undefined, { state: 'created' }), 'it was never started'],
  ])('brings a process back when %s', (_when, observed, cause) => {
    const { steps } = planFor(observed);
    const create = steps.find(({ op }) => op.kind === 'container.create');
    expect(create?.cause).toBe(cause);
    expect(create?.op).toMatchObject({ keepUpper: true });
    expect(steps.at(-1)?.op.kind).toBe('container.start');
  });

  it.each<[string, Observed]>([
    ['a service that exited', ended(UP, 'web-1', 0)],
    ['a service that ran out of memory', dead('web-1', { oomKilled: true })],
  ])('leaves %s ended, and its ports lead nowhere', (_what, observed) => {
    expect(text(observed)).toBe(CLOSED);
    expect(planFor(observed).unreached).toEqual(['web-1']);
  });

  it('leaves a job that failed ended', () => {
    expect(text(ended(UP, 'migrate-1', 3))).toBe('');
  });

  it('lets ports lead to what is about to run', () => {
    expect(text(ended(UP, 'web-1', 1), { returning: ['web-1'] })).toBe('');
    expect(text(ended(UP, 'web-1', 1), { restart: ['web-1'] })).not.toContain('firewall');
    expect(text(ended(UP, 'web-1', 1), { repair: false })).not.toContain('firewall');
    expect(text(ended(UP, 'web-1', 1), { returning: ['web-1'], stopped: ['web-1'] })).toBe(CLOSED);
  });

  it('lets no port lead to what waits', () => {
    expect(text(ended(UP, 'web-1', 1), { restart: ['web-1'], conditions: UNMET })).toBe(CLOSED);
  });

  it('runs a job again whose end others brought about, from the beginning', () => {
    const create = planFor(dead('migrate-1', { initKilled: true })).steps.find(({ op }) => op.kind === 'container.create');
    expect(create?.op).toMatchObject({ container: { name: 'migrate-1' }, keepUpper: false });
  });

  it('makes a container whose directory is gone', () => {
    expect(text(without(UP, 'container:shop/web-1', 'process:shop/web-1'))).toContain(
      'container:shop/web-1, container.create, no existing container',
    );
  });

  it('brings back what was there, not what a roll-out that was stopped would have made of it', () => {
    const next = withWeb({ command: ['/bin/bad'], healthcheck: HEALTHCHECK });
    const create = planFor(dead('web-1', { initKilled: true }), {}, next).steps.find(({ op }) => op.kind === 'container.create');
    const record = create?.op.kind === 'container.create' ? create.op.container.record : undefined;
    expect(record?.launch.argv).toEqual(service().command);
    expect(record?.healthcheck).toBeUndefined();
    // What an `up` says afterwards: it is the old one still.
    expect(text(ended(UP, 'web-1', 1), { repair: false }, next)).toContain('container:shop/web-1, container.delete, command changed');
  });
});

describe('a restart', () => {
  it('stops what runs and starts it again with what it wrote', async () => {
    await expect(text(UP, { restart: ['web-1'] })).toMatchFileSnapshot(golden('restart'));
    const create = planFor(UP, { restart: ['web-1'] }).steps.find(({ op }) => op.kind === 'container.create');
    expect(create?.op).toMatchObject({ keepUpper: true });
  });

  it('is the same outside of a repair', () => {
    expect(text(UP, { restart: ['migrate-1'], repair: false })).toContain(
      'container:shop/migrate-1, container.create, it exited with code 0',
    );
    expect(text(UP, { restart: ['web-1'], repair: false, containers: ['web-1'] })).toContain(
      'process:shop/web-1, container.stop, restart asked for',
    );
  });

  it('takes those along who asked for it: down before it, up after it', async () => {
    await expect(text(UP, { restart: ['db-1'] })).toMatchFileSnapshot(golden('restart-with-dependents'));
  });

  it('takes nobody along who does not run', () => {
    expect(text(ended(UP, 'web-1', 0), { restart: ['db-1'] })).not.toContain('web-1');
  });

  it('of a recreated dependency takes those along, too', () => {
    const db = { ...SHOP.services.db, command: ['/bin/new'] } as ReturnType<typeof service>;
    const plan = text(UP, { repair: false }, { ...SHOP, services: { ...SHOP.services, db } });
    expect(plan).toContain('process:shop/web-1, container.stop, db-1 is recreated');
    expect(plan).toContain('container:shop/web-1, container.create, db-1 is recreated');
    expect(plan).not.toContain('container:shop/web-1, container.delete');
  });

  it('of one more replica takes nobody along', () => {
    const db = { ...SHOP.services.db, replicas: 2 } as ReturnType<typeof service>;
    expect(text(UP, { repair: false }, { ...SHOP, services: { ...SHOP.services, db } })).not.toContain('container.stop');
  });
});

describe('what was stopped on request', () => {
  it('is stopped, its ports lead nowhere, and nothing of it is made', () => {
    const stopped = '[] -> #1 process:shop/web-1, container.stop, stopped on request\n';
    expect(text(UP, { stopped: ['web-1'] })).toBe(stopped + CLOSED.replace('#1', '#2'));
    expect(text(dead('web-1', undefined), { stopped: ['web-1'] })).toBe(CLOSED);
    expect(text(ended(UP, 'web-1', 0), { stopped: ['web-1'], restart: ['web-1'], repair: false })).toBe(CLOSED);
  });

  it('is not waited for without conditions, and with them keeps who needs it waiting', () => {
    const observed = dead('web-1', undefined);
    const goes = planFor(observed, { stopped: ['db-1'] });
    expect(goes.steps.map(({ op }) => op.kind)).toContain('container.start');
    expect(renderPlan(goes)).not.toContain('container.await');
    expect(planFor(observed, { stopped: ['db-1'], conditions: MET }).waiting).toEqual({ 'web-1': 'db-1 to be healthy' });
  });
});

describe('with conditions', () => {
  it('nothing is waited for that has been reached', () => {
    const plan = planFor(dead('web-1', undefined), { conditions: MET });
    expect(plan.waiting).toEqual({});
    expect(plan.steps.map(({ op }) => op.kind)).toContain('container.start');
    expect(renderPlan(plan)).not.toContain('container.await');
  });

  it('a container whose needs are not met is left out whole, and told', async () => {
    const plan = planFor(settledNothing(), { conditions: UNMET });
    await expect(renderPlan(plan)).toMatchFileSnapshot(golden('conditions-unmet'));
    expect(plan.waiting).toEqual({ 'migrate-1': 'db-1 to be healthy', 'web-1': 'db-1 to be healthy, migrate-1 to complete' });
  });

  it('one that runs goes on until its restart can be carried out', () => {
    const plan = planFor(UP, { restart: ['web-1'], conditions: UNMET });
    expect(plan.steps).toEqual([]);
    expect(Object.keys(plan.waiting)).toEqual(['web-1']);
  });

  it('dependents go down with what is restarted and wait until it is healthy anew', () => {
    const plan = planFor(UP, { restart: ['db-1'], conditions: MET });
    expect(renderPlan(plan)).toContain('process:shop/web-1, container.stop, db-1 is restarted');
    expect(renderPlan(plan)).not.toContain('process:shop/web-1, container.start');
    expect(plan.waiting).toEqual({ 'web-1': 'db-1 to be healthy' });
    const next = planFor(ended(UP, 'web-1', 143), { restart: ['web-1'], conditions: MET });
    expect(renderPlan(next)).toContain('process:shop/web-1, container.start, restart asked for');
  });
});

function settledNothing(): Observed {
  return { resources: [], unownedLinks: {} };
}
