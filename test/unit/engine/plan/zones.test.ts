import { expect, test } from 'vitest';
import type { Observed, ObservedResource } from '../../../../engine/model/resources.ts';
import { lower } from '../../../../engine/plan/lower.ts';
import { bridgeName, stackIdentity } from '../../../../engine/plan/names.ts';
import { reconcile } from '../../../../engine/plan/reconcile.ts';
import { DEFAULT_POLICY } from '../../../../engine/wiring/prepare.ts';
import { attach, facts, network, service, stack } from '../../../support/plan-world.ts';

const SHOP = stackIdentity('shop', '/srv/shop', undefined);
const BRIDGE = bridgeName(SHOP, 'front');
const { desired } = lower(stack({ web: service({ networks: attach('front') }) }, { networks: { front: network() } }), SHOP, facts({}));
const none = { ...desired, resources: [] };
const zone = (name: string): ObservedResource => ({ kind: 'zone', id: 'zone:shop/front', state: { ifname: BRIDGE, zone: name } });

function zoneOps(wanted: typeof desired, found: Omit<Observed, 'unownedLinks'>): readonly string[] {
  const { steps } = reconcile(wanted, { ...found, unownedLinks: {} }, DEFAULT_POLICY);
  return steps.flatMap(({ op }) => (op.kind === 'zone.trust' || op.kind === 'zone.forget' ? [`${op.kind} ${op.ifname}`] : []));
}

test('a bridge is given to firewalld to trust while that refuses it, and no process on it starts before', () => {
  expect(zoneOps(desired, { resources: [] })).toEqual([]);
  expect(zoneOps(desired, { resources: [], firewalldRefuses: true })).toEqual([`zone.trust ${BRIDGE}`]);
  const { steps } = reconcile(desired, { resources: [], unownedLinks: {}, firewalldRefuses: true }, DEFAULT_POLICY);
  const trust = steps.find(({ op }) => op.kind === 'zone.trust')?.id;
  expect(steps.find(({ op }) => op.kind === 'container.start')?.dependsOn).toContain(trust);
});

test('a bridge that has a zone stays there, and only trust is taken back', () => {
  expect(zoneOps(desired, { resources: [zone('trusted')], firewalldRefuses: true })).toEqual([]);
  expect(zoneOps(desired, { resources: [zone('work')], firewalldRefuses: true })).toEqual([]);
  expect(zoneOps(none, { resources: [zone('trusted')], firewalldRefuses: true })).toEqual([`zone.forget ${BRIDGE}`]);
  expect(zoneOps(none, { resources: [zone('work')], firewalldRefuses: true })).toEqual([]);
});
