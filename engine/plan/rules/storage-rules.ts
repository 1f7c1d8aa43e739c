/** Rules of volumes, files and cgroups. */
import { cgroupDrift } from '../../codec/cgroup-writes.ts';
import { make, NOT_DECLARED, NOT_FOUND, NOTHING, type Rule, remove } from './rule.ts';

/** `67108864` → `64MiB`, as people wrote it, when it is a whole number of them. */
function inUnits(file: string, value: string): string {
  if (!file.startsWith('memory.') || !/^\d+$/.test(value)) return value;
  const units = ['', 'KiB', 'MiB', 'GiB'];
  let amount = Number(value);
  let unit = 0;
  while (amount !== 0 && amount % 1024 === 0 && unit < units.length - 1) {
    amount /= 1024;
    unit++;
  }
  // v1's word for no limit.
  return amount > 2 ** 40 ? 'max' : `${amount}${units[unit]}`;
}

/** A volume that isn't declared any more stays, unless its removal is asked for: it holds what people made. */
export const volumeRule: Rule<'volume'> = (_id, { desired, observed }, { policy }) => {
  if (desired) return observed ? NOTHING : make({ kind: 'volume.create', volume: desired }, NOT_FOUND);
  return observed && policy.deleteVolumes ? remove({ kind: 'volume.delete', volume: observed }, 'volumes are to be removed') : NOTHING;
};

export const fileRule: Rule<'file'> = (_id, { desired, observed }) => {
  if (!desired) return observed ? remove({ kind: 'file.delete', path: observed.path }, NOT_DECLARED) : NOTHING;
  if (observed?.content === desired.content) return NOTHING;
  return make({ kind: 'file.write', file: desired }, observed ? 'content changed' : NOT_FOUND);
};

export const cgroupRule: Rule<'cgroup'> = (_id, { desired, observed }) => {
  if (!desired) return observed ? remove({ kind: 'cgroup.delete', path: observed.path }, NOT_DECLARED) : NOTHING;
  if (!observed) return make({ kind: 'cgroup.create', cgroup: desired }, NOT_FOUND);
  const drift = cgroupDrift(desired.writes, observed.values);
  if (drift.length === 0) return NOTHING;
  const cause = drift.map(({ file, before, value }) => `${file} ${inUnits(file, before ?? 'unset')} → ${inUnits(file, value)}`).join(', ');
  const writes = drift.map(({ controller, file, value }) => ({ controller, file, value }));
  return make({ kind: 'cgroup.update', cgroup: { ...desired, writes } }, cause);
};
