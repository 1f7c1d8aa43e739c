import { describe, expect, it } from 'vitest';
import type { StackSpec } from '../../../../dsl/spec.ts';
import type { HostFacts } from '../../../../engine/model/facts.ts';
import type { LaunchSpec } from '../../../../engine/model/launch.ts';
import type { Policy } from '../../../../engine/model/plan.ts';
import { type Desired, nothingDesired, type Observed, type ObservedResource } from '../../../../engine/model/resources.ts';
import { lower } from '../../../../engine/plan/lower.ts';
import { reconcile } from '../../../../engine/plan/reconcile.ts';
import { renderPlan } from '../../../../engine/plan/render.ts';
import { EMPTY, ended, facts, POLICY, port, STACK, service, settled, stack } from '../../../support/plan-world.ts';

const HOST = { kind: 'host' } as const;
const of = (name: string) => ({ kind: 'service', service: name }) as const;

/** `proxy` has the network of `app`, `agent` that of the host. */
const SHOP: StackSpec = stack({
  app: service(),
  proxy: service({ networkMode: of('app'), networks: [] }),
  agent: service({ networkMode: HOST, networks: [], hostname: 'agent' }),
});

function desiredOf(spec: StackSpec, parts: Partial<HostFacts> = {}): Desired {
  const lowered = lower(spec, STACK, facts(parts));
  expect(lowered.obstacles).toEqual([]);
  return lowered.desired;
}

function planText(spec: StackSpec, observed: Observed, policy: Partial<Policy> = {}): string {
  const own = lower(SHOP, STACK, facts()).allocation;
  return renderPlan(reconcile(desiredOf(spec, { own }), observed, { ...POLICY, ...policy }));
}

function withService(name: string, parts: Parameters<typeof service>[0]): StackSpec {
  return { ...SHOP, services: { ...SHOP.services, [name]: service({ ...SHOP.services[name], ...parts }) } };
}

function launchOf(desired: Desired, container: string): LaunchSpec {
  const found = desired.resources.find(({ id }) => id === `container:shop/${container}`);
  if (found?.kind !== 'container') throw new Error(container);
  return found.spec.record.launch;
}

function contentOf(desired: Desired, container: string, file = 'hosts'): string {
  const found = desired.resources.find(({ id }) => id === `file:shop/${container}/${file}`);
  if (found?.kind !== 'file') throw new Error(container);
  return found.spec.content;
}

const golden = (name: string) => `../../../golden/plan/network-mode-${name}.txt`;

