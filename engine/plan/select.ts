/** Which of what must be and what is a plan looks at. */
import type { ContainerName, ResourceId } from '../model/ids.ts';
import type { Policy } from '../model/plan.ts';
import type { Desired, DesiredResource, Observed, ObservedResource } from '../model/resources.ts';
import { containerOfResource, serviceOfContainer } from './names.ts';

export interface Selected {
  readonly wanted: ReadonlyMap<ResourceId, DesiredResource>;
  readonly found: ReadonlyMap<ResourceId, ObservedResource>;
}

/**
 * With a choice of services, only their containers and what belongs to these are looked at, and what containers share. Of that nothing
 * is removed: a container that was not chosen may still use it. What the others' hosts files say of the chosen ones is kept right.
 */
export function select(desired: Desired, observed: Observed, policy: Policy): Selected {
  const all = policy.services === undefined && policy.containers === undefined;
  const files = new Set(observed.resources.flatMap(({ kind, id }) => (kind === 'file' ? [id] : [])));
  const wanted = new Map(
    desired.resources
      .filter((resource) => countsNow(resource, observed))
      .filter(({ id }) => all || isSelected(id, policy) || files.has(id))
      .map((resource) => [resource.id, resource]),
  );
  const found = observed.resources.filter(
    ({ id }) => all || wanted.has(id) || (ownerContainer(id) !== undefined && isSelected(id, policy)),
  );
  return { wanted, found: foundById(found, wanted) };
}

/** What is there because of others is there while they are. */
function countsNow(resource: DesiredResource, { othersFilter, firewalldRefuses }: Observed): boolean {
  if (resource.kind === 'zone') return firewalldRefuses === true;
  return resource.kind !== 'firewall' || !resource.spec.besideOthers || othersFilter === true;
}

/** Somebody may have given a link a second address: ours is the one that is as it must be. */
function foundById(found: readonly ObservedResource[], wanted: Selected['wanted']): Map<ResourceId, ObservedResource> {
  const result = new Map<ResourceId, ObservedResource>();
  for (const resource of found) {
    const { id } = resource;
    const want = wanted.get(id);
    const known = result.get(id);
    if (known?.kind === 'address' && want?.kind === 'address' && known.state.cidr === want.spec.cidr) continue;
    if (known?.kind === 'route' && want?.kind === 'route' && known.state.gateway === want.spec.gateway) continue;
    result.set(id, resource);
  }
  return result;
}

function isSelected(id: ResourceId, { services, containers }: Policy): boolean {
  const container = ownerContainer(id);
  if (container === undefined) return true;
  return (services?.includes(serviceOfContainer(container)) ?? true) && (containers?.includes(container) ?? true);
}

const PER_CONTAINER = ['container:', 'process:', 'cgroup:', 'file:'];

function ownerContainer(id: ResourceId): ContainerName | undefined {
  const perContainer = PER_CONTAINER.some((prefix) => id.startsWith(prefix)) || id.includes('@');
  return perContainer ? containerOfResource(id) : undefined;
}
