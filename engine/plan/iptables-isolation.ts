/** The chain ISO: what may not cross from one network to another, or in from outside. Others' networks are kept apart by their owners. */
import type { FamilyPolicy } from './iptables-family.ts';
import { chainName } from './names.ts';

/** `--ctstate DNAT` is true of a connection whose destination a published port has rewritten. */
export function isolation({ stack, networks, direct }: FamilyPolicy): string[] {
  return networks.flatMap(({ bridge, owned, internal }) => {
    if (!owned) return [];
    if (internal) return [`-i ${bridge} ! -o ${bridge} -j DROP`, `! -i ${bridge} -o ${bridge} -j DROP`];
    return [
      `-i ${bridge} -o ${bridge} -j RETURN`,
      `-o ${bridge} -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j RETURN`,
      direct.some((port) => port.bridge === bridge) ? `-o ${bridge} -g ${chainName(stack, 'OPEN')}` : `-o ${bridge} -j DROP`,
    ];
  });
}
