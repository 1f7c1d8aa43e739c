/** Gives out ports of the host. What a stack has, it keeps. */
import { isIpv6, socketText } from '../../dsl/addresses.ts';
import { append } from '../../dsl/multimap.ts';
import type { PortSpec, StackSpec } from '../../dsl/spec.ts';
import type { Allocation, HostFacts } from '../model/facts.ts';
import type { StackIdentity } from '../model/ids.ts';
import type { Notice, Obstacle } from '../model/plan.ts';
import { sha256Hex } from './names.ts';
import { meets, type PortHolder, type PortHolders, portHolders } from './port-holders.ts';

export interface AllocatedPorts extends Pick<Allocation, 'hostPorts' | 'ports'> {
  readonly notices: readonly Notice[];
  readonly obstacles: readonly Obstacle[];
}

export function allocatePorts(
  spec: StackSpec,
  { stack, facts }: { readonly stack: StackIdentity; readonly facts: Pick<HostFacts, 'own' | 'others' | 'listening' | 'ipv6'> },
): AllocatedPorts {
  const taking: Taking = { stack, own: facts.own, holders: portHolders(facts), hostPorts: {}, ports: {}, notices: [], obstacles: [] };
  const wishes = wishesOf(spec, facts.ipv6);
  for (const wish of wishes.filter(({ addresses }) => addresses.length === 0)) taking.notices.push(noAddress(wish));
  const open = wishes.filter(({ addresses }) => addresses.length > 0);
  // What leaves no choice comes first, then what was chosen before: nothing that is chosen now is in their way.
  for (const wish of open.filter(({ port }) => isFixed(port))) choose(taking, wish);
  const kept = open.filter((wish) => !isFixed(wish.port) && keep(taking, wish));
  for (const wish of open.filter((one) => !isFixed(one.port) && !kept.includes(one))) choose(taking, wish);
  const { hostPorts, ports, notices, obstacles } = taking;
  return { hostPorts, ports, notices, obstacles };
}

/** The ports of services that the stack doesn't hold yet, on one of their addresses at least. */
export function portsWanted(spec: StackSpec, { own, ipv6 }: Pick<HostFacts, 'ipv6'> & { readonly own: Held }): readonly PortSpec[] {
  const isHeld = ({ service, key, port, addresses }: Wish): boolean => {
    const hostPort = isFixed(port) ? port.hostPorts?.first : own.hostPorts[key];
    return addresses.every((address) => own.ports[`${port.protocol} ${address}:${hostPort}`] === service);
  };
  return wishesOf(spec, ipv6).flatMap((wish) => (isHeld(wish) ? [] : [wish.port]));
}

type Held = Pick<Allocation, 'hostPorts' | 'ports'>;

/** A port as declared, on the addresses that this host can have. */
interface Wish {
  readonly service: string;
  readonly key: string;
  readonly port: PortSpec;
  readonly addresses: readonly string[];
}

interface Taking {
  readonly stack: StackIdentity;
  readonly own: Allocation;
  readonly holders: PortHolders;
  readonly hostPorts: Record<string, number>;
  readonly ports: Record<string, string>;
  readonly notices: Notice[];
  readonly obstacles: Obstacle[];
}

function wishesOf(spec: StackSpec, ipv6: boolean): Wish[] {
  return Object.entries(spec.services)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .filter(([, { replicas }]) => replicas > 0)
    .flatMap(([service, { ports }]) =>
      ports.map((port, index) => ({
        service,
        key: portKey(service, ports, index),
        port,
        addresses: port.hostAddresses.filter((address) => ipv6 || !isIpv6(address)),
      })),
    );
}

function isFixed({ hostPorts, strict }: PortSpec): boolean {
  return hostPorts !== undefined && hostPorts.first === hostPorts.last && strict;
}

/** What it had, if nobody else has that now. */
function keep(taking: Taking, wish: Wish): boolean {
  const had = taking.own.hostPorts[wish.key];
  if (had === undefined || holderOf(taking, wish, had)) return false;
  give(taking, wish, had);
  const { hostPorts } = wish.port;
  if (hostPorts && had > hostPorts.last)
    taking.notices.push({ resource: undefined, message: `${declaredText(wish)} is published on ${had}, as before` });
  return true;
}

function choose(taking: Taking, wish: Wish): void {
  const refused: PortHolder[] = [];
  for (const hostPort of candidates(taking.stack, wish)) {
    const holder = holderOf(taking, wish, hostPort);
    if (holder) {
      refused.push(holder);
      continue;
    }
    give(taking, wish, hostPort);
    const { hostPorts } = wish.port;
    const [first] = refused;
    if (hostPorts && first && hostPort > hostPorts.last)
      taking.notices.push({ resource: undefined, message: `${declaredText(wish)} is ${first.how}; published on ${hostPort}` });
    return;
  }
  taking.obstacles.push(noPort(taking.stack, wish, refused));
}

