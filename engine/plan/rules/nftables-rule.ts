import { compareNftables } from '../nftables-change.ts';
import { make, NOT_DECLARED, NOT_FOUND, NOTHING, type Rule, remove } from './rule.ts';

/** What is right already stays: a service more is some elements more. */
export const nftablesRule: Rule<'nftables'> = (_id, { desired, observed }) => {
  if (!desired) return observed ? remove({ kind: 'nftables.delete', name: observed.name }, NOT_DECLARED) : NOTHING;
  if (!observed) return make({ kind: 'nftables.replace', table: desired }, NOT_FOUND);
  const difference = compareNftables(desired, observed);
  if (difference.kind === 'none') return NOTHING;
  if (difference.kind === 'all') return make({ kind: 'nftables.replace', table: desired }, difference.cause);
  return make({ kind: 'nftables.update', table: desired, change: difference.change }, difference.cause);
};
