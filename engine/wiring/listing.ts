/** What `ps` shows. */
import { observeContainers } from '../kernel/containers.ts';
import type { ContainerListing } from '../model/engine.ts';
import type { ContainerState } from '../model/resources.ts';
import { serviceOfContainer } from '../plan/names.ts';
import type { Session } from './session.ts';

/** Sorted by service and index. A container that was never finished is listed by its name alone. */
export function listContainers({ paths, bootId, stack }: Session): ContainerListing[] {
  const listings = observeContainers(paths.containers, bootId).map((state) => listing(stack.name, state));
  return listings.sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
}

function sortKey({ name }: ContainerListing): string {
  return name.replace(/\d+$/, (digits) => digits.padStart(6, '0'));
}

function listing(stackName: string, { name, record, status }: ContainerState): ContainerListing {
  return {
    name,
    fullName: `${stackName}-${name}`,
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
    paused: false,
    restarts: 0,
    reason: undefined,
    addresses: record?.addresses ?? {},
    ports: (record?.ports ?? []).map((port) => `${port.hostAddress}:${port.hostPort}->${port.containerPort}/${port.protocol}`),
  };
}
