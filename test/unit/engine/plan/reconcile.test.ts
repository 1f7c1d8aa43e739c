import { describe, expect, it } from 'vitest';
import { plainAttachment } from '../../../../dsl/network-defaults.ts';
import type { HealthcheckSpec, StackSpec } from '../../../../dsl/spec.ts';
import type { HostFacts } from '../../../../engine/model/facts.ts';
import { type Desired, nothingDesired, type Observed } from '../../../../engine/model/resources.ts';
import { lower } from '../../../../engine/plan/lower.ts';
import { reconcile } from '../../../../engine/plan/reconcile.ts';
import { renderPlan } from '../../../../engine/plan/render.ts';
import { attach, EMPTY, ended, facts, network, POLICY, port, STACK, service, settled, stack } from '../../../support/plan-world.ts';

const HEALTHCHECK: HealthcheckSpec = {
  probe: { kind: 'exec', argv: ['true'] },
  intervalMs: 30_000,
  timeoutMs: 30_000,
  retries: 3,
  startPeriodMs: 0,
  startIntervalMs: 100,
  restart: true,
};

const SHOP: StackSpec = stack(
  {
    web: service({
      networks: attach('front', 'back'),
      ports: [port('127.0.0.1', 8080, 80)],
      dependsOn: { db: { condition: 'healthy', restart: false }, migrate: { condition: 'completed', restart: false } },
    }),
    db: service({
      networks: attach('back'),
      healthcheck: HEALTHCHECK,
      mounts: [{ type: 'volume', source: 'data', target: '/data', readOnly: false }],
      limits: { ...service().limits, memory: 512 * 2 ** 20 },
    }),
    migrate: service({ kind: 'job', networks: attach('back'), dependsOn: { db: { condition: 'healthy', restart: false } } }),
  },
  { networks: { front: network(), back: network({ internal: true }) }, volumes: { data: { labels: {} } } },
);

function desiredOf(spec: StackSpec, parts: Partial<HostFacts> = {}): Desired {
  const lowered = lower(spec, STACK, facts(parts));
  expect(lowered.obstacles).toEqual([]);
  return lowered.desired;
}

/** `before`: what the stack was, whose addresses it holds. */
function planText(spec: StackSpec, observed: Observed, { policy = POLICY, before = SHOP } = {}): string {
  const own = lower(before, STACK, facts()).allocation;
  return renderPlan(reconcile(desiredOf(spec, { own }), observed, policy));
}

/** The world after `up`: the job has completed. */
function up(spec: StackSpec): Observed {
  return ended(settled(desiredOf(spec)), 'migrate-1', 0);
}

function withService(name: string, parts: Parameters<typeof service>[0]): StackSpec {
  const old = SHOP.services[name];
  if (!old) throw new Error(name);
  return { ...SHOP, services: { ...SHOP.services, [name]: { ...old, ...parts } } };
}

const golden = (name: string) => `../../../golden/plan/${name}.txt`;

