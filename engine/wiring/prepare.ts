/** The way from a spec to a plan: observe, gather facts, lower, reconcile. */
import fs from 'node:fs';
import type { StackSpec } from '../../dsl/spec.ts';
import { surveyFirewall } from '../kernel/host-facts-firewall.ts';
import { TsstackError } from '../model/errors.ts';
import type { FirewallDriver, HostFacts, Images, ListeningSocket } from '../model/facts.ts';
import type { Plan, Policy } from '../model/plan.ts';
import type { PortLead } from '../model/ports.ts';
import { type ContainerState, type Desired, nothingDesired } from '../model/resources.ts';
import { lower } from '../plan/lower.ts';
import { reconcile } from '../plan/reconcile.ts';
import { readAllocations, writeAllocation } from '../store/allocation.ts';
import { DirectoryLock } from '../store/lock.ts';
import type { NetworkClaims } from '../store/network-claims.ts';
import { stageDirectory } from '../store/paths.ts';
import { gatherExternals } from './external-networks.ts';
import { gatherFacts } from './facts.ts';
import { inUseObstacles } from './network-users.ts';
import { observeStack } from './observe.ts';
import type { Session } from './session.ts';

export const DEFAULT_POLICY: Policy = {
  forceRecreate: false,
  deleteVolumes: false,
  services: undefined,
  containers: undefined,
  repair: false,
  restart: [],
  stopped: [],
  returning: [],
  conditions: undefined,
};

/** Throws `permission` with the way out. */
export function requireRoot(what: string): void {
  if (process.getuid?.() === 0) return;
  throw new TsstackError(`cannot ${what}: tsstack makes network interfaces, mounts and namespaces, which takes root`, {
    code: 'permission',
    hint: 'run it with sudo',
  });
}

/** The folders that all stacks share. */
export function makeHostDirectories({ host }: Session): void {
  const stacks = `${host.stateDirectory}/stacks`;
  fs.mkdirSync(stacks, { recursive: true, mode: 0o711 });
  // For root alone: with a user of the host that may come in, a container could leave a program with the set-user-ID bit in a volume.
  if ((fs.statSync(stacks).mode & 0o777) !== 0o700) fs.chmodSync(stacks, 0o700);
  fs.mkdirSync(stageDirectory(host), { recursive: true, mode: 0o711 });
}

/** Those that every change of one stack works in. */
export function makeStackDirectories({ paths }: Session): void {
  for (const directory of [paths.containers, paths.hosts, paths.resolv, paths.logs, paths.volumes])
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
}

export interface PlanUpOptions {
  readonly policy: Policy;
  readonly images: Images;
  readonly keep: boolean;
  /** Of `keep`: takes the ports that the plan publishes. Resolves to the sockets of others in the way, if it can't. */
  readonly reserve?: (leads: readonly PortLead[]) => Promise<readonly ListeningSocket[]>;
  /** Of `keep`: shared networks that the plan joins stay, and those that it removes are joined by nobody, until these end. */
  readonly claims?: NetworkClaims;
  /** Whether a supervisor answers for names. Default true. */
  readonly hasNameServer?: boolean;
  /** Asked for by the user (`TSSTACK_FIREWALL`). Undefined: what the stack has, or what suits the host. */
  readonly firewall?: FirewallDriver | undefined;
  readonly signal: AbortSignal;
}

/**
 * The plan of `up`. When it is to be `kept`, it is made under the host's lock, from reading what other stacks hold to writing down what
 * this one takes: two stacks never get one subnet. Hashing files and making images comes before. A plan with obstacles takes nothing.
 * Ports are bound under that lock, too. INVARIANT: nobody else of this process asks for it meanwhile, since it is waited for without the event
 * loop; a process has one `up` at a time.
 */
