/** Rules of links, addresses, routes and sysctls. */
import type { LinkSpec, LinkState } from '../../model/resources.ts';
import { make, NOT_DECLARED, NOT_FOUND, NOTHING, type Rule, remove } from './rule.ts';

export const linkRule: Rule<'link'> = (id, { desired, observed }, { policy, renewed, bare, unownedLinks }) => {
  const gone = observed ? { op: { kind: 'link.delete', ifindex: observed.ifindex, ifname: observed.ifname } as const } : undefined;
  if (!desired) return gone ? remove(gone.op, NOT_DECLARED) : NOTHING;
  const unowned = unownedLinks[desired.ifname];
  if (unowned !== undefined) {
    return {
      ...NOTHING,
      obstacle: {
        resource: id,
        message: `cannot create link \`${desired.ifname}\`: a ${unowned.type || 'link'} of that name is there and does not bear our mark`,
        hint: `it is not ours to remove; \`ip link show ${desired.ifname}\` shows it`,
      },
    };
  }
  const create = { kind: 'link.create', link: desired } as const;
  if (!observed) return make(create, NOT_FOUND);
  // The host end goes with the namespace, but when the kernel gets round to it: a second one of the name would be refused.
  if (renewed)
    return {
      remove: [{ ...required(gone), cause: 'its container is recreated' }],
      make: [{ op: create, cause: 'its container is recreated' }],
    };
  const otherName = policy.repair ? `is called ${observed.ifname}` : 'its address changes';
  const misfit = observed.type === desired.type ? otherName : `is a ${observed.type}`;
  if (observed.type !== desired.type || observed.ifname !== desired.ifname) {
    return { remove: [{ ...required(gone), cause: misfit }], make: [{ op: create, cause: misfit }] };
  }
  // What takes an address away may have been `ip link set down` in there, which only its effects show.
  const cause = linkDrift(desired, observed) ?? (bare ? 'its container end lost its address' : undefined);
  return cause === undefined ? NOTHING : make({ kind: 'link.update', link: desired, observed }, cause);
};

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
  return undefined;
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
