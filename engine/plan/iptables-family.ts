import { isIpv6 } from '../../dsl/addresses.ts';
import type { FirewallNetwork, FirewallPolicy, FirewallPort, FirewallSubnet } from '../model/firewall-policy.ts';
import type { StackIdentity } from '../model/ids.ts';
import { type DirectPort, directPorts } from './policy-ports.ts';

/** What of a policy goes for one family: iptables and ip6tables know nothing of each other. */
export interface FamilyPolicy {
  readonly stack: StackIdentity;
  readonly family: 'ipv4' | 'ipv6';
  readonly networks: readonly FamilyNetwork[];
  readonly ports: readonly FirewallPort[];
  /** Of IPv6 alone. */
  readonly direct: readonly DirectPort[];
}

export interface FamilyNetwork extends Omit<FirewallNetwork, 'ipv4' | 'ipv6'> {
  readonly subnet: FirewallSubnet;
}

export function ofFamily(policy: FirewallPolicy, stack: StackIdentity, family: FamilyPolicy['family']): FamilyPolicy {
  return {
    stack,
    family,
    networks: policy.networks.flatMap(({ ipv4, ipv6, ...network }) => {
      const subnet = family === 'ipv4' ? ipv4 : ipv6;
      return subnet === undefined ? [] : [{ ...network, subnet }];
    }),
    ports: policy.ports.filter(({ hostAddress }) => isIpv6(hostAddress) === (family === 'ipv6')),
    direct: family === 'ipv6' ? directPorts(policy) : [],
  };
}

/** The CIDR of one address. */
export function single(address: string): string {
  return `${address}/${isIpv6(address) ? 128 : 32}`;
}
