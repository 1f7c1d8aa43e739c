/** Policies over the cross product of what a network and a published port can be: what every driver of the firewall is held to. */
import type { FirewallNetwork, FirewallPolicy, FirewallPort } from '../../engine/model/firewall-policy.ts';

export interface FirewallCase {
  /** `owned internal, IPv6 nat, public udp ×3` */
  readonly name: string;
  readonly policy: FirewallPolicy;
}

const HOST_ADDRESSES = { loopback: '127.0.0.1', public: '0.0.0.0', 'IPv6-public': '::' };

export function firewallCases(): FirewallCase[] {
  const networks = product({ owned: [true, false], internal: [false, true], ipv6: ['none', 'nat', 'routed'] as const });
  return networks.flatMap((options) => {
    const words = [options.owned ? 'owned' : 'foreign', ...(options.internal ? ['internal'] : []), `IPv6 ${options.ipv6}`];
    const network = caseNetwork(options);
    const published = product({
      published: ['loopback', 'public', 'IPv6-public'] as const,
      protocol: ['tcp', 'udp'] as const,
      replicas: [1, 3],
    }).filter((port) => port.published !== 'IPv6-public' || options.ipv6 !== 'none');
    return [
      { name: `${words.join(' ')}, nothing published`, policy: { networks: [network], ports: [] } },
      ...published.map((port) => ({
        name: `${words.join(' ')}, ${port.published} ${port.protocol} ×${port.replicas}`,
        policy: {
          networks: [{ ...network, loopbackPublished: port.published === 'loopback' }],
          ports: [casePort(port)],
        },
      })),
    ];
  });
}

interface NetworkOptions {
  readonly owned: boolean;
  readonly internal: boolean;
  readonly ipv6: 'none' | 'nat' | 'routed';
}

export function caseNetwork({ owned, internal, ipv6 }: NetworkOptions): FirewallNetwork {
  return {
    bridge: 'ts-front-6f35d4',
    owned,
    internal,
    hostAccess: !internal,
    ipv4: { subnet: '10.1.0.0/24', gateway: '10.1.0.1', masquerade: owned && !internal },
    ipv6: ipv6 === 'none' ? undefined : { subnet: 'fd00:1::/64', gateway: 'fd00:1::1', masquerade: owned && !internal && ipv6 === 'nat' },
    loopbackPublished: false,
  };
}

interface PortOptions {
  readonly published: keyof typeof HOST_ADDRESSES;
  readonly protocol: 'tcp' | 'udp';
  readonly replicas: number;
}

function casePort({ published, protocol, replicas }: PortOptions): FirewallPort {
  const prefix = published === 'IPv6-public' ? 'fd00:1::' : '10.1.0.';
  const targets = Array.from({ length: replicas }, (_, i) => ({ address: `${prefix}${i + 2}`, port: 80, bridge: 'ts-front-6f35d4' }));
  return { protocol, hostAddress: HOST_ADDRESSES[published], hostPort: 8080, targets };
}

/** Every combination, the last option varying fastest. */
function product<T extends Readonly<Record<string, readonly unknown[]>>>(options: T): { [K in keyof T]: T[K][number] }[] {
  return Object.entries(options).reduce<Record<string, unknown>[]>(
    (rows, [key, values]) => rows.flatMap((row) => values.map((value) => ({ ...row, [key]: value }))),
    [{}],
  ) as { [K in keyof T]: T[K][number] }[];
}
