/** Names of kernel objects. Short where the kernel is short, readable as far as there is room, unique by a hash. */
import { createHash } from 'node:crypto';
import type { StackIdentity } from '../model/ids.ts';

export function sha256Hex(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

export function stackIdentity(name: string, directory: string, instance: string | undefined): StackIdentity {
  const hash = sha256Hex(`${directory}\0${name}\0${instance ?? ''}`).slice(0, 8);
  return { name, directory, instance, hash, id: `${name}-${hash}` };
}

/** The mark on a link: `tsstack:shop/default#3f9a1c2e`. */
export function linkMark(stack: StackIdentity, name: string): string {
  return `tsstack:${stack.name}/${name}#${stack.hash}`;
}

/** The name within a mark of this stack; undefined: not ours. */
export function nameFromMark(stack: StackIdentity, ifalias: string | undefined): string | undefined {
  const prefix = `tsstack:${stack.name}/`;
  const suffix = `#${stack.hash}`;
  if (!ifalias?.startsWith(prefix) || !ifalias.endsWith(suffix)) return undefined;
  return ifalias.slice(prefix.length, -suffix.length);
}

/**
 * An interface name: IFNAMSIZ is 16 with the NUL (linux/if.h), so 15 characters. `ts-front-3f9a1c`: prefix, up to five
 * characters of the name, six of a hash that keeps two stacks' networks of one name apart.
 */
function ifname(prefix: string, stack: StackIdentity, name: string): string {
  const readable = name.replace(/[^a-zA-Z0-9]/g, '').slice(0, 5);
  return `${prefix}-${readable}-${sha256Hex(`${stack.hash}/${name}`).slice(0, 6)}`;
}

export function bridgeName(stack: StackIdentity, network: string): string {
  return ifname('ts', stack, network);
}

/**
 * `attachment`: `web-1@front`. The address is part of the name because it is part of the link: with another one it must be a new link, or
 * bridge and neighbours would go on sending to where the address was (its MAC is made of it), and routes end with an address anyway.
 */
export function vethName(stack: StackIdentity, attachment: string, address: string): string {
  return ifname('tv', stack, `${attachment}=${address}`);
}

/** IFLA_GROUP of a stack's links. 0 is the kernel's default group, and the sign bit would be trouble for others: 1 … 2^31 - 1. */
export function linkGroup(stack: StackIdentity): number {
  return (Number.parseInt(stack.hash, 16) & 0x7fffffff) | 1;
}

/** Chains of a stack; at most 28 characters (XT_EXTENSION_MAXNAMELEN, linux/netfilter/x_tables.h). */
export function chainName(stack: StackIdentity, suffix: 'ISO' | 'OPEN' | 'FWD' | 'IN' | 'DNAT' | 'OUT' | 'PUB' | 'LOOP' | 'SNAT'): string {
  return `TS-${stack.hash}-${suffix}`;
}

/** A locally administered MAC made from the address, so that a recreated container doesn't leave stale ARP entries behind. */
export function macFromIpv4(address: string): string {
  const octets = address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  return `02:74:${octets.join(':')}`;
}

export const CGROUP_ROOT = 'tsstack';

export function cgroupPath(stack: StackIdentity, container: string): string {
  return `${CGROUP_ROOT}/${stack.id}/${container}`;
}

/** The container a resource id belongs to: `link:shop/web-1@front` and `file:shop/web-1/hosts` → `web-1`. */
export function containerOfResource(id: string): string {
  const name = id.slice(id.indexOf('/') + 1);
  return name.split(/[@/]/, 1)[0] ?? name;
}

/** The link that an address or a route is on: `address:shop/web-1@front`, and of IPv6 `address:shop/web-1@front/6` → `link:shop/web-1@front`. */
export function linkOfResource(id: string): string {
  return id.replace(/^[a-z]+/, 'link').replace(/\/6$/, '');
}

/** `web-1` → `web`. */
export function serviceOfContainer(container: string): string {
  return container.replace(/-\d+$/, '');
}
