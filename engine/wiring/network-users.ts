/**
 * Who of other stacks is on networks of this one. Such a network stays: taking the bridge away would cut off containers that nobody asked to
 * stop. As with Docker, whose networks with active endpoints can't be removed; but nothing of the stack is touched before that is said.
 */
import { observeContainers } from '../kernel/containers.ts';
import { TsstackError } from '../model/errors.ts';
import type { StackIdentity } from '../model/ids.ts';
import type { Obstacle, Plan } from '../model/plan.ts';
import { listAllocations } from '../store/allocation.ts';
import { stackPaths } from '../store/paths.ts';
import type { Session } from './session.ts';

/** Of a plan of `up`. */
export function inUseObstacles({ steps }: Pick<Plan, 'steps'>, session: Session): readonly Obstacle[] {
  const prefix = `link:${session.stack.name}/`;
  const going = new Set(
    steps.flatMap(({ op, resource }) => (op.kind === 'link.delete' || op.kind === 'link.delete-group' ? [resource] : [])),
  );
  if (![...going].some((link) => !link.includes('@'))) return [];
  return usersOf(session).flatMap((user): Obstacle[] => {
    const resource = `${prefix}${user.network}`;
    if (!going.has(resource) && !going.has(`${prefix}*`)) return [];
    return [{ resource, message: `cannot remove ${said(user)}`, hint: `run \`tsstack down\` in ${user.stack.directory} first` }];
  });
}

/** Throws `obstacle` if the stack can't be taken down. */
export function requireUnused(session: Session): void {
  const users = usersOf(session);
  const [first] = users;
  if (!first) return;
  throw new TsstackError(users.map((user) => `cannot take stack \`${session.stack.name}\` down: ${said(user)}`).join('\n'), {
    code: 'obstacle',
    hint: `run \`tsstack down\` in ${first.stack.directory} first; \`tsstack stop\` here stops this stack and leaves its networks`,
  });
}

function said({ network, stack, containers }: NetworkUser): string {
  const who = containers.map((container) => `\`${container}\``).join(', ');
  return `network \`${network}\`: ${who} of stack \`${stack.name}\` in ${stack.directory} ${containers.length === 1 ? 'is' : 'are'} on it`;
}

interface NetworkUser {
  /** Of this stack. */
  readonly network: string;
  readonly stack: StackIdentity;
  readonly containers: readonly string[];
}

function usersOf({ host, stack, bootId }: Session): NetworkUser[] {
  return listAllocations(host).flatMap((other) =>
    Object.entries(other.allocation.joined).flatMap(([theirs, key]): NetworkUser[] => {
      if (!key.startsWith(`${stack.id}/`) || other.stack.id === stack.id) return [];
      const there = observeContainers(stackPaths(host, other.stack).containers, bootId);
      const containers = there.flatMap(({ name, status, record }) =>
        status.state !== 'stopped' && record !== undefined && Object.hasOwn(record.addresses, theirs)
          ? [`${other.stack.name}-${name}`]
          : [],
      );
      return containers.length === 0 ? [] : [{ network: key.slice(stack.id.length + 1), stack: other.stack, containers }];
    }),
  );
}
