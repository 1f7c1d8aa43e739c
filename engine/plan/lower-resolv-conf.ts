/** /etc/resolv.conf of a container: our DNS server where it is on a network of ours, else whom the host asks. */
import type { ServiceSpec } from '../../dsl/spec.ts';
import { renderResolvConf } from '../codec/resolv-conf.ts';
import type { DesiredResource } from '../model/resources.ts';
import type { LowerContext } from './lower-context.ts';
import { nameserversOf } from './lower-names.ts';
import { networkHolder } from './network-mode.ts';
import type { Replica } from './replicas.ts';

export function resolvConfPath({ facts }: LowerContext, container: string): string {
  return `${facts.resolvDirectory}/${container}`;
}

export function resolvConfResource(context: LowerContext, replica: Replica): Extract<DesiredResource, { kind: 'file' }> {
  const { name, service } = replica;
  const networkMode = (networkHolder(context.spec, replica)?.service ?? service).networkMode;
  return {
    kind: 'file',
    id: `file:${context.stack.name}/${name}/resolv.conf`,
    spec: { path: resolvConfPath(context, name), content: contentFor(context, service, networkMode.kind === 'host') },
    needs: [],
    within: undefined,
  };
}

function contentFor(context: LowerContext, service: ServiceSpec, isOnHost: boolean): string {
  const { facts } = context;
  const { dns } = service;
  const search = dns.search ?? facts.resolver.search;
  const options = dns.options ?? facts.resolver.options;
  const ours = nameserversOf(context, service);
  if (ours.length > 0) return renderResolvConf({ nameservers: ours, search, options: withNdots(options, dns.options !== undefined) });
  const isChanged = dns.servers.length > 0 || dns.search !== undefined || dns.options !== undefined;
  if (isOnHost && !isChanged) return facts.hostResolvConf;
  const theirs = isOnHost ? facts.resolver.nameservers : [];
  const nameservers = dns.servers.length > 0 ? dns.servers : theirs;
  return nameservers.length > 0 ? renderResolvConf({ nameservers, search, options }) : facts.resolvConf;
}

/**
 * `ndots:0` unless the stack file says something else: every name is first asked as it is (resolv.conf(5)), so that `db` is found with one
 * question. With the usual 1, it would first be asked for in each search domain, that is of servers that know nothing of it. What the host
 * says is meant for the host's names.
 */
function withNdots(options: readonly string[], areDeclared: boolean): readonly string[] {
  const isNdots = (option: string) => option.startsWith('ndots:');
  if (areDeclared && options.some(isNdots)) return options;
  return [...options.filter((option) => !isNdots(option)), 'ndots:0'];
}