export async function planUp(
  session: Session,
  spec: StackSpec,
  { policy, images, keep, hasNameServer = true, reserve, claims, firewall, signal }: PlanUpOptions,
): Promise<{ readonly plan: Plan; readonly desired: Desired }> {
  const { host, stack, paths } = session;
  // One reading for both: what there is of ours, and which driver is to keep it.
  const survey = surveyFirewall();
  const observed = await observeStack(session, { inside: true, survey, signal });
  const ownLinks = new Set(observed.resources.flatMap((resource) => (resource.kind === 'link' ? [resource.state.ifname] : [])));
  const withoutNameServer = observed.resources.flatMap((resource) =>
    resource.kind === 'container' && hasResolvConfOfHost(resource.state) ? [resource.state.name] : [],
  );
  const gathered = await gatherFacts(spec, session, { ownLinks, images, hasNameServer, withoutNameServer, firewall, survey, signal });
  using lock = keep ? DirectoryLock.acquire(`${host.stateDirectory}/stacks`) : undefined;
  let facts: HostFacts = { ...gathered, ...readAllocations(host, stack), ...gatherExternals(spec, session, claims) };
  for (;;) {
    const { desired, allocation, notices, obstacles } = lower(spec, stack, facts);
    if (obstacles.length > 0) {
      claims?.[Symbol.dispose]();
      return { plan: { stack: stack.name, steps: [], notices, confirmations: [], obstacles, waiting: {}, unreached: [] }, desired };
    }
    const reconciled = reconcile(desired, observed, { ...policy, services: withDependencies(spec, policy.services) });
    const plan = withInUse(reconciled, session, claims);
    const planned = { plan: { ...plan, notices: [...notices, ...plan.notices] }, desired };
    if (plan.obstacles.length > 0) claims?.[Symbol.dispose]();
    if (!lock || plan.obstacles.length > 0) return planned;
    const inTheWay = (await reserve?.(desired.ports)) ?? [];
    if (inTheWay.length === 0) {
      writeAllocation(paths.allocation, stack, allocation);
      return planned;
    }
    // Each time there is more in the way, so this ends: with other ports, or with an obstacle that says who has one.
    facts = withTaken(facts, inTheWay);
  }
}

/** Somebody was faster, or has taken what this stack held while nobody looked after it. */
function withTaken(facts: HostFacts, sockets: readonly ListeningSocket[]): HostFacts {
  return { ...facts, listening: [...facts.listening, ...sockets] };
}

/** As versions without a DNS server made it. */
function hasResolvConfOfHost({ record }: ContainerState): boolean {
  return record?.launch.mounts.some(({ type, target }) => type === 'content' && target === '/etc/resolv.conf') ?? false;
}

export async function planDown(
  session: Session,
  { deleteVolumes, signal }: { readonly deleteVolumes: boolean; readonly signal: AbortSignal },
): Promise<Plan> {
  const observed = await observeStack(session, { inside: false, signal });
  const plan = reconcile(nothingDesired(session.stack.name), observed, { ...DEFAULT_POLICY, deleteVolumes });
  return { ...plan, notices: [] };
}

function withInUse(plan: Plan, session: Session, claims: NetworkClaims | undefined): Plan {
  const inUse = inUseObstacles(plan, session, claims);
  return inUse.length === 0 ? plan : { ...plan, steps: [], obstacles: [...plan.obstacles, ...inUse] };
}

/** Throws what stands in the way, all of it at once. */
export function throwObstacles({ obstacles }: Plan): void {
  const [first, ...rest] = obstacles;
  if (!first) return;
  const message = obstacles
    .map((obstacle) => (rest.length > 0 && obstacle.hint ? `${obstacle.message} (${obstacle.hint})` : obstacle.message))
    .join('\n');
  throw new TsstackError(message, { code: 'obstacle', hint: rest.length === 0 ? first.hint : undefined });
}

/** The services chosen and all that they depend on. Undefined: all. */
export function withDependencies(spec: StackSpec, services: readonly string[] | undefined): readonly string[] | undefined {
  if (services === undefined) return undefined;
  const all = new Set<string>();
  const add = (name: string) => {
    if (all.has(name)) return;
    all.add(name);
    const service = spec.services[name];
    for (const dependency of Object.keys(service?.dependsOn ?? {})) add(dependency);
    if (service?.networkMode.kind === 'service') add(service.networkMode.service);
  };
  for (const name of services) add(name);
  return [...all].sort();
}
