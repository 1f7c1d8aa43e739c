/** What `ps` shows. */
import { socketText } from '../../dsl/addresses.ts';
import type { PublishedPort } from '../../dsl/spec.ts';
import { observeContainers } from '../kernel/containers.ts';
import { isFrozen } from '../kernel/freezer.ts';
import type { ContainerListing } from '../model/engine.ts';
import type { ContainerState } from '../model/resources.ts';
import { cgroupPath, serviceOfContainer } from '../plan/names.ts';
import { readSupervisionState } from '../store/desired-state.ts';
import type { Session } from './session.ts';

/** Sorted by service and index. A container that was never finished is listed by its name alone. */
export function listContainers(session: Session): ContainerListing[] {
  const { paths, bootId } = session;
  const listings = observeContainers(paths.containers, bootId).map((state) => listing(session, state));
  return listings.sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
}

/** The same, with what the last supervisor has left word of. */
export function listUnsupervised(session: Session): ContainerListing[] {
  const known = readSupervisionState(session.paths);
  const listings = listContainers(session);
  if (known?.bootId !== session.bootId) {
    return listings.map((entry) => (known && entry.exit === undefined ? { ...entry, reason: 'ended when the machine went down' } : entry));
  }
  return listings.map((entry) => ({
    ...entry,
    restarts: known.restarts[entry.name]?.restarts ?? 0,
    reason: entry.state !== 'running' && known.stopped.includes(entry.name) ? STOPPED_ON_REQUEST : undefined,
  }));
}

/** Why it doesn't run. */
export const STOPPED_ON_REQUEST = 'stopped on request';

function sortKey({ name }: ContainerListing): string {
  return name.replace(/\d+$/, (digits) => digits.padStart(6, '0'));
}

function listing({ stack, cgroups }: Session, { name, record, status }: ContainerState): ContainerListing {
  return {
    name,
    fullName: `${stack.name}-${name}`,
    service: record?.service ?? serviceOfContainer(name),
    kind: record?.kind ?? 'service',
    state: status.state,
    pid: status.state === 'running' ? status.init?.pid : undefined,
    image: record?.image ?? '',
    command: record?.launch.argv ?? [],
    createdAt: status.createdAt,
    startedAt: status.startedAt,
    finishedAt: status.finishedAt,
    exit: status.exit,
    health: undefined,
    paused: status.state === 'running' && isFrozen(cgroups, cgroupPath(stack, name)),
    restarts: 0,
    reason: undefined,
    addresses: record?.addresses ?? {},
    ports: (record?.ports ?? []).map(portText),
    network: record?.launch.network,
    addresses6: record?.addresses6 ?? {},
  };
}

/** `127.0.0.1:8080->80/tcp`, `[::1]:8080->80/tcp` */
export function portText({ hostAddress, hostPort, containerPort, protocol }: PublishedPort): string {
  return `${socketText(hostAddress, hostPort)}->${containerPort}/${protocol}`;
}
