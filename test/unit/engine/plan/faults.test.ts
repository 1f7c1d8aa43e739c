import { describe, expect, test } from 'vitest';
import { FAULTS_ROOT } from '../../../../engine/codec/fault-tree.ts';
import type { Fault, FaultClassState, FaultEffects, FaultSpec, FaultState } from '../../../../engine/model/faults.ts';
import type { Observed } from '../../../../engine/model/resources.ts';
import { healed, NO_EFFECTS, withFault } from '../../../../engine/plan/faults.ts';
import { lower } from '../../../../engine/plan/lower.ts';
import { withFaults } from '../../../../engine/plan/lower-faults.ts';
import { reconcile } from '../../../../engine/plan/reconcile.ts';
import { attach, ended, facts, network, POLICY, STACK, service, settled, stack } from '../../../support/plan-world.ts';

const SPEC = stack(
  {
    api: service({ replicas: 2, networks: attach('front', 'back') }),
    db: service({ networks: attach('back') }),
    far: service({ networks: attach('front') }),
    side: service({ networks: [], networkMode: { kind: 'service', service: 'db' } }),
  },
  { networks: { front: network(), back: network() } },
);
const PARTITION: Partial<FaultEffects> = { partition: true };
const between = (from: string, to: string, effects: Partial<FaultEffects>, oneWay = false) => ({ from, to, effects, oneWay });
const one = (from: string, to: string, effects: Partial<FaultEffects>) => withFault([], between(from, to, effects, true), SPEC);
const end = (name: string): Fault['from'] =>
  /-\d$/.test(name) ? { service: name.replace(/-\d$/, ''), container: name } : { service: name, container: undefined };
const fault = (from: string, to: string, effects: Partial<FaultEffects>): Fault => ({
  from: end(from),
  to: end(to),
  effects: { ...NO_EFFECTS, ...effects },
});

describe('asking for a fault', () => {
  test('makes one for each direction, or one way only the first', () => {
    expect(withFault([], between('api', 'db', PARTITION), SPEC)).toEqual([fault('api', 'db', PARTITION), fault('db', 'api', PARTITION)]);
    expect(withFault([], between('api-1', 'db', PARTITION, true), SPEC)).toEqual([fault('api-1', 'db', PARTITION)]);
    expect(withFault([], between('shop-api-1', 'db', PARTITION, true), SPEC)).toEqual([fault('api-1', 'db', PARTITION)]);
  });

  test('adds to what the pair has, and the last word of one kind counts', () => {
    const slow = withFault([], between('api', 'db', { rate: 1e6 }), SPEC);
    const lossy = withFault(slow, between('api', 'db', { loss: 0.1 }, true), SPEC);
    expect(withFault(lossy, between('api', 'db', { rate: 2e6 }, true), SPEC)).toEqual([
      fault('api', 'db', { rate: 2e6, loss: 0.1 }),
      fault('db', 'api', { rate: 1e6 }),
    ]);
  });

  test('between a service and itself means its containers among each other', () => {
    expect(withFault([], between('api', 'api', PARTITION), SPEC)).toEqual([fault('api', 'api', PARTITION)]);
  });

  test.each([
    ['api', 'dbb', PARTITION, 'there is no service or container `dbb`', 'did you mean `db`?'],
    ['db', 'far', PARTITION, 'they share no network', '`db` is on `back`, `far` on `front`'],
    ['api', 'side', PARTITION, '`side` has no network interface of its own', undefined],
    ['api-1', 'api-1', PARTITION, 'they are one container', undefined],
    ['api', 'db', { loss: 1.5 }, 'loss 150% is out of range', undefined],
    ['api', 'db', { loss: 0 }, 'loss 0% is out of range', undefined],
    ['api', 'db', { rate: 100 }, 'rate 100 bit/s is out of range', undefined],
    ['api', 'db', { delay: { ms: 10, jitterMs: 20 } }, 'jitter 20 ms is out of range', undefined],
  ])('from %s to %s with %j is refused: %s', (from, to, effects, message, hint) => {
    const attempt = () => withFault([], between(from, to, effects), SPEC);
    expect(attempt).toThrow(expect.objectContaining({ message: expect.stringContaining(message), hint: hint ?? undefined }));
  });

  test('is refused where the two meet on a macvlan alone, which does not pass this host', () => {
    const macvlan = { parent: 'eth0', mode: 'bridge' as const };
    const spec = { ...SPEC, networks: { front: network(), back: network({ driver: 'macvlan', macvlan }) } };
    expect(() => withFault([], between('api', 'db', PARTITION), spec)).toThrow('only meet on a macvlan');
  });
});

