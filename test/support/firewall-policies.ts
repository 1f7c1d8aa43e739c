/** Policies of the firewall over the cross product of what a network and its ports may be. */
import type { FirewallNetwork, FirewallPolicy, FirewallPort } from '../../engine/model/firewall-policy.ts';

export interface PolicyCase {
  /** `internal, published on loopback, 3 replicas, ipv6 nat, owned` */
  readonly name: string;
  readonly policy: FirewallPolicy;
}

const INTERNAL = ['open', 'internal', 'internal with host access'] as const;
const PUBLISHED = ['nothing', 'loopback', 'everywhere', 'one address'] as const;
const REPLICAS = [1, 3] as const;
const IPV6 = ['none', 'nat', 'routed'] as const;
const OWNED = ['owned', 'foreign'] as const;

/** Without those that can't be: nothing has no replicas, and what others own is neither closed nor masqueraded by us, nor led to from loopback. */
export function policyCases(): PolicyCase[] {
  return INTERNAL.flatMap((internal) =>
    PUBLISHED.flatMap((published) =>
      REPLICAS.flatMap((replicas) =>
        IPV6.flatMap((ipv6) =>
          OWNED.flatMap((owned) => {
            if ((published === 'nothing' && replicas > 1) || (owned === 'foreign' && (internal !== 'open' || ipv6 === 'nat'))) return [];
            if (owned === 'foreign' && published === 'loopback') return [];
            const loopback = owned === 'owned' && (published === 'loopback' || published === 'everywhere');
            const network = networkOf({ internal, ipv6, owned, loopback });
            const ports = portsOf(published, replicas, network);
            const name = `${owned}, ${internal}, published ${published}${published === 'nothing' ? '' : `, ${replicas} replicas`}, ipv6 ${ipv6}`;
            return [{ name, policy: { networks: [network], ports } }];
          }),
        ),
      ),
    ),
  );
}

interface Chosen {
  readonly internal: (typeof INTERNAL)[number];
  readonly ipv6: (typeof IPV6)[number];
  readonly owned: (typeof OWNED)[number];
  readonly loopback: boolean;
}

function networkOf({ internal, ipv6, owned, loopback }: Chosen): FirewallNetwork {
  const outward = internal === 'open' && owned === 'owned';
  return {
    bridge: owned === 'owned' ? 'ts-front-3f9a1c' : 'br0',
    owned: owned === 'owned',
    internal: internal !== 'open',
    hostAccess: internal !== 'internal',
    ipv4: { subnet: '10.128.3.0/24', gateway: '10.128.3.1', masquerade: outward },
    ipv6: ipv6 === 'none' ? undefined : { subnet: 'fd00:74::/64', gateway: 'fd00:74::1', masquerade: outward && ipv6 === 'nat' },
    loopbackPublished: loopback,
  };
}

function portsOf(published: (typeof PUBLISHED)[number], replicas: number, { bridge, ipv6 }: FirewallNetwork): FirewallPort[] {
  const places = {
    nothing: [],
    loopback: ['127.0.0.1'],
    everywhere: ['0.0.0.0', ...(ipv6 ? ['::'] : [])],
    'one address': ['192.0.2.1', ...(ipv6 ? ['2001:db8::1'] : [])],
  }[published];
  return places.flatMap((hostAddress) =>
    (['tcp', 'udp'] as const).map((protocol) => ({
      protocol,
      hostAddress,
      hostPort: 8080,
      targets: Array.from({ length: replicas }, (_, i) => ({
        address: hostAddress.includes(':') ? `fd00:74::${i + 2}` : `10.128.3.${i + 2}`,
        port: 80,
        bridge,
      })),
    })),
  );
}
