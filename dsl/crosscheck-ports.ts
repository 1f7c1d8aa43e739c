/** Published ports: two for one port of the host, and those that lead nowhere. */
import { isAnyAddress, isIpv6 } from './addresses.ts';
import type { IssueLog } from './issues.ts';
import { append } from './multimap.ts';
import type { PortSpec, StackSpec } from './spec.ts';

interface FixedPort {
  readonly hostAddress: string;
  readonly hostPort: number;
  readonly protocol: 'tcp' | 'udp';
}

/** A service's replicas share its ports; two entries of one service for the same port don't. Each entry that clashes is told once. */
export function checkPublishedPorts(spec: StackSpec, log: IssueLog): void {
  const taken = new Map<string, { readonly service: string; readonly hostAddress: string }[]>();
  for (const [service, { ports }] of Object.entries(spec.services)) {
    for (const port of ports) {
      const fixed = fixedPorts(port);
      const clash = fixed.flatMap((one) => {
        const other = taken.get(keyOf(one))?.find(({ hostAddress }) => haveOneInCommon(hostAddress, one.hostAddress));
        return other === undefined ? [] : [{ one, other }];
      })[0];
      if (clash !== undefined) {
        const { one, other } = clash;
        const who = other.service === service ? 'by this service already' : `by \`${other.service}\``;
        const address = isIpv6(one.hostAddress) ? `[${one.hostAddress}]` : one.hostAddress;
        log.add(
          ['services', service, 'ports'],
          `${address}:${keyOf(one)}`,
          `is published ${who}${also(other.hostAddress, one.hostAddress)}`,
        );
      }
      for (const one of fixed) append(taken, keyOf(one), { service, hostAddress: one.hostAddress });
    }
  }
}

/** What a port takes for certain: where there is a choice, planning finds one that is free. */
function fixedPorts({ hostAddresses, hostPorts, strict, protocol }: PortSpec): readonly FixedPort[] {
  if (hostPorts === undefined || hostPorts.first !== hostPorts.last || !strict) return [];
  return hostAddresses.map((hostAddress) => ({ hostAddress, hostPort: hostPorts.first, protocol }));
}

function keyOf({ hostPort, protocol }: FixedPort): string {
  return `${hostPort}/${protocol}`;
}

/** `0.0.0.0` and `::` are every address of their family. */
function haveOneInCommon(a: string, b: string): boolean {
  if (isIpv6(a) !== isIpv6(b)) return false;
  return a === b || isAnyAddress(a) || isAnyAddress(b);
}

function also(theirs: string, ours: string): string {
  return theirs === ours ? '' : ` on \`${theirs}\``;
}
