import { observeLinks } from '../kernel/links.ts';
import { isGone } from '../kernel/netlink-failure.ts';
import type { ContainerName } from '../model/ids.ts';
import type { LinkState, ObservedResource } from '../model/resources.ts';
import { nameFromMark } from '../plan/names.ts';
import type { Session } from './session.ts';

/** Macvlans, which are seen in the container alone. One socket into each of the few that have any. Throws TsstackError. */
export function observeLanLinks(
  { stack, namespaces }: Session,
  container: ContainerName,
  hostLinks: readonly LinkState[],
): ObservedResource[] {
  const hostNames = new Map(hostLinks.map(({ ifindex, ifname }) => [ifindex, ifname]));
  const inThere = unlessGone(() => observeLinks(namespaces.container(container))) ?? [];
  return inThere.flatMap((state) => {
    const name = nameFromMark(stack, state.ifalias);
    if (name === undefined) return [];
    return [
      {
        kind: 'link' as const,
        id: `link:${stack.name}/${name}`,
        state: { ...state, parent: hostNames.get(state.link ?? 0), inside: container },
      },
    ];
  });
}

/** It may end between two looks. */
function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}