/**
 * Ports that nobody has asked for by number. First those above what the kernel gives to outgoing connections by default (ip-sysctl.rst,
 * ip_local_port_range: 32768 … 60999), since one of these may have any port below for a moment; then those below, and theirs last of all.
 */
const SPANS = [
  { first: 61000, last: 65535 },
  { first: 1024, last: 32767 },
  { first: 32768, last: 60999 },
] as const;

const LAST_PORT = 65535;

function* candidates(stack: StackIdentity, { key, port: { hostPorts, strict } }: Wish): Generator<number> {
  if (hostPorts) {
    const last = strict ? hostPorts.last : LAST_PORT;
    for (let port = hostPorts.first; port <= last; port++) yield port;
    return;
  }
  // By hash, so that a stack which comes up anew is found where it was, if it can be.
  const hash = Number.parseInt(sha256Hex(`${stack.hash}/${key}`).slice(0, 8), 16);
  for (const { first, last } of SPANS) {
    const size = last - first + 1;
    for (let i = 0; i < size; i++) yield first + ((hash + i) % size);
  }
}

/** Who has the port on any of the addresses. */
function holderOf({ holders }: Taking, { port, addresses }: Wish, hostPort: number): PortHolder | undefined {
  return holders.get(`${port.protocol} ${hostPort}`)?.find((holder) => addresses.some((address) => meets(address, holder)));
}

function give({ holders, hostPorts, ports }: Taking, wish: Wish, hostPort: number): void {
  const { service, key, port, addresses } = wish;
  if (!isFixed(port)) hostPorts[key] = hostPort;
  const how = `published by \`${service}\``;
  for (const address of addresses) {
    ports[`${port.protocol} ${address}:${hostPort}`] = service;
    append(holders, `${port.protocol} ${hostPort}`, { address, dual: false, how, hint: 'publish another port' });
  }
}

/** ``port 8080 of `web` ``, ``ports 8000-8010 of `web` `` */
function declaredText({ service, port: { hostPorts } }: Wish): string {
  return hostPorts && hostPorts.first !== hostPorts.last
    ? `each of ports ${hostPorts.first}-${hostPorts.last} of \`${service}\``
    : `port ${hostPorts?.first} of \`${service}\``;
}

function noAddress({ service, port }: Wish): Notice {
  const what = `port ${port.containerPort}/${port.protocol} of \`${service}\``;
  return { resource: undefined, message: `${what} is not published on ${port.hostAddresses.join(' and ')}: this host has no IPv6` };
}

function noPort(stack: StackIdentity, wish: Wish, refused: readonly PortHolder[]): Obstacle {
  const { service, port, addresses } = wish;
  const [first] = refused;
  return {
    resource: `container:${stack.name}/${service}-1`,
    message: `cannot start service \`${service}\`: ${first && isFixed(port) ? fixedText(wish, first) : rangeText(port, addresses, refused)}`,
    hint: isFixed(port) ? first?.hint : 'publish other ports, or free one of these',
  };
}

function fixedText({ port: { hostPorts, protocol }, addresses }: Wish, holder: PortHolder): string {
  const address = addresses.find((one) => meets(one, holder)) ?? '';
  return `port ${socketText(address, hostPorts?.first ?? 0)}/${protocol} is ${holder.how}`;
}

function rangeText({ hostPorts, protocol }: PortSpec, addresses: readonly string[], refused: readonly PortHolder[]): string {
  const range = hostPorts ? `${hostPorts.first}-${hostPorts.last}/${protocol}` : protocol;
  const reasons = [...new Set(refused.map(({ how }) => how))];
  const rest = reasons.length > NAMED ? [`… (${reasons.length - NAMED} more)`] : [];
  return `no port of ${range} is free on ${addresses.join(' and ')}: they are ${[...reasons.slice(0, NAMED), ...rest].join(', ')}`;
}

/** More holders than that are no help. */
const NAMED = 3;

/** Of `Allocation.hostPorts`: `web 80/tcp 0`, `web 80/tcp 8000-8010 0`. Stays the same when others come and go; another range is another key. */
export function portKey(serviceName: string, ports: readonly PortSpec[], index: number): string {
  const keys = ports.slice(0, index + 1).map(({ containerPort, protocol, hostPorts }) => {
    const range = hostPorts ? ` ${hostPorts.first}-${hostPorts.last}` : '';
    return `${serviceName} ${containerPort}/${protocol}${range}`;
  });
  const [own = '', ...before] = keys.reverse();
  return `${own} ${before.filter((key) => key === own).length}`;
}
