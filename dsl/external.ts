import type { IssuePath } from './issues.ts';
import { IFNAME, MEMBER_NAME, STACK_NAME } from './names.ts';
import { readHostPath } from './paths.ts';
import type { ExternalShape, NetworkShape } from './schema-network.ts';
import type { Scope } from './scope.ts';
import type { ExternalNetworkSpec } from './spec.ts';

/** A network that somebody else makes. Undefined: what is written is wrong, which is in the scope's log. */
export function readExternal(written: string | ExternalShape, path: IssuePath, scope: Scope): ExternalNetworkSpec | undefined {
  if (typeof written === 'string') {
    const [stack = '', network = '', ...rest] = written.split('/');
    if (rest.length > 0 || !STACK_NAME.test(stack) || !MEMBER_NAME.test(network)) {
      return scope.log.add(path, written, 'must be `stack/network`, such as `infra/front`; a bridge of the host is `{ bridge }`');
    }
    return { kind: 'stack', stack, network, directory: undefined, instance: undefined };
  }
  if (written.bridge !== undefined) return readBridge(written.bridge, written, { path, scope });
  return readOtherStack(written, path, scope);
}

/**
 * What is left when the settings are told, and taken out, that are the business of who makes the network. Of a bridge of the host
 * the addresses are the stack file's: nobody else knows which of them are free.
 */
export function takeOutOthersBusiness(written: NetworkShape, path: IssuePath, scope: Scope): NetworkShape {
  const isBridge = typeof written.external === 'object' && written.external.bridge !== undefined;
  const left: NetworkShape = { external: written.external, labels: written.labels };
  const ours = isBridge ? (['subnet', 'gateway', 'ipRange', 'ipv6', 'mtu'] as const) : [];
  for (const key of Object.keys(written) as (keyof NetworkShape)[]) {
    if (written[key] === undefined || key in left || ours.some((our) => our === key)) continue;
    const whose = isBridge ? 'of whoever made that bridge' : 'of the stack that makes the network';
    scope.log.add([...path, key], written[key], `is the business ${whose}: leave it out beside \`external\``);
  }
  if (!isBridge) return left;
  const { subnet, gateway, ipRange, ipv6, mtu } = written;
  if (subnet === undefined) {
    scope.log.add([...path, 'subnet'], undefined, 'is missing: of a bridge of the host nobody but you knows which addresses are free');
  }
  if (ipv6 === true || (typeof ipv6 === 'object' && ipv6.subnet === undefined)) {
    scope.log.add(
      [...path, 'ipv6'],
      undefined,
      'needs `{ subnet }`: of a bridge of the host nobody but you knows which addresses are free',
    );
  }
  if (typeof ipv6 === 'object' && ipv6.nat !== undefined) {
    scope.log.add([...path, 'ipv6', 'nat'], ipv6.nat, 'is the business of whoever made that bridge: leave it out beside `external`');
  }
  return { ...left, subnet, gateway, ipRange, ipv6, mtu };
}

function readBridge(
  ifname: string,
  written: ExternalShape,
  { path, scope }: { path: IssuePath; scope: Scope },
): ExternalNetworkSpec | undefined {
  for (const key of ['stack', 'network', 'directory', 'instance'] as const) {
    if (written[key] !== undefined) scope.log.add([...path, key], written[key], 'contradicts `bridge`: the network is one or the other');
  }
  if (!IFNAME.test(ifname)) return scope.log.add([...path, 'bridge'], ifname, 'is no name of a link');
  return { kind: 'bridge', ifname };
}

function readOtherStack(written: ExternalShape, path: IssuePath, scope: Scope): ExternalNetworkSpec | undefined {
  const { stack, network, instance } = written;
  const directory = written.directory === undefined ? undefined : readHostPath(written.directory, [...path, 'directory'], scope);
  if (stack === undefined) scope.log.add([...path, 'stack'], undefined, 'is missing: name the stack that makes the network');
  else if (!STACK_NAME.test(stack)) scope.log.add([...path, 'stack'], stack, 'is no name of a stack');
  if (network === undefined) scope.log.add([...path, 'network'], undefined, 'is missing: which of that stack’s networks?');
  else if (!MEMBER_NAME.test(network)) scope.log.add([...path, 'network'], network, 'is no name of a network');
  if (stack === undefined || network === undefined) return undefined;
  return { kind: 'stack', stack, network, directory, instance };
}
