/** The way from a spec to a plan: observe, gather facts, lower, reconcile. */
import fs from 'node:fs';
import type { StackSpec } from '../../dsl/spec.ts';
import { TsstackError } from '../model/errors.ts';
import type { Plan, Policy } from '../model/plan.ts';
import { lower } from '../plan/lower.ts';
import { reconcile } from '../plan/reconcile.ts';
import { writeAllocation } from '../store/allocation.ts';
import { DirectoryLock } from '../store/lock.ts';
import { stageDirectory } from '../store/paths.ts';
import { gatherFacts } from './facts.ts';
import { observeStack } from './observe.ts';
import type { Session } from './session.ts';

export const DEFAULT_POLICY: Policy = { forceRecreate: false, deleteVolumes: false, services: undefined, containers: undefined };

/** Throws `permission` with the way out. */
export function requireRoot(what: string): void {
  if (process.getuid?.() === 0) return;
  throw new TsstackError(`cannot ${what}: tsstack makes network interfaces, mounts and namespaces, which takes root`, {
    code: 'permission',
    hint: 'run it with sudo',
  });
}

/** The folders every change works in. */
export function makeDirectories({ host, paths }: Session): void {
  fs.mkdirSync(`${host.stateDirectory}/stacks`, { recursive: true, mode: 0o711 });
  fs.mkdirSync(stageDirectory(host), { recursive: true, mode: 0o711 });
  for (const directory of [paths.containers, paths.hosts, paths.logs, paths.volumes])
    fs.mkdirSync(directory, { recursive: true, mode: 0o711 });
}

/**
 * The plan of `up`. Under the host's lock from reading what other stacks hold to writing down what this one takes, when it is to
 * be `kept`: two stacks never get one subnet. A plan with obstacles takes nothing.
 */
export async function planUp(
  session: Session,
  spec: StackSpec,
  { policy, keep, signal }: { policy: Policy; keep: boolean; signal: AbortSignal },
): Promise<Plan> {
  const observed = await observeStack(session, { inside: true, signal });
  using lock = keep ? DirectoryLock.acquire(`${session.host.stateDirectory}/stacks`) : undefined;
  const facts = await gatherFacts(spec, session, signal);
  const { desired, allocation, notices, obstacles } = lower(spec, session.stack, facts);
  if (obstacles.length > 0) return { stack: session.stack.name, steps: [], notices, confirmations: [], obstacles };
  const plan = reconcile(desired, observed, { ...policy, services: withDependencies(spec, policy.services) });
  if (lock && plan.obstacles.length === 0) writeAllocation(session.paths.allocation, session.stack, allocation);
  return { ...plan, notices: [...notices, ...plan.notices] };
}

export async function planDown(
  session: Session,
  { deleteVolumes, signal }: { readonly deleteVolumes: boolean; readonly signal: AbortSignal },
): Promise<Plan> {
  const observed = await observeStack(session, { inside: false, signal });
  const plan = reconcile({ stackName: session.stack.name, resources: [] }, observed, { ...DEFAULT_POLICY, deleteVolumes });
  return { ...plan, notices: [] };
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

function withDependencies(spec: StackSpec, services: readonly string[] | undefined): readonly string[] | undefined {
  if (services === undefined) return undefined;
  const all = new Set<string>();
  const add = (name: string) => {
    if (all.has(name)) return;
    all.add(name);
    for (const dependency of Object.keys(spec.services[name]?.dependsOn ?? {})) add(dependency);
  };
  for (const name of services) add(name);
  return [...all].sort();
}
