/** Rules of containers and the processes in them. */
import type { ContainerRecord, ContainerStatus } from '../../model/container.ts';
import type { Policy } from '../../model/plan.ts';
import type { ContainerSpec, ContainerState } from '../../model/resources.ts';
import { changedParts } from '../config-hash.ts';
import { type Changes, make, NOT_DECLARED, NOTHING, type Order, type Rule, remove } from './rule.ts';

export const containerRule: Rule<'container'> = (_id, { desired, observed }, { policy, order }) => {
  if (!desired) return observed ? remove({ kind: 'container.delete', name: observed.name }, NOT_DECLARED) : NOTHING;
  if (order.kind === 'stop') return NOTHING;
  if (!observed) return make({ kind: 'container.create', container: desired, keepUpper: false }, 'no existing container');
  const replacement = replacementCause(desired, observed, policy);
  if (replacement !== undefined) return replace(desired, replacement);
  const ending = policy.repair ? driftCause(observed.status) : creationCause(observed.status, desired.record);
  // The kernel lets nobody put a mount back under a process that has it open: it is started again.
  const again =
    order.kind === 'restart' ? (endCause(observed.status) ?? order.cause) : (ending ?? mountCause(observed) ?? leftCause(observed));
  if (again !== undefined) return createAgain(desired, observed, { cause: again, policy, order });
  const record = asMounted(desired.record, observed.record);
  if (policy.repair || JSON.stringify(record) === JSON.stringify(observed.record)) return NOTHING;
  return make({ kind: 'container.update', container: { ...desired, record } }, recordChange(observed.record, record));
};

/** What goes on as it is has the resolv.conf that it was made with, which is no part of the config hash. */
function asMounted(desired: ContainerRecord, observed: ContainerRecord | undefined): ContainerRecord {
  const had = observed?.launch.mounts.find(({ target }) => target === '/etc/resolv.conf');
  if (!had) return desired;
  const mounts = desired.launch.mounts.map((mount) => (mount.target === had.target ? had : mount));
  return { ...desired, launch: { ...desired.launch, mounts } };
}

function replace(container: ContainerSpec, cause: string): Changes {
  return {
    remove: [{ op: { kind: 'container.delete', name: container.name }, cause }],
    make: [{ op: { kind: 'container.create', container, keepUpper: false }, cause }],
  };
}

interface Again {
  readonly cause: string;
  readonly policy: Policy;
  readonly order: Order;
}

/** A job that nobody asked to go on begins with nothing. */
function createAgain(desired: ContainerSpec, { record }: ContainerState, { cause, policy, order }: Again): Changes {
  const container = policy.repair && record ? { ...desired, record: unchangedRecord(record, desired.record) } : desired;
  const keepUpper = desired.record.kind === 'service' || order.kind === 'restart';
  return make({ kind: 'container.create', container, keepUpper }, cause);
}

/**
 * What a repair brings back is what was there: after a roll-out that was stopped, the old version, judged by its own health check. Where
 * it is reached is no part of that: links and rules around it are made as declared.
 */
function unchangedRecord(before: ContainerRecord, { addresses, ports }: ContainerRecord): ContainerRecord {
  return { ...before, addresses, ports };
}

/** Why what is there can't be used at all. */
function replacementCause(desired: ContainerSpec, { record }: ContainerState, policy: Policy): string | undefined {
  if (!record) return 'it was never finished';
  if (policy.repair) return undefined;
  if (policy.forceRecreate) return 'recreation is forced';
  if (record.configHash === desired.record.configHash) return undefined;
  return `${changedParts(record, desired.record).join(', ') || 'configuration'} changed`;
}

/** Why its namespaces must be made once more: a stopped container has none. Undefined: it runs, or it is a job that is done. */
function creationCause(status: ContainerStatus, { kind, rerun }: ContainerRecord): string | undefined {
  const completed = status.state === 'stopped' && kind === 'job' && status.exit?.code === 0;
  if (!completed) return endCause(status);
  return rerun === 'always' ? 'it runs at every up' : undefined;
}

/** Why it must come back though nobody asked for it: what ended by itself stays as it is, what others ended doesn't. */
function driftCause(status: ContainerStatus): string | undefined {
  const { state, exit } = status;
  if (state === 'stopped' && exit === undefined) return 'its monitor was killed';
  return state === 'stopped' && !exit?.initKilled ? undefined : endCause(status);
}

function mountCause({ lostMounts }: ContainerState): string | undefined {
  if (lostMounts === undefined || lostMounts.length === 0) return undefined;
  return `${lostMounts.join(', ')} ${lostMounts.length === 1 ? 'was' : 'were'} unmounted or deleted`;
}

/** Whoever it joined was started again, and nobody followed: a supervisor was killed between the two. */
function leftCause({ leftBehind }: ContainerState): string | undefined {
  return leftBehind === undefined ? undefined : `${leftBehind} has another network namespace`;
}

/** Why it doesn't run. Undefined: it does. One that was created and not started has a monitor that waits for a launcher that may be gone. */
function endCause({ state, exit }: ContainerStatus): string | undefined {
  if (state === 'running') return undefined;
  if (state !== 'stopped') return 'it was never started';
  if (!exit) return 'it stopped and nobody saw why';
  if (exit.initKilled) return 'its init was killed from outside';
  if (exit.oomKilled) return 'it ran out of memory';
  return exit.signal === undefined ? `it exited with code ${exit.code}` : `it was ended by signal ${exit.signal}`;
}

function recordChange(before: ContainerRecord | undefined, after: ContainerRecord): string {
  const keys = (Object.keys(after) as (keyof ContainerRecord)[]).filter(
    (key) => JSON.stringify(before?.[key]) !== JSON.stringify(after[key]),
  );
  return `${keys.map((key) => (key === 'launch' ? 'settings' : key)).join(', ')} changed`;
}

/** Starts what its container's rule has created anew. A running process is stopped when it must not go on. */
export const processRule: Rule<'process'> = (_id, { desired, observed }, { renewed, order }) => {
  const alive = observed && observed.status.init !== undefined && observed.status.state !== 'stopped' ? observed : undefined;
  const stop = alive && {
    kind: 'container.stop' as const,
    name: alive.name,
    status: alive.status,
    stopSignal: alive.stopSignal,
    stopGracePeriodMs: alive.stopGracePeriodMs,
  };
  if (!desired) return stop ? remove(stop, NOT_DECLARED) : NOTHING;
  if (order.kind === 'stop') return stop ? remove(stop, order.cause) : NOTHING;
  if (!renewed) return NOTHING;
  const cause = order.kind === 'restart' ? order.cause : 'its container is recreated';
  return {
    remove: stop ? [{ op: stop, cause }] : [],
    make: [{ op: { kind: 'container.start', process: desired }, cause: observed ? cause : 'created' }],
  };
};
