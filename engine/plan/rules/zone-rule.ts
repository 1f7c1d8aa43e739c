import { make, NOT_DECLARED, NOT_FOUND, NOTHING, type Rule, remove } from './rule.ts';

/** A bridge that somebody has put into another zone stays there. */
export const zoneRule: Rule<'zone'> = (_id, { desired, observed }) => {
  if (!desired) return observed?.zone === 'trusted' ? remove({ kind: 'zone.forget', ifname: observed.ifname }, NOT_DECLARED) : NOTHING;
  return observed ? NOTHING : make({ kind: 'zone.trust', ifname: desired.ifname }, NOT_FOUND);
};
