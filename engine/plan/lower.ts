/** StackSpec and HostFacts → desired kernel objects. Pure. */
import type { StackSpec } from '../../dsl/spec.ts';
import type { Allocation, HostFacts } from '../model/facts.ts';
import type { StackIdentity } from '../model/ids.ts';
import type { Notice, Obstacle } from '../model/plan.ts';
import { type Desired, type DesiredResource, nothingDesired } from '../model/resources.ts';
import { allocate } from './allocate.ts';
import { firewallNotices } from './firewall-notices.ts';
import { firewallPolicy } from './firewall-policy.ts';
import { withImageDefaults } from './image-defaults.ts';
import { imageNotices } from './image-notices.ts';
import { volumesOf } from './image-volumes.ts';
import { lowerContainers } from './lower-containers.ts';
import type { LowerContext } from './lower-context.ts';
import { withFaults } from './lower-faults.ts';
import { lowerFirewall } from './lower-firewall.ts';
import { lowerNames } from './lower-names.ts';
import { lowerNetworks, networkNotices } from './lower-networks.ts';
import { lowerPorts } from './lower-ports.ts';
import { findObstacles } from './obstacles.ts';

export interface Lowered {
  readonly desired: Desired;
  readonly allocation: Allocation;
  readonly notices: readonly Notice[];
  readonly obstacles: readonly Obstacle[];
}

export function lower(declared: StackSpec, stack: StackIdentity, facts: HostFacts): Lowered {
  const spec = withImageDefaults(declared, facts.images);
  const { allocation, networks, gateways, gateways6, notices, obstacles } = allocate(spec, stack, facts);
  const blocked = [...obstacles, ...findObstacles(spec, { stack, facts })];
  if (blocked.length > 0) return { desired: nothingDesired(stack.name), allocation, notices: [], obstacles: blocked };
  const context: LowerContext = { spec, stack, facts, allocation, networks, gateways, gateways6 };
  const [names, ports] = [lowerNames(context), lowerPorts(context)];
  const containers = lowerContainers(context, names);
  const firewall = { policy: firewallPolicy(context, ports), stack, driver: facts.firewall.driver };
  return {
    desired: {
      stackName: stack.name,
      resources: withFaults(
        [...lowerVolumes(context), ...lowerNetworks(context), ...lowerFirewall(firewall), ...containers.resources],
        facts.faults,
      ),
      names,
      ports,
      firewall,
    },
    allocation,
    notices: [
      ...notices,
      ...usernsNotice(context),
      ...networkNotices(context),
      ...firewallNotices(context),
      ...imageNotices(context),
      ...containers.notices,
    ],
    obstacles: [],
  };
}

function lowerVolumes(context: LowerContext): DesiredResource[] {
  return volumesOf(context).map((spec) => ({
    kind: 'volume',
    id: `volume:${context.stack.name}/${spec.name}`,
    spec,
    needs: [],
    within: undefined,
  }));
}

function usernsNotice({ spec, facts }: LowerContext): Notice[] {
  const wanted = Object.values(spec.services).some((service) => service.userns === 'private' && service.replicas > 0);
  if (!wanted || facts.usernsUnavailable === undefined) return [];
  return [{ resource: undefined, message: `containers run without a user namespace: ${facts.usernsUnavailable}` }];
}