describe('healing', () => {
  const all = [fault('api', 'db', PARTITION), fault('db', 'api-1', PARTITION), fault('far', 'api', PARTITION)];

  test('takes away what is between the two, both ways, with what is between their containers', () => {
    expect(healed(all, { from: 'api', to: 'db' }, SPEC)).toEqual([fault('far', 'api', PARTITION)]);
    expect(healed(all, { from: 'api-1', to: 'db' }, SPEC)).toEqual([fault('api', 'db', PARTITION), fault('far', 'api', PARTITION)]);
    expect(healed(all, undefined, SPEC)).toEqual([]);
  });

  test('what is not broken is refused', () => {
    expect(() => healed(all, { from: 'far', to: 'db' }, SPEC)).toThrow('nothing is wrong between them');
  });
});

function lowered(faults: readonly Fault[]) {
  return lower(SPEC, STACK, facts({ faults }));
}

function specsOf(faults: readonly Fault[]): Record<string, FaultSpec> {
  return Object.fromEntries(lowered(faults).desired.resources.flatMap((one) => (one.kind === 'fault' ? [[one.id, one.spec]] : [])));
}

describe('a fault, lowered', () => {
  const { allocation } = lowered([]);
  const addressesOf = (container: string) =>
    Object.entries(allocation.addresses).flatMap(([key, address]) => (key.startsWith(`${container}/`) ? [address] : []));

  test('is at each receiving container’s link to the shared network, with all addresses of the sending ones', () => {
    const specs = specsOf(one('api', 'db', PARTITION));
    expect(Object.keys(specs)).toEqual(['fault:shop/db-1@back']);
    const { classes, filters } = specs['fault:shop/db-1@back'] ?? { classes: [], filters: [] };
    expect(classes).toEqual([{ rate: undefined, queue: { kind: 'drop' } }]);
    expect(filters).toEqual([{ sources: expect.anything(), loss: 1, lost: 0, passed: undefined }]);
    expect(filters[0]?.sources).toEqual(expect.arrayContaining([...addressesOf('api-1'), ...addressesOf('api-2')]));
    expect(filters[0]?.sources).not.toEqual(expect.arrayContaining(addressesOf('far-1')));
  });

  test('covers the address that a link with IPv6 gives itself', () => {
    const [address = ''] = addressesOf('db-1');
    const [, second, third, fourth] = address.split('.').map((octet) => Number(octet).toString(16).padStart(2, '0'));
    const first = Number(address.split('.')[0]).toString(16).padStart(2, '0');
    const sources = specsOf(one('db', 'api-1', PARTITION))['fault:shop/api-1@back']?.filters[0]?.sources;
    // 02:74:0a:… with the universal bit turned over, and ff:fe in the middle.
    expect(sources).toContain(
      `fe80:0:0:0:74:${Number.parseInt(`${first}ff`, 16).toString(16)}:fe${second}:${trimmed(`${third}${fourth}`)}`,
    );
  });

  test('among the containers of one service does not befall what a container sends itself', () => {
    const specs = specsOf(one('api', 'api', PARTITION));
    expect(Object.keys(specs)).toEqual([
      'fault:shop/api-1@back',
      'fault:shop/api-1@front',
      'fault:shop/api-2@back',
      'fault:shop/api-2@front',
    ]);
    expect(specs['fault:shop/api-1@back']?.filters[0]?.sources).not.toEqual(expect.arrayContaining(addressesOf('api-1').slice(0, 1)));
  });

  test('that slows down has a class for each sending container, and what is lost one for all', () => {
    const specs = specsOf(one('api', 'db', { rate: 1e6, loss: 0.1 }));
    expect(specs['fault:shop/db-1@back']).toMatchObject({
      classes: [{ queue: { kind: 'drop' } }, { rate: 1e6, queue: { kind: 'fifo' } }, { rate: 1e6, queue: { kind: 'fifo' } }],
      filters: [
        { loss: 0.1, lost: 0, passed: 1 },
        { loss: 0.1, lost: 0, passed: 2 },
      ],
    });
  });

  test('said of a container wins over one said of its service', () => {
    const faults = [...one('api-1', 'db', { loss: 0.5 }), ...one('api', 'db', { loss: 0.1 })];
    expect(specsOf(faults)['fault:shop/db-1@back']?.filters.map(({ loss }) => loss)).toEqual([0.5, 0.1]);
  });

  test('of a service that is gone does nothing', () => {
    expect(specsOf([fault('ghost', 'db', PARTITION)])).toEqual({});
  });

  test('is in force before the container’s process starts, and put in place of others leaves nothing of them', () => {
    const { resources } = lowered(one('api', 'db', PARTITION)).desired;
    const needs = (all: typeof resources) => all.find(({ id }) => id === 'process:shop/db-1')?.needs.map(({ resource }) => resource);
    expect(needs(resources)).toContain('fault:shop/db-1@back');
    expect(withFaults(resources, [])).toEqual(lowered([]).desired.resources);
  });
});

