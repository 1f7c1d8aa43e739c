/**
 * What one thing gives up and another takes: an address, an interface's name, the default route, a volume. The kernel may not mind
 * two holders, the network and the files do: whoever leaves has left before the next one comes.
 */
import { append } from '../../dsl/multimap.ts';
import type { ContainerRecord } from '../model/container.ts';
import type { Decision, Decisions } from './decide.ts';
import type { Node, StepGraph } from './graph.ts';
import { containerOfResource, linkOfResource } from './names.ts';

/** Only makes get edges, and only to removals, which wait for no make yet: there can be no cycle. */
export function linkHandovers(graph: StepGraph, decisions: Decisions): void {
  const removals = graph.nodes.filter(({ phase }) => phase === 'remove');
  if (removals.length === 0) return;
  const freed = freedAddresses(graph, decisions);
  const links = removals.filter(({ op, resource }) => op.kind === 'link.delete' && resource.includes('@'));
  for (const node of graph.nodes) {
    const decision = decisions.get(node.resource);
    if (decision === undefined || node.phase !== 'make') continue;
    if (node.op.kind === 'link.create' && node.op.link.type !== 'bridge') {
      wait(node, sameContainer(links, node));
      for (const end of ['', '/6']) {
        const address = decisions.get(`${node.resource.replace('link:', 'address:')}${end}`)?.desired;
        if (address) wait(node, freed.get(addressKey(address)) ?? []);
      }
    } else if (node.op.kind === 'address.add' && !node.resource.includes('@')) {
      wait(node, freed.get(addressKey(decision.desired)) ?? []);
    } else if (node.op.kind === 'route.add') {
      wait(node, sameContainer([...links, ...removals.filter(({ op }) => op.kind === 'route.delete')], node));
    } else if (node.op.kind === 'container.start') {
      wait(node, volumeHolders(graph, decisions, node.resource));
    }
  }
}

function wait(node: Node, others: readonly Node[]): void {
  for (const other of others) node.after.add(other);
}

/** A container's interfaces have names that are given out again, and it has one default route. */
function sameContainer(nodes: readonly Node[], { resource }: Node): Node[] {
  const container = containerOfResource(resource);
  return nodes.filter((other) => containerOfResource(other.resource) === container);
}

/** What is removed with each address: the address itself, or the link it is on. */
function freedAddresses(graph: StepGraph, decisions: Decisions): ReadonlyMap<string, readonly Node[]> {
  const freed = new Map<string, Node[]>();
  for (const { id, kind, observed } of decisions.values()) {
    if (kind !== 'address') continue;
    const nodes = [...graph.of(id, 'remove'), ...graph.of(linkOfResource(id), 'remove')];
    if (nodes.length > 0) append(freed, addressKey(observed), ...nodes);
  }
  return freed;
}

/** Addresses meet on one network: that of their bridge, or the host's own. */
function addressKey(resource: Decision['desired'] | Decision['observed']): string {
  if (resource?.kind !== 'address') return '';
  const { cidr } = 'spec' in resource ? resource.spec : resource.state;
  const network = resource.id.includes('@') ? resource.id.slice(resource.id.indexOf('@')).replace(/\/6$/, '') : '';
  return `${cidr.replace(/\/.*/, '')}${network}`;
}

/** Containers that go for good and write to what this one writes to: a renamed database must not meet its former self on its files. */
function volumeHolders(graph: StepGraph, decisions: Decisions, process: string): Node[] {
  const container = decisions.get(process.replace('process:', 'container:'))?.desired;
  if (container?.kind !== 'container') return [];
  const sources = new Set(writableSources(container.spec.record));
  if (sources.size === 0) return [];
  return [...decisions.values()].flatMap(({ id, desired, observed }) => {
    if (desired !== undefined || observed?.kind !== 'container' || !observed.state.record) return [];
    if (!writableSources(observed.state.record).some((source) => sources.has(source))) return [];
    return graph.of(id.replace('container:', 'process:'), 'remove');
  });
}

function writableSources({ launch }: ContainerRecord): string[] {
  return launch.mounts.flatMap((mount) => (mount.type === 'bind' && !mount.readOnly ? [mount.source] : []));
}