describe('a plan', () => {
  it('makes everything when nothing is there', async () => {
    await expect(planText(SHOP, EMPTY)).toMatchFileSnapshot(golden('first-up'));
  });

  it('is the same for the same arguments', () => {
    expect(planText(SHOP, EMPTY)).toBe(planText(SHOP, EMPTY));
  });

  it('has no steps for what already is', () => {
    expect(planText(SHOP, up(SHOP))).toBe('');
  });

  it('removes everything inwards out when nothing is desired', async () => {
    await expect(renderPlan(reconcile(nothingDesired('shop'), up(SHOP), POLICY))).toMatchFileSnapshot(golden('down'));
  });

  it('removes volumes only when asked to', async () => {
    const plan = reconcile(nothingDesired('shop'), up(SHOP), { ...POLICY, deleteVolumes: true });
    expect(plan.steps.filter(({ op }) => op.kind === 'volume.delete')).toHaveLength(1);
  });

  it('recreates only the service whose command changed, and says what changed', async () => {
    const changed = withService('web', { command: ['/bin/httpd', '-f', '-v'] });
    await expect(planText(changed, up(SHOP))).toMatchFileSnapshot(golden('command-changed'));
  });

  it('changes a limit in place', async () => {
    const changed = withService('db', { limits: { ...service().limits, memory: 2 ** 30 } });
    await expect(planText(changed, up(SHOP))).toMatchFileSnapshot(golden('limit-changed'));
  });

  it('waits for a container by the health check that it gives it', () => {
    const changed = withService('web', { command: ['/bin/httpd', '-f', '-v'] });
    const db = changed.services['db'];
    if (!db) throw new Error('db');
    const spec = { ...changed, services: { ...changed.services, db: { ...db, healthcheck: { ...HEALTHCHECK, retries: 9 } } } };
    const own = lower(SHOP, STACK, facts()).allocation;
    const { steps } = reconcile(desiredOf(spec, { own }), up(SHOP), POLICY);
    const update = steps.find(({ op }) => op.kind === 'container.update' && op.container.name === 'db-1');
    const wait = steps.find(({ op }) => op.kind === 'container.await' && op.name === 'db-1');
    expect(wait?.dependsOn).toEqual([update?.id]);
  });

  it('takes a limit away in place', async () => {
    const changed = withService('db', { limits: service().limits });
    await expect(planText(changed, up(SHOP))).toMatchFileSnapshot(golden('limit-removed'));
  });

  it('publishes another port in place', async () => {
    const changed = withService('web', { ports: [port('127.0.0.1', 9090, 80)] });
    await expect(planText(changed, up(SHOP))).toMatchFileSnapshot(golden('port-changed'));
  });

  it('joins and leaves networks in place', async () => {
    const changed = withService('db', { networks: attach('back', 'front') });
    await expect(planText(changed, up(SHOP))).toMatchFileSnapshot(golden('network-joined'));
    await expect(planText(SHOP, up(changed), { before: changed })).toMatchFileSnapshot(golden('network-left'));
  });

  it('adds and removes replicas without touching the others', async () => {
    const two = withService('web', { replicas: 2 });
    await expect(planText(two, up(SHOP))).toMatchFileSnapshot(golden('scale-up'));
    await expect(planText(SHOP, up(two), { before: two })).toMatchFileSnapshot(golden('scale-down'));
  });

  it('keeps a volume that is not declared any more', async () => {
    const without = { ...withService('db', { mounts: [] }), volumes: {} };
    await expect(planText(without, up(SHOP))).toMatchFileSnapshot(golden('volume-undeclared'));
  });

  it('makes a stopped service again and keeps what it had written', async () => {
    await expect(planText(SHOP, ended(up(SHOP), 'web-1', 1))).toMatchFileSnapshot(golden('service-exited'));
  });

  it('waits for health by the check that a container has from now on', () => {
    const healthcheck = { ...HEALTHCHECK, startPeriodMs: 600_000 };
    const db = withService('db', { healthcheck }).services['db'] ?? service();
    const after: StackSpec = { ...SHOP, services: { ...withService('web', { command: ['other'] }).services, db } };
    const { steps } = reconcile(desiredOf(after), up(SHOP), POLICY);
    const update = steps.find(({ op }) => op.kind === 'container.update' && op.container.name === 'db-1');
    const wait = steps.find(({ op }) => op.kind === 'container.await' && op.name === 'db-1');
    expect(wait?.dependsOn).toEqual([update?.id]);
  });

  it('runs a failed job again, and what waited for it', async () => {
    const failed = ended(ended(settled(desiredOf(SHOP)), 'migrate-1', 3), 'web-1', 0);
    await expect(planText(SHOP, failed)).toMatchFileSnapshot(golden('job-failed'));
  });

  it('runs a completed job again only when its inputs changed', () => {
    expect(planText(withService('migrate', { command: ['/bin/other'] }), up(SHOP))).toContain(
      'container:shop/migrate-1, container.create, command changed',
    );
    expect(planText(withService('migrate', { rerun: 'always' }), up(withService('migrate', { rerun: 'always' })))).toContain(
      'container:shop/migrate-1, container.create, it runs at every up',
    );
  });

  it('touches only the chosen services and what they share', () => {
    const both = planText(SHOP, EMPTY, { policy: { ...POLICY, services: ['db'] } });
    expect(both).toContain('container:shop/db-1, container.create');
    expect(both).not.toContain('web-1');
    expect(both).toContain('link:shop/front, link.create');
  });

  it('removes nothing shared when only some services are chosen: the others may use it', () => {
    const without = withService('web', { networks: attach('back'), ports: [] });
    const plan = planText({ ...without, networks: { back: network({ internal: true }) } }, up(SHOP), {
      policy: { ...POLICY, services: ['db'] },
    });
    expect(plan).not.toContain('link.delete');
  });

  it('keeps the hosts file right of one that depends on a chosen service', () => {
    const two = withService('db', { replicas: 2 });
    const plan = planText(two, up(SHOP), { policy: { ...POLICY, services: ['db'] } });
    expect(plan).toContain('file:shop/web-1/hosts, file.write, content changed');
    expect(plan).not.toContain('container:shop/web-1');
  });

  it('stops everything even if old and new records of dependencies go round in a circle', () => {
    const observed = up(SHOP);
    const resources = observed.resources.map((resource) => {
      if (resource.kind !== 'container' || resource.id !== 'container:shop/db-1' || !resource.state.record) return resource;
      return { ...resource, state: { ...resource.state, record: { ...resource.state.record, dependsOn: ['web'] } } };
    });
    const plan = reconcile(nothingDesired('shop'), { ...observed, resources }, POLICY);
    expect(plan.steps.filter(({ op }) => op.kind === 'container.stop')).toHaveLength(2);
  });

  it('makes the links of a container anew when its address changes, and with them the routes', async () => {
    const fixed = (subnet: string) => ({ ...SHOP, networks: { ...SHOP.networks, front: network({ subnet }) } });
    const text = planText(fixed('10.2.0.0/24'), up(fixed('10.1.0.0/24')), { before: fixed('10.1.0.0/24') });
    await expect(text).toMatchFileSnapshot(golden('subnet-changed'));
  });

  it('lets two services swap their static addresses: each waits until the other has given its own up', async () => {
    const pair = (web: string, db: string) => {
      const at = (ipv4Address: string) => service({ networks: [{ ...plainAttachment('lan'), ipv4Address }] });
      return stack({ web: at(web), db: at(db) }, { networks: { lan: network({ subnet: '10.1.0.0/24' }) } });
    };
    const before = pair('10.1.0.5', '10.1.0.6');
    await expect(planText(pair('10.1.0.6', '10.1.0.5'), settled(desiredOf(before)), { before })).toMatchFileSnapshot(
      golden('addresses-swapped'),
    );
  });

  it('starts a renamed service when the one of the old name has left its volume, and a renamed network when the subnet is free', async () => {
    const named = (name: string, lan: string) =>
      stack(
        { [name]: service({ networks: attach(lan), mounts: [{ type: 'volume', source: 'data', target: '/data', readOnly: false }] }) },
        { networks: { [lan]: network({ subnet: '10.1.0.0/24' }) }, volumes: { data: { labels: {} } } },
      );
    const before = named('db', 'lan');
    await expect(planText(named('database', 'wire'), settled(desiredOf(before)), { before })).toMatchFileSnapshot(golden('renamed'));
  });

  it('gives a new container no address of a leaving one while there are others', () => {
    const before = withService('web', { replicas: 2 });
    const after = { ...SHOP, services: { ...SHOP.services, api: service({ networks: attach('front', 'back') }) } };
    const [own, now] = [
      lower(before, STACK, facts()).allocation,
      lower(after, STACK, facts({ own: lower(before, STACK, facts()).allocation })).allocation,
    ];
    expect(Object.values(own.addresses)).not.toContain(now.addresses['api-1/front']);
    expect(Object.values(own.addresses)).not.toContain(now.addresses['api-1/back']);
  });

  it('takes an `mtu` back that is not set any more', () => {
    const jumbo = { ...SHOP, networks: { ...SHOP.networks, front: network({ mtu: 9000 }) } };
    expect(planText(SHOP, up(jumbo))).toContain('link:shop/front, link.update, mtu 9000 → 1500');
  });

  it('plans networks whose names every object in JavaScript has', () => {
    const odd = stack({ web: service({ networks: attach('constructor') }) }, { networks: { constructor: network() } });
    expect(planText(odd, EMPTY, { before: stack({}) })).toContain('link:shop/constructor, link.create');
  });

  it('mounts what is below another mount after it, in whatever order they are written', () => {
    const at = (target: string) => ({ type: 'tmpfs' as const, target, sizeBytes: undefined, mode: undefined, readOnly: false });
    const desired = desiredOf(withService('web', { mounts: [at('/data/a/b'), at('/other'), at('/data/a'), at('/data')] }));
    const web = desired.resources.find(({ id }) => id === 'container:shop/web-1');
    const targets = web?.kind === 'container' ? web.spec.record.launch.mounts.map(({ target }) => target) : [];
    expect(targets.slice(-4)).toEqual(['/other', '/data', '/data/a', '/data/a/b']);
  });

  it('lets a name of a service mean that service, though a container of another bears it', () => {
    const { members } = desiredOf(stack({ web: service(), 'web-1': service(), ask: service() })).names.networks['default'] ?? {};
    const bearers = members?.filter(({ names }) => names.includes('web-1')).map(({ container }) => container);
    expect(bearers).toEqual(['web-1-1']);
  });

  it('scales to nothing and leaves the networks', async () => {
    const none = withService('web', { replicas: 0 });
    await expect(planText(none, up(SHOP))).toMatchFileSnapshot(golden('scale-to-zero'));
  });

  it('makes many changes at once', async () => {
    const changed = {
      ...SHOP,
      services: {
        ...withService('web', { command: ['/bin/other'], networks: attach('front') }).services,
        db: service({ networks: attach('back'), healthcheck: HEALTHCHECK, dependsOn: {}, labels: { tier: 'data' } }),
        mail: service({ networks: attach('back') }),
      },
      networks: { front: network({ internal: true }), back: network() },
    };
    await expect(planText(changed, ended(up(SHOP), 'web-1', 1))).toMatchFileSnapshot(golden('many-changes'));
  });

  it('names a foreign link in its way and has no steps', () => {
    const bridge = desiredOf(SHOP).resources.find(({ id }) => id === 'link:shop/front');
    const ifname = bridge?.kind === 'link' ? bridge.spec.ifname : '';
    const plan = reconcile(desiredOf(SHOP), { ...EMPTY, unownedLinks: { [ifname]: { type: 'dummy', group: 0 } } }, POLICY);
    expect(plan.steps).toEqual([]);
    expect(plan.obstacles.map(({ message }) => message)).toEqual([
      `cannot create link \`${ifname}\`: a dummy of that name is there and does not bear our mark`,
    ]);
  });

  it('removes links one by one when a foreign link shares their group', () => {
    const observed = up(SHOP);
    const link = observed.resources.find(({ kind }) => kind === 'link');
    const group = link?.kind === 'link' ? link.state.group : 0;
    const plan = reconcile(nothingDesired('shop'), { ...observed, unownedLinks: { x0: { type: 'veth', group } } }, POLICY);
    expect(plan.steps.filter(({ op }) => op.kind === 'link.delete-group')).toEqual([]);
    expect(plan.steps.filter(({ op }) => op.kind === 'link.delete').length).toBeGreaterThan(2);
  });

  it.each([
    ['link:shop/web-1@front', 'route'],
    ['link:shop/web-1@front', 'address'],
  ])('repairs what is missing inside a container without touching its process (%s, %s)', (_link, kind) => {
    const observed = up(SHOP);
    const resources = observed.resources.filter(({ id }) => id !== `${kind}:shop/web-1@front`);
    expect(planText(SHOP, { ...observed, resources })).toBe(`[] -> #1 ${kind}:shop/web-1@front, ${kind}.add, not found\n`);
  });

  it('depends only on earlier steps', () => {
    for (const { id, dependsOn } of reconcile(desiredOf(SHOP), EMPTY, POLICY).steps)
      for (const other of dependsOn) expect(other).toBeLessThan(id);
  });
});
