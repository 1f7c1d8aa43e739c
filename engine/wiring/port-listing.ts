/** What `port` shows. */
import { observeContainers } from '../kernel/containers.ts';
import type { PortListing } from '../model/engine.ts';
import { serviceOfContainer } from '../plan/names.ts';
import type { Session } from './session.ts';
import { resolveTargets } from './targets.ts';

/** @throws TsstackError `not-found` for a target that is neither service nor container. */
export function listPorts({ paths, bootId, stack }: Session, targets: readonly string[] | undefined): readonly PortListing[] {
  const containers = observeContainers(paths.containers, bootId).map(({ name, record }) => ({
    name,
    service: record?.service ?? serviceOfContainer(name),
    ports: record?.ports ?? [],
  }));
  return resolveTargets(containers, targets, { stack: stack.name }).flatMap(({ name, service, ports }) =>
    ports.map((port) => ({ container: name, service, ...port })),
  );
}
