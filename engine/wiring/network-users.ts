/**
 * Who of other stacks is on networks of this one. Such a network stays: taking the bridge away would cut off containers that nobody asked to
 * stop. As with Docker, whose networks with active endpoints can't be removed; but nothing of the stack is touched before that is said.
 */
import { existsSync } from 'node:fs';
import { observeContainers, readRecord } from '../kernel/containers.ts';
import { TsstackError } from '../model/errors.ts';
import type { ContainerName, StackIdentity } from '../model/ids.ts';
import type { Obstacle, Plan } from '../model/plan.ts';
import { listAllocations, readOwnAllocation } from '../store/allocation.ts';
import { DirectoryLock } from '../store/lock.ts';
import { NetworkClaims } from '../store/network-claims.ts';
import { stackPaths } from '../store/paths.ts';
import type { Session } from './session.ts';

/** Of a plan of `up`. With `claims`, nobody joins a network that is to go until these end. */
export function inUseObstacles({ steps }: Pick<Plan, 'steps'>, session: Session, claims?: NetworkClaims): readonly Obstacle[] {
  const prefix = `link:${session.stack.name}/`;
  const going = new Set(
    steps.flatMap(({ op, resource }) => (op.kind === 'link.delete' || op.kind === 'link.delete-group' ? [resource] : [])),
  );
  if (![...going].some((link) => !link.includes('@'))) return [];
  const nobodyJoins = claims?.remove(session.stack) !== false;
  const users = usersOf(session);
  return [...users, ...(nobodyJoins ? [] : joiningOf(session, users))].flatMap((user): Obstacle[] => {
    const resource = `${prefix}${user.network}`;
    if (!going.has(resource) && !going.has(`${prefix}*`)) return [];
    return [{ resource, message: `cannot remove ${said(user)}`, hint: `run \`tsstack down\` in ${user.stack.directory} first` }];
  });
}

/**
 * Until it is disposed of, nobody joins a network of this stack. Throws `obstacle` if the stack can't be taken down. INVARIANT: nobody else of
 * this process has the host's lock, which is waited for without the event loop.
 */
export function takeNetworks(session: Session): Disposable {
  using _host = DirectoryLock.acquire(`${session.host.stateDirectory}/stacks`);
  const claims = new NetworkClaims(session.host);
  const nobodyJoins = claims.remove(session.stack);
  const there = usersOf(session);
  const users = there.length > 0 || nobodyJoins ? there : joiningOf(session, there);
  if (nobodyJoins && users.length === 0) return claims;
  claims[Symbol.dispose]();
  const cannot = `cannot take stack \`${session.stack.name}\` down`;
  const [first] = users;
  const hint = '`tsstack stop` here stops this stack and leaves its networks';
  // It has ended in between.
  if (!first) throw new TsstackError(`${cannot}: another stack has just tried to join a network of it`, { code: 'obstacle', hint });
  throw new TsstackError(users.map((user) => `${cannot}: ${said(user)}`).join('\n'), {
    code: 'obstacle',
    hint: `run \`tsstack down\` in ${first.stack.directory} first; ${hint}`,
  });
}

/**
 * Until it is disposed of, networks of other stacks that these containers are on stay. Throws `obstacle` if one is gone, or just goes. INVARIANT
 * as of `takeNetworks`.
 */
export function keepJoined(session: Session, containers: readonly ContainerName[]): Disposable {
  const { host, stack, paths } = session;
  using _host = DirectoryLock.acquire(`${host.stateDirectory}/stacks`);
  const claims = new NetworkClaims(host);
  const all = listAllocations(host);
  const joined = Object.entries(readOwnAllocation(paths.allocation).joined).filter(([, key]) => key.includes('/'));
  for (const name of containers) {
    const addresses = readRecord(`${paths.containers}/${name}`)?.addresses ?? {};
    for (const [network, key] of joined.filter(([mine]) => Object.hasOwn(addresses, mine))) {
      const owner = all.find((other) => key.startsWith(`${other.stack.id}/`))?.stack;
      if (owner && claims.join(owner)) continue;
      claims[Symbol.dispose]();
      const whose = owner
        ? `stack \`${owner.name}\` in ${owner.directory} is just taking it down`
        : 'the stack that it belongs to is not up';
      throw new TsstackError(`cannot start \`${name}\` of stack \`${stack.name}\` on network \`${network}\`: ${whose}`, {
        code: 'obstacle',
        hint: 'bring that one up again, and then this one with `tsstack up -d`',
      });
    }
  }
  return claims;
}

function said({ network, stack, containers }: NetworkUser): string {
  if (containers.length === 0) return `network \`${network}\`: stack \`${stack.name}\` in ${stack.directory} is just coming up on it`;
  const who = containers.map((container) => `\`${container}\``).join(', ');
  return `network \`${network}\`: ${who} of stack \`${stack.name}\` in ${stack.directory} ${containers.length === 1 ? 'is' : 'are'} on it`;
}

interface NetworkUser {
  /** Of this stack. */
  readonly network: string;
  readonly stack: StackIdentity;
  /** None: they are just being made. */
  readonly containers: readonly string[];
}

function usersOf(session: Session): NetworkUser[] {
  const { host, bootId } = session;
  return joinedBy(session).flatMap(({ stack, theirs, network }): NetworkUser[] => {
    const there = observeContainers(stackPaths(host, stack).containers, bootId);
    const containers = there.flatMap(({ name, status, record }) =>
      status.state !== 'stopped' && record !== undefined && Object.hasOwn(record.addresses, theirs) ? [`${stack.name}-${name}`] : [],
    );
    return containers.length === 0 ? [] : [{ network, stack, containers }];
  });
}

/** When somebody is: those for whom a supervisor is at work, and who have no container on it yet. */
function joiningOf(session: Session, users: readonly NetworkUser[]): NetworkUser[] {
  return joinedBy(session)
    .filter(({ stack, network }) => !users.some((user) => user.stack.id === stack.id && user.network === network))
    .filter(({ stack }) => existsSync(stackPaths(session.host, stack).lock))
    .map(({ stack, network }) => ({ stack, network, containers: [] }));
}

/** `theirs`: what they call `network`. */
function joinedBy({ host, stack }: Session): { readonly stack: StackIdentity; readonly theirs: string; readonly network: string }[] {
  return listAllocations(host).flatMap((other) =>
    Object.entries(other.allocation.joined).flatMap(([theirs, key]) =>
      key.startsWith(`${stack.id}/`) && other.stack.id !== stack.id
        ? [{ stack: other.stack, theirs, network: key.slice(stack.id.length + 1) }]
        : [],
    ),
  );
}
