/** Rules of links, addresses, routes and sysctls. */
import type { ResourceId } from '../../model/ids.ts';
import type { Obstacle, OpOf } from '../../model/plan.ts';
import type { LinkSpec, LinkState, MacvlanSpec } from '../../model/resources.ts';
import { make, NOT_DECLARED, NOT_FOUND, NOTHING, type Rule, type RuleContext, remove } from './rule.ts';

export const linkRule: Rule<'link'> = (id, { desired, observed }, { policy, renewed, bare, unownedLinks }) => {
  const gone = observed && { op: deletionOf(observed) };
  if (!desired) return gone ? remove(gone.op, NOT_DECLARED) : NOTHING;
  const obstacle = desired.type === 'macvlan' ? missingParent(id, desired, unownedLinks) : inTheWay(id, desired, unownedLinks);
  if (obstacle) return { ...NOTHING, obstacle };
  const create = { kind: 'link.create', link: desired } as const;
  if (!observed) return make(create, NOT_FOUND);
  // The host end goes with the namespace, but when the kernel gets round to it: a second one of the name would be refused.
  if (renewed)
    return {
      // One that is in there alone is in the old one.
      remove: desired.type === 'macvlan' ? [] : [{ ...required(gone), cause: 'its container is recreated' }],
      make: [{ op: create, cause: 'its container is recreated' }],
    };
  const otherPlace = desired.type === 'macvlan' ? macvlanMisfit(desired, observed) : undefined;
  if (otherPlace !== undefined) return { remove: [{ ...required(gone), cause: otherPlace }], make: [{ op: create, cause: otherPlace }] };
  const otherName = policy.repair ? `is called ${observed.ifname}` : 'its address changes';
  const misfit = observed.type === desired.type ? otherName : `is a ${observed.type}`;
  if (observed.type !== desired.type || observed.ifname !== desired.ifname) {
    return { remove: [{ ...required(gone), cause: misfit }], make: [{ op: create, cause: misfit }] };
  }
  // What takes an address away may have been `ip link set down` in there, which only its effects show.
  const cause = linkDrift(desired, observed) ?? (bare ? 'its container end lost its address' : undefined);
  return cause === undefined ? NOTHING : make({ kind: 'link.update', link: desired, observed }, cause);
};

function deletionOf({ ifindex, ifname, inside }: LinkState): OpOf<'link.delete'> {
  return { kind: 'link.delete', ifindex, ifname, ...(inside === undefined ? {} : { inside }) };
}

function inTheWay(id: ResourceId, { ifname }: LinkSpec, unownedLinks: RuleContext['unownedLinks']): Obstacle | undefined {
  const unowned = unownedLinks[ifname];
  if (unowned === undefined) return undefined;
  return {
    resource: id,
    message: `cannot create link \`${ifname}\`: a ${unowned.type || 'link'} of that name is there and does not bear our mark`,
    hint: `it is not ours to remove; \`ip link show ${ifname}\` shows it`,
  };
}

function missingParent(
  id: ResourceId,
  { parent, container }: MacvlanSpec,
  unownedLinks: RuleContext['unownedLinks'],
): Obstacle | undefined {
  if (unownedLinks[parent] !== undefined) return undefined;
  return {
    resource: id,
    message: `cannot put container \`${container}\` on link \`${parent}\`: this host has no such link`,
    hint: "`ip link` shows those it has; the network's parent must be one of them",
  };
}

/** What a macvlan is born with. */
function macvlanMisfit(desired: MacvlanSpec, observed: LinkState): string | undefined {
  if (observed.parent !== desired.parent) return `parent ${observed.parent ?? 'none'} → ${desired.parent}`;
  if (observed.mode !== desired.mode) return `mode ${observed.mode ?? 'unknown'} → ${desired.mode}`;
  // One that lets everything through takes its parent's (macvlan_common_newlink).
  if (desired.mode !== 'passthru' && observed.address !== desired.address)
    return `MAC address ${observed.address ?? 'none'} → ${desired.address}`;
  return undefined;
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('a link to remove was not observed');
  return value;
}

function linkDrift(desired: LinkSpec, observed: LinkState): string | undefined {
  if (!observed.up) return 'is down';
  if (desired.mtu !== undefined && desired.mtu !== observed.mtu) return `mtu ${observed.mtu} → ${desired.mtu}`;
  if (desired.group !== observed.group) return `group ${observed.group} → ${desired.group}`;
  if (desired.type === 'veth' && observed.masterName !== desired.master)
    return `master ${observed.masterName ?? 'none'} → ${desired.master}`;
  // What an older version wrote down doesn't say.
  const hairpin = { is: observed.hairpin === true, must: desired.type === 'veth' && desired.hairpin === true };
  if (desired.type === 'veth' && hairpin.is !== hairpin.must) return `hairpin mode ${onOff(hairpin.is)} → ${onOff(hairpin.must)}`;
  return undefined;
}

function onOff(value: boolean): string {
  return value ? 'on' : 'off';
}

export const addressRule: Rule<'address'> = (_id, { desired, observed }, { renewed }) => {
  if (!desired) return observed ? remove({ kind: 'address.delete', address: observed }, NOT_DECLARED) : NOTHING;
  const add = { kind: 'address.add', address: desired } as const;
  if (!observed || renewed) return make(add, observed ? 'its link is recreated' : NOT_FOUND);
  if (observed.cidr === desired.cidr) return NOTHING;
  const cause = `${observed.cidr} → ${desired.cidr}`;
  return { remove: [{ op: { kind: 'address.delete', address: observed }, cause }], make: [{ op: add, cause }] };
};

export const routeRule: Rule<'route'> = (_id, { desired, observed }, { renewed }) => {
  const deletion = observed && {
    kind: 'route.delete' as const,
    route: { netns: observed.netns, destination: observed.destination, gateway: observed.gateway ?? '', ifname: observed.ifname },
  };
  if (!desired) return deletion ? remove(deletion, NOT_DECLARED) : NOTHING;
  const add = { kind: 'route.add', route: desired } as const;
  if (!observed || renewed) return make(add, observed ? 'its link is recreated' : NOT_FOUND);
  if (observed.gateway === desired.gateway && observed.ifname === desired.ifname) return NOTHING;
  const cause = `via ${observed.gateway ?? 'nothing'} dev ${observed.ifname} → via ${desired.gateway} dev ${desired.ifname}`;
  return { remove: deletion ? [{ op: deletion, cause }] : [], make: [{ op: add, cause }] };
};

/** Never removed: a per-link one goes with its link, and others may rely on forwarding by now. */
export const sysctlRule: Rule<'sysctl'> = (_id, { desired, observed }, { renewed }) => {
  if (!desired) return NOTHING;
  if (observed && !renewed && observed.value === desired.value) return NOTHING;
  return make({ kind: 'sysctl.write', sysctl: desired }, observed && !renewed ? `${observed.value} → ${desired.value}` : NOT_FOUND);
};
