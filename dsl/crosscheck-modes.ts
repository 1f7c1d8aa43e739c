/** Whose network services have, and what follows for who wants to reach them. */
import { type IssueLog, isTold } from './issues.ts';
import type { ServiceSpec, StackSpec } from './spec.ts';

export function crosscheckModes(spec: StackSpec, log: IssueLog): void {
  for (const [name, service] of Object.entries(spec.services)) {
    checkPortsHaveNetwork(name, service, { spec, log });
    checkProbeHasNetwork(name, service, { spec, log });
    checkSharedNetwork(name, service, { spec, log });
  }
}

interface Check {
  readonly spec: StackSpec;
  readonly log: IssueLog;
}

function checkPortsHaveNetwork(name: string, service: ServiceSpec, { spec, log }: Check): void {
  const path = ['services', name, 'ports'];
  if (service.ports.length === 0 || service.networkMode.kind !== 'own') return;
  if (isOnNoNetwork(name, service, log)) log.add(path, undefined, 'lead nowhere: the service is on no network');
  if (isOnMacvlanAlone(spec, service)) {
    log.add(path, undefined, 'lead nowhere: the host does not reach a macvlan network; others reach the container at its own address');
  }
}

function checkProbeHasNetwork(name: string, service: ServiceSpec, { spec, log }: Check): void {
  const kind = service.healthcheck?.probe.kind;
  if ((kind !== 'http' && kind !== 'tcp') || service.networkMode.kind !== 'own') return;
  const path = ['services', name, 'healthcheck', kind];
  if (isOnNoNetwork(name, service, log)) {
    log.add(path, undefined, 'cannot be asked: the service is on no network, so that nobody reaches it; use `test` or `log`');
  }
  if (isOnMacvlanAlone(spec, service)) {
    log.add(path, undefined, 'cannot be asked: the host does not reach a macvlan network; use `test` or `log`');
  }
}

/** Not if its networks are wrong, which is told already. */
function isOnNoNetwork(name: string, { networks }: ServiceSpec, log: IssueLog): boolean {
  return networks.length === 0 && !['networks', 'networkMode'].some((key) => isTold(log, ['services', name, key]));
}

/** The kernel passes nothing between a macvlan and the link that it is on (net/core/dev.c sees its packets after the driver). */
function isOnMacvlanAlone(spec: StackSpec, { networks }: ServiceSpec): boolean {
  return networks.length > 0 && networks.every(({ network }) => spec.networks[network]?.driver === 'macvlan');
}

/** A network namespace is one container's, and ends with it. */
function checkSharedNetwork(name: string, { networkMode }: ServiceSpec, { spec, log }: Check): void {
  const owner = networkMode.kind === 'service' ? spec.services[networkMode.service] : undefined;
  if (networkMode.kind !== 'service' || owner === undefined) return;
  const wrong = (message: string) => log.add(['services', name, 'networkMode'], `service:${networkMode.service}`, message);
  const who = `\`${networkMode.service}\``;
  if (owner.networkMode.kind !== 'own') wrong(`has no network of its own to share: ${who} has that of ${whoseOf(owner)}`);
  if (owner.kind === 'job') wrong(`shares a network that ends: ${who} is a job`);
  else if (owner.replicas !== 1) wrong(`needs one container whose network it is: ${who} has ${owner.replicas} replicas`);
  if (owner.update.order === 'start-first') {
    const why = `would have two containers while \`${name}\` has the network of one`;
    log.add(['services', networkMode.service, 'update', 'order'], 'start-first', why, 'stop-first');
  }
}

function whoseOf({ networkMode }: ServiceSpec): string {
  return networkMode.kind === 'service' ? `\`${networkMode.service}\`` : 'the host';
}
