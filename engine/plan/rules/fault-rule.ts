import { faultDrift } from '../../codec/fault-tree.ts';
import { make, NOT_DECLARED, NOT_FOUND, NOTHING, type Rule, remove } from './rule.ts';

/** The hash is the filters' handle: with it and the number of things, what was changed by hand is found. */
export const faultRule: Rule<'fault'> = (_id, { desired, observed }, { renewed }) => {
  if (!desired) return observed ? remove({ kind: 'fault.delete', ifname: observed.ifname }, NOT_DECLARED) : NOTHING;
  if (renewed && observed) return make({ kind: 'fault.set', fault: desired, observed: undefined }, 'its link is recreated');
  if (!observed) return make({ kind: 'fault.set', fault: desired, observed }, NOT_FOUND);
  const cause = faultDrift(desired, observed);
  return cause === undefined ? NOTHING : make({ kind: 'fault.set', fault: desired, observed }, cause);
};
