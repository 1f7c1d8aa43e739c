import type { ContainerName, ResourceId } from '../model/ids.ts';
import type { Plan, Step } from '../model/plan.ts';
import { containerOfResource } from '../plan/names.ts';

/** What others are at work on: their containers with all that belongs to these, and what containers share. */
export function resourcesOf(steps: Iterable<Step>): ReadonlySet<ResourceId> {
  const busy = new Set<ResourceId>();
  // That somebody waits for a container is no reason to leave it alone.
  for (const { resource, op } of steps) if (op.kind !== 'container.await') busy.add(ownerOf(resource));
  return busy;
}

/** Containers that are to be started by these. */
export function startedBy(steps: Iterable<Step>): ReadonlySet<ContainerName> {
  return new Set([...steps].flatMap(({ op }) => (op.kind === 'container.start' ? [op.process.name] : [])));
}

/** The plan without the steps on what is busy, and without those that depend on them. */
export function withoutBusy(plan: Plan, busy: ReadonlySet<ResourceId>): Plan {
  if (busy.size === 0) return plan;
  const left = new Set<number>();
  const steps = plan.steps.filter(({ id, resource, dependsOn }) => {
    const isLeft = busy.has(ownerOf(resource)) || dependsOn.some((other) => left.has(other));
    if (isLeft) left.add(id);
    return !isLeft;
  });
  return { ...plan, steps };
}

/** A container's own things go by its name; a network, a table, a volume by its id. */
function ownerOf(resource: ResourceId): string {
  const perContainer = /^(container|process|cgroup|file):/.test(resource) || resource.includes('@');
  return perContainer ? containerOfResource(resource) : resource;
}
