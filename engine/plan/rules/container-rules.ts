/** Rules of containers and the processes in them. */
import type { ContainerRecord, ContainerStatus } from '../../model/container.ts';
import type { Policy } from '../../model/plan.ts';
import type { ContainerSpec, ContainerState } from '../../model/resources.ts';
import { changedParts } from '../config-hash.ts';
import { type Changes, make, NOT_DECLARED, NOTHING, type Rule, remove } from './rule.ts';

export const containerRule: Rule<'container'> = (_id, { desired, observed }, { policy }) => {
  if (!desired) return observed ? remove({ kind: 'container.delete', name: observed.name }, NOT_DECLARED) : NOTHING;
  if (!observed) return make({ kind: 'container.create', container: desired, keepUpper: false }, 'no existing container');
  const replacement = replacementCause(desired, observed, policy);
  if (replacement !== undefined) return replace(desired, replacement);
  const again = creationCause(observed.status, desired.record);
  if (again !== undefined) {
    const keepUpper = desired.record.kind === 'service';
    return make({ kind: 'container.create', container: desired, keepUpper }, again);
  }
  if (JSON.stringify(desired.record) === JSON.stringify(observed.record)) return NOTHING;
  return make({ kind: 'container.update', container: desired }, recordChange(observed.record, desired.record));
};

function replace(container: ContainerSpec, cause: string): Changes {
  return {
    remove: [{ op: { kind: 'container.delete', name: container.name }, cause }],
    make: [{ op: { kind: 'container.create', container, keepUpper: false }, cause }],
  };
}

/** Why what is there can't be used at all. */
function replacementCause(desired: ContainerSpec, { record, status }: ContainerState, policy: Policy): string | undefined {
  if (!record) return 'it was never finished';
  if (policy.forceRecreate) return 'recreation is forced';
  if (record.configHash !== desired.record.configHash) {
    return `${changedParts(record, desired.record).join(', ') || 'configuration'} changed`;
  }
  // Its monitor waits for a launcher that is gone.
  return status.state === 'created' || status.state === 'creating' ? 'it was never started' : undefined;
}

/** Why its namespaces must be made once more: a stopped container has none. Undefined: it runs, or it is a job that is done. */
function creationCause(status: ContainerStatus, record: ContainerRecord): string | undefined {
  if (status.state !== 'stopped') return undefined;
  if (!status.exit) return 'it stopped and nobody saw why';
  const ended = status.exit.signal === undefined ? `exited with code ${status.exit.code}` : `was ended by signal ${status.exit.signal}`;
  const cause = status.exit.oomKilled ? `ran out of memory` : ended;
  const completed = record.kind === 'job' && status.exit.code === 0;
  if (!completed) return `it ${cause}`;
  return record.rerun === 'always' ? 'it runs at every up' : undefined;
}

function recordChange(before: ContainerRecord | undefined, after: ContainerRecord): string {
  const keys = (Object.keys(after) as (keyof ContainerRecord)[]).filter(
    (key) => JSON.stringify(before?.[key]) !== JSON.stringify(after[key]),
  );
  return `${keys.map((key) => (key === 'launch' ? 'settings' : key)).join(', ')} changed`;
}

/** Starts what its container's rule has created anew. A running process is stopped when it must not go on. */
export const processRule: Rule<'process'> = (_id, { desired, observed }, { renewed }) => {
  const alive = observed && observed.status.init !== undefined && observed.status.state !== 'stopped' ? observed : undefined;
  const stop = alive && {
    kind: 'container.stop' as const,
    name: alive.name,
    status: alive.status,
    stopSignal: alive.stopSignal,
    stopGracePeriodMs: alive.stopGracePeriodMs,
  };
  if (!desired) return stop ? remove(stop, NOT_DECLARED) : NOTHING;
  if (!renewed) return NOTHING;
  return {
    remove: stop ? [{ op: stop, cause: 'its container is recreated' }] : [],
    make: [{ op: { kind: 'container.start', process: desired }, cause: observed ? 'its container is recreated' : 'created' }],
  };
};