describe('a plan', () => {
  const { desired } = lowered(one('api', 'db', PARTITION));
  const spec = specsOf(one('api', 'db', PARTITION))['fault:shop/db-1@back'];
  const stateOf = (parts: Partial<FaultState> = {}): FaultState => ({
    ifname: spec?.ifname ?? '',
    filters: [{ priority: 1, handle: spec?.hash ?? 0 }],
    classes: [DROPS],
    ...parts,
  });
  const DROPS: FaultClassState = {
    minor: 1,
    rate: 0xffffffff,
    ceil: 0xffffffff,
    burst: 156_256,
    ceilBurst: 156_256,
    queue: { kind: 'pfifo', limit: 0 },
  };
  const world = (state: FaultState | undefined): Observed => {
    const { resources, unownedLinks } = settled(lowered([]).desired);
    return { resources: [...resources, ...(state ? [{ kind: 'fault' as const, id: 'fault:shop/db-1@back', state }] : [])], unownedLinks };
  };
  const stepsOf = (observed: Observed, wanted = desired) =>
    reconcile(wanted, observed, { ...POLICY, repair: true }).steps.map(({ resource, op, cause }) => `${op.kind} ${resource}: ${cause}`);

  test('has nothing to do about a fault that is as it should be', () => {
    expect(stepsOf(world(stateOf()))).toEqual([]);
    // Of the other generation.
    expect(
      stepsOf(world(stateOf({ filters: [{ priority: 0x4001, handle: spec?.hash ?? 0 }], classes: [{ ...DROPS, minor: 0x4001 }] }))),
    ).toEqual([]);
  });

  test.each<readonly [string, FaultState | undefined, string]>([
    ['not there', undefined, 'not found'],
    ['another', stateOf({ filters: [{ priority: 1, handle: 42 }] }), 'faults changed'],
    ['without its filter', stateOf({ filters: [] }), '0 filters instead of 1'],
    ['without its class', stateOf({ classes: [] }), '0 classes instead of 1'],
    ['without its queue', stateOf({ classes: [{ ...DROPS, queue: undefined }] }), '0 queues instead of 1'],
    ['slower', stateOf({ classes: [{ ...DROPS, rate: 125_000 }] }), 'class 7473:1 has another rate'],
    ['allowed less at once', stateOf({ classes: [{ ...DROPS, burst: 1 }] }), 'class 7473:1 has another rate'],
    ['with a longer queue', stateOf({ classes: [{ ...DROPS, queue: { kind: 'pfifo', limit: 1 } }] }), 'class 7473:1 has another queue'],
    ['with another queue', stateOf({ classes: [{ ...DROPS, queue: { kind: 'another', name: 'sfq' } }] }), 'class 7473:1 has another queue'],
  ])('brings back a fault that is %s', (_, state, cause) => {
    expect(stepsOf(world(state))).toEqual([`fault.set fault:shop/db-1@back: ${cause}`]);
  });

  test('of a repair, too, takes away a fault that was healed', () => {
    expect(stepsOf(world(stateOf()), lowered([]).desired)).toEqual(['fault.delete fault:shop/db-1@back: not declared any more']);
  });

  test('makes it anew with the link of a container that starts again, and before its process', () => {
    const observed = ended(world(undefined), 'db-1', 1);
    const { steps } = reconcile(desired, observed, { ...POLICY, repair: true, restart: ['db-1'] });
    const set = steps.find(({ op }) => op.kind === 'fault.set');
    const start = steps.find(({ op }) => op.kind === 'container.start');
    expect(start?.dependsOn).toContain(set?.id);
    expect(set?.dependsOn).toContain(steps.find(({ resource }) => resource === 'link:shop/db-1@back')?.id);
  });

  test('that takes the stack down leaves it to go with its link', () => {
    const { steps } = reconcile({ ...desired, resources: [] }, world(stateOf()), POLICY);
    expect(steps.filter(({ op }) => op.kind === 'fault.delete')).toEqual([]);
  });
});

function trimmed(group: string): string {
  return group.replace(/^0{1,3}/, '');
}

test('our root is told from those that the kernel names by itself, which begin at 8001:', () => {
  expect(FAULTS_ROOT >>> 16).toBeLessThan(0x8000);
});
