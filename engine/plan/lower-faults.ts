/** Faults between services → what befalls packets at each link of each container. */
import { append, groupBy } from '../../dsl/multimap.ts';
import type { Fault, FaultClass, FaultEffects, FaultEnd, FaultFilter, FaultSpec } from '../model/faults.ts';
import type { ContainerName, ResourceId } from '../model/ids.ts';
import type { Desired, DesiredResource, Need, VethSpec } from '../model/resources.ts';
import { endName, NO_EFFECTS } from './faults.ts';
import { containerOfResource, serviceOfContainer, sha256Hex } from './names.ts';

/**
 * The same with these faults and no others. A container that starts finds them in force. They are made from links and addresses as these are
 * desired, so that they can change while nothing else does.
 */
export function withFaults(resources: Desired['resources'], faults: readonly Fault[]): readonly DesiredResource[] {
  const without = resources.filter(({ kind }) => kind !== 'fault').map((resource) => withNeeds(resource, []));
  if (faults.length === 0) return without;
  const attachments = attachmentsIn(without);
  const made = attachments.flatMap((to) => lowerLink(to, attachments, faults));
  const idsByContainer = groupBy(made, ({ id }) => containerOfResource(id));
  const needing = without.map((resource) => withNeeds(resource, idsByContainer.get(containerOfResource(resource.id)) ?? []));
  return [...needing, ...made];
}

type FaultResource = Extract<DesiredResource, { kind: 'fault' }>;

/** Of a process: it needs these faults and no others. */
function withNeeds(resource: DesiredResource, faults: readonly FaultResource[]): DesiredResource {
  const others = resource.needs.filter((need) => !need.resource.startsWith('fault:'));
  if (resource.kind !== 'process' || (faults.length === 0 && others.length === resource.needs.length)) return resource;
  return { ...resource, needs: [...others, ...faults.map(({ id }): Need => ({ resource: id, until: 'done' }))] };
}

interface Attachment {
  readonly container: ContainerName;
  readonly link: ResourceId;
  readonly spec: VethSpec;
  /** Those of its container on all of its networks: from each of them packets may come. */
  readonly addresses: readonly string[];
}

function attachmentsIn(resources: readonly DesiredResource[]): Attachment[] {
  const addresses = new Map<ContainerName, string[]>();
  const veths: { readonly link: ResourceId; readonly spec: VethSpec }[] = [];
  const know = (container: ContainerName, address: string) => append(addresses, container, address);
  for (const { kind, id, spec } of resources) {
    if (kind === 'address' && spec.netns.in === 'container') know(spec.netns.container, spec.cidr.replace(/\/.*/, ''));
    if (kind !== 'link' || spec.type !== 'veth') continue;
    veths.push({ link: id, spec });
    know(spec.container, linkLocal(spec.peerAddress));
  }
  return veths
    .map(({ link, spec }) => ({ container: spec.container, link, spec, addresses: addresses.get(spec.container) ?? [] }))
    .sort((a, b) => (a.link < b.link ? -1 : 1));
}

/** The address that a link with this MAC address gives itself: fe80::/64 and an EUI-64 (RFC 4291, 2.5.1 and appendix A). */
function linkLocal(mac: string): string {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = mac.split(':').map((byte) => Number.parseInt(byte, 16));
  const groups = [((a ^ 2) << 8) | b, (c << 8) | 0xff, 0xfe00 | d, (e << 8) | f];
  return `fe80:0:0:0:${groups.map((group) => group.toString(16)).join(':')}`;
}

/** At most one: what comes from each of the others on the same bridge. */
function lowerLink(to: Attachment, all: readonly Attachment[], faults: readonly Fault[]): FaultResource[] {
  const befalling = all.flatMap((from) => {
    if (from.container === to.container || from.spec.master !== to.spec.master) return [];
    const effects = effectsBetween(from.container, to.container, faults);
    return effects ? [{ addresses: from.addresses, effects }] : [];
  });
  if (befalling.length === 0) return [];
  const tree = treeOf(befalling);
  const spec: FaultSpec = { ifname: to.spec.ifname, hash: hashOf(tree), ...tree };
  return [{ kind: 'fault', id: to.link.replace('link:', 'fault:'), spec, needs: [{ resource: to.link, until: 'done' }], within: to.link }];
}

/** Undefined: nothing befalls it. What was said of a container wins over what was said of its service, and then the last word. */
function effectsBetween(from: ContainerName, to: ContainerName, faults: readonly Fault[]): FaultEffects | undefined {
  const matching = faults.filter((fault) => covers(fault.from, from) && covers(fault.to, to));
  if (matching.length === 0) return undefined;
  const exactness = ({ from: a, to: b }: Fault) => Number(a.container !== undefined) + Number(b.container !== undefined);
  return matching
    .toSorted((a, b) => exactness(a) - exactness(b))
    .reduce<FaultEffects>(
      (sum, { effects }) => ({
        partition: sum.partition || effects.partition,
        loss: effects.loss ?? sum.loss,
        delay: effects.delay ?? sum.delay,
        rate: effects.rate ?? sum.rate,
      }),
      NO_EFFECTS,
    );
}

function covers(end: FaultEnd, container: ContainerName): boolean {
  return end.container === undefined ? end.service === serviceOfContainer(container) : endName(end) === container;
}

interface Befalling {
  readonly addresses: readonly string[];
  readonly effects: FaultEffects;
}

/** One class takes in all that gets lost. Each container that is slowed down has one of its own; the others share filters where they lose the same. */
function treeOf(befalling: readonly Befalling[]): Pick<FaultSpec, 'classes' | 'filters'> {
  const classes: FaultClass[] = [];
  const filters: FaultFilter[] = [];
  const lossOf = ({ partition, loss }: FaultEffects) => (partition ? 1 : (loss ?? 0));
  const anyLost = befalling.some(({ effects }) => lossOf(effects) > 0);
  if (anyLost) classes.push({ rate: undefined, queue: { kind: 'drop' } });
  const lost = (loss: number) => (loss > 0 ? 0 : undefined);
  const slowed = befalling.filter(({ effects }) => !effects.partition && (effects.delay !== undefined || effects.rate !== undefined));
  for (const { addresses, effects } of slowed) {
    const { rate, delay } = effects;
    const passed = classes.push({ rate, queue: delay ? { kind: 'delay', ...delay } : { kind: 'fifo' } }) - 1;
    filters.push({ sources: addresses, loss: lossOf(effects), lost: lost(lossOf(effects)), passed });
  }
  const rest = befalling.filter((one) => !slowed.includes(one) && lossOf(one.effects) > 0);
  for (const [loss, group] of groupBy(rest, ({ effects }) => lossOf(effects))) {
    const sources = group.flatMap(({ addresses }) => addresses);
    for (let at = 0; at < sources.length; at += SOURCES_IN_FILTER) {
      filters.push({ sources: sources.slice(at, at + SOURCES_IN_FILTER), loss, lost: lost(loss), passed: undefined });
    }
  }
  return { classes, filters };
}

/** A positive number of 31 bits: the kernel keeps it for us, as the handle of filters. */
function hashOf(tree: Pick<FaultSpec, 'classes' | 'filters'>): number {
  return Number.parseInt(sha256Hex(JSON.stringify(tree)).slice(0, 8), 16) & 0x7fffffff || 1;
}

/** A program has room for 400. */
const SOURCES_IN_FILTER = 256;