describe('a container that shares a network', () => {
  it('is made when the one whose network it is has been made', async () => {
    await expect(planText(SHOP, EMPTY)).toMatchFileSnapshot(golden('up'));
  });

  it('is left alone when all is as it must be', () => {
    expect(planText(SHOP, settled(desiredOf(SHOP)))).toBe('');
  });

  it('is stopped before it and started after it when that one is recreated', async () => {
    const changed = withService('app', { command: ['/bin/httpd', '-v'] });
    await expect(planText(changed, settled(desiredOf(SHOP)))).toMatchFileSnapshot(golden('recreate'));
  });

  it('is so, too, when that one is restarted', async () => {
    await expect(planText(SHOP, settled(desiredOf(SHOP)), { repair: true, restart: ['app-1'] })).toMatchFileSnapshot(golden('restart'));
  });

  it('is started again with the one that ended by itself and comes back', () => {
    const observed = ended(settled(desiredOf(SHOP)), 'app-1', 1);
    const text = planText(SHOP, observed, { repair: true, restart: ['app-1'] });
    expect(text).toMatch(/process:shop\/proxy-1, container.stop, app-1 is restarted/);
    expect(text).toMatch(/process:shop\/proxy-1, container.start, app-1 is restarted/);
  });

  it('goes on, with the network that is still there, while that one is stopped', () => {
    const observed = ended(settled(desiredOf(SHOP)), 'app-1', 0);
    expect(planText(SHOP, observed, { repair: true, stopped: ['app-1'] })).toBe('');
  });

  it('is still reached by ports of that one when it has ended, and not when that was stopped', () => {
    const published = { ...SHOP, services: { ...SHOP.services, app: service({ ports: [port('0.0.0.0', 8080, 80)] }) } };
    const observed = ended(settled(desiredOf(published)), 'app-1', 1);
    expect(planText(published, observed, { repair: true })).toBe('');
    expect(planText(published, observed, { repair: true, stopped: ['app-1'] })).toContain('firewall:shop/nat, firewall.replace');
    expect(planText(published, ended(observed, 'proxy-1', 1), { repair: true })).toContain('firewall:shop/nat, firewall.replace');
  });

  it('waits for that one when it is to be started itself', () => {
    const observed = ended(ended(settled(desiredOf(SHOP)), 'app-1', 0), 'proxy-1', 1);
    const conditions = { started: new Set(['app-1']), healthy: new Set<string>(), completed: new Set<string>() };
    const plan = reconcile(desiredOf(SHOP), observed, {
      ...POLICY,
      repair: true,
      restart: ['proxy-1'],
      stopped: ['app-1'],
      conditions,
    });
    expect(plan.steps).toEqual([]);
    expect(plan.waiting).toEqual({ 'proxy-1': 'app-1 to be started' });
  });

  it('follows one that has another network namespace by now', () => {
    const observed = settled(desiredOf(SHOP));
    const resources = observed.resources.map(
      (resource): ObservedResource =>
        resource.kind === 'container' && resource.state.name === 'proxy-1'
          ? { ...resource, state: { ...resource.state, leftBehind: 'app-1' } }
          : resource,
    );
    expect(planText(SHOP, { ...observed, resources }, { repair: true })).toMatchInlineSnapshot(`
      "[]    -> #1 process:shop/proxy-1, container.stop, its container is recreated
      [1]   -> #2 container:shop/proxy-1, container.create, app-1 has another network namespace
      [1,2] -> #3 process:shop/proxy-1, container.start, its container is recreated
      "
    `);
  });

  it('is recreated when it is to have a network of its own', () => {
    const changed = withService('proxy', { networkMode: { kind: 'own' } });
    expect(planText(changed, settled(desiredOf(SHOP)))).toContain('container:shop/proxy-1, container.delete, network mode, sysctls');
  });

  it('is stopped first when everything goes', async () => {
    const plan = reconcile(nothingDesired('shop'), settled(desiredOf(SHOP)), POLICY);
    const of = (resource: string) => plan.steps.find((step) => step.resource === resource && step.op.kind === 'container.stop')?.id;
    const last = plan.steps.find(({ op }) => op.kind === 'container.stop' && op.name === 'app-1');
    expect(last?.dependsOn).toContain(of('process:shop/proxy-1'));
  });

  it('has the names and addresses of that one, and its own hostname among them', () => {
    const desired = desiredOf(withService('proxy', { hostname: 'front' }));
    const source = (name: string, path: string) => launchOf(desired, name).mounts.find(({ target }) => target === path);
    for (const path of ['/etc/hosts', '/etc/resolv.conf']) expect(source('proxy-1', path)).toEqual(source('app-1', path));
    expect(contentOf(desired, 'app-1')).toMatch(/^10\.\S+\tapp-1 .*\bfront$/m);
    expect(desired.resources.some(({ id }) => id === 'file:shop/proxy-1/hosts')).toBe(false);
    const records = desired.resources.flatMap((resource) => (resource.kind === 'container' ? [resource.spec.record] : []));
    const addresses = (name: string) => records.find((record) => record.name === name)?.addresses;
    expect(addresses('proxy-1')).toEqual(addresses('app-1'));
  });

  it('sets nothing in that network', () => {
    expect(launchOf(desiredOf(SHOP), 'proxy-1')).toMatchObject({ network: { kind: 'join', container: 'app-1' }, sysctls: {} });
  });

  it('has the network of whoever that one shares it with', () => {
    const spec = stack({
      app: service(),
      proxy: service({ networkMode: of('app'), networks: [] }),
      log: service({ networkMode: of('proxy'), networks: [] }),
      agent: service({ networkMode: HOST, networks: [] }),
      probe: service({ networkMode: of('agent'), networks: [] }),
    });
    expect(launchOf(desiredOf(spec), 'log-1').network).toEqual({ kind: 'join', container: 'app-1' });
    expect(launchOf(desiredOf(spec), 'probe-1').network).toEqual({ kind: 'host' });
  });

  it.each([
    ['its own', stack({ a: service({ networkMode: of('a'), networks: [] }) })],
    ['nobody', stack({ a: service({ networkMode: of('b'), networks: [] }), b: service({ replicas: 0 }) })],
    ['a circle', stack({ a: service({ networkMode: of('b'), networks: [] }), b: service({ networkMode: of('a'), networks: [] }) })],
  ])('can not have the network of %s', (_, spec) => {
    const { obstacles } = lower(spec, STACK, facts());
    expect(obstacles[0]?.message).toMatch(/^cannot start service `a`: it shares the network of `[ab]`, which has no container$/);
  });

  it('can not change that network', () => {
    const { obstacles } = lower(
      withService('proxy', { sysctls: { 'net.core.somaxconn': '9', 'kernel.shm_rmid_forced': '1' } }),
      STACK,
      facts(),
    );
    expect(obstacles.map(({ message }) => message)).toEqual([
      'cannot start service `proxy`: sysctl `net.core.somaxconn` would change the network of `app`, which it shares',
    ]);
  });
});

describe("a container with the host's network", () => {
  it('has neither links nor settings of its own, and the names that the host knows', () => {
    const desired = desiredOf(SHOP, { resolver: { nameservers: ['127.0.0.53'], search: [], options: [] } });
    expect(launchOf(desired, 'agent-1')).toMatchObject({ network: { kind: 'host' }, sysctls: {} });
    expect(desired.resources.filter(({ id }) => id.includes('/agent-1@'))).toEqual([]);
    expect(contentOf(desired, 'agent-1')).toBe('127.0.0.1\tlocalhost\n127.0.1.1\tagent\n');
    expect(contentOf(desired, 'agent-1', 'resolv.conf')).toBe('nameserver 127.0.0.53\n');
  });
});
