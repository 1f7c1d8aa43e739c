/** Steps as people think of them: one line for a container, a network, a volume, whatever number of kernel objects it takes. Pure. */
import type { Plan, Step } from '../../engine/model/plan.ts';
import type { ResourceKind } from '../../engine/model/resources.ts';

export interface StepGroup {
  /** `shop-web-1`, `network front`. */
  readonly label: string;
  readonly isContainer: boolean;
  readonly steps: readonly Step[];
}

/**
 * In the order in which people think of them: networks, volumes and the like, then containers as they get ready, one after what it depends on; what
 * goes for good comes after the containers that used it.
 */
export function groupSteps(plan: Plan): readonly StepGroup[] {
  const groups = new Map<string, { isContainer: boolean; steps: Step[] }>();
  for (const step of plan.steps) {
    const { label, isContainer } = groupOf(step.resource, plan.stack);
    const group = groups.get(label) ?? { isContainer, steps: [] };
    group.steps.push(step);
    groups.set(label, group);
  }
  return [...groups]
    .map(([label, group]) => ({ label, ...group }))
    .sort((a, b) => rank(a) - rank(b) || (a.isContainer ? lastStep(a) - lastStep(b) : 0));
}

function rank(group: StepGroup): number {
  if (group.isContainer) return 1;
  return outcome(group) === 'removed' ? 2 : 0;
}

function lastStep({ steps }: StepGroup): number {
  return steps.at(-1)?.id ?? 0;
}

/** What has become of the group's thing when all its steps are done: `started`, `recreated`, `removed`. */
export function outcome({ steps, isContainer }: StepGroup): string {
  const kinds = new Set<string>(steps.map(({ op }) => op.kind));
  if (!isContainer) {
    const actions = new Set([...kinds].map((kind) => kind.slice(kind.indexOf('.') + 1)));
    if (actions.has('create')) return 'created';
    return [...actions].every((action) => action.startsWith('delete')) ? 'removed' : 'updated';
  }
  for (const { op } of steps) if (op.kind === 'container.await') return op.until;
  const [created, deleted] = [kinds.has('container.create'), kinds.has('container.delete')];
  if (created && deleted) return 'recreated';
  if (kinds.has('container.start')) return kinds.has('container.stop') ? 'restarted' : 'started';
  if (created) return 'created';
  if (deleted) return 'removed';
  return kinds.has('container.stop') ? 'stopped' : [...kinds].every((kind) => kind.endsWith('.delete')) ? 'removed' : 'updated';
}

/** Why, in the words of the step that says most: what is done to a container itself, not what follows from it. */
export function causeOf({ steps, isContainer }: StepGroup): string {
  const telling = isContainer ? steps.filter(({ op }) => op.kind.startsWith('container.') && op.kind !== 'container.await') : steps;
  const own = telling.find(({ cause }) => !cause.startsWith('its ')) ?? telling[0] ?? steps[0];
  return own === undefined ? '' : own.cause;
}

/** Containers whose process a plan starts. */
export function startedContainers(plan: Plan): number {
  return plan.steps.filter(({ op }) => op.kind === 'container.start').length;
}

export function removedContainers(plan: Plan): number {
  return plan.steps.filter(({ op }) => op.kind === 'container.delete').length;
}

type Label = { readonly label: string; readonly isContainer: boolean };

/** `link:shop/web-1@front` → container `web-1`; `link:shop/front` → network `front`. */
function groupOf(resource: string, stack: string): Label {
  const [kind = '', rest = ''] = split(resource, ':');
  const [, name = ''] = split(rest, '/');
  return GROUP_OF_KIND[kind as ResourceKind]?.(name, stack) ?? thing(kind);
}

const GROUP_OF_KIND: { readonly [K in ResourceKind]: (name: string, stack: string) => Label } = {
  container,
  process: container,
  cgroup: container,
  file: container,
  link: attachmentOrNetwork,
  address: attachmentOrNetwork,
  route: attachmentOrNetwork,
  fault: (name) => thing(`faults at ${head(name)}`),
  sysctl: (name) => (name.includes('/') ? network(name) : thing('host settings')),
  firewall: () => thing('firewall'),
  nftables: () => thing('firewall'),
  zone: network,
  volume: (name) => thing(`volume ${name}`),
};

function attachmentOrNetwork(name: string, stack: string): Label {
  return name.includes('@') ? container(name, stack) : network(name);
}

function container(name: string, stack: string): Label {
  return { label: `${stack}-${head(name)}`, isContainer: true };
}

/** Without a name: all links of the stack, which go in one message. */
function network(name: string): Label {
  return thing(name === '' || name === '*' ? 'networks' : `network ${head(name)}`);
}

function thing(label: string): Label {
  return { label, isContainer: false };
}

function head(name: string): string {
  return name.split(/[@/]/, 1)[0] ?? name;
}

function split(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
