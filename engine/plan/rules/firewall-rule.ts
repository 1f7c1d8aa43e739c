import { isSameJump, jumpFault } from '../../codec/iptables-jumps.ts';
import type { Chain, TableState } from '../../model/firewall.ts';
import type { TableSpec } from '../../model/resources.ts';
import { make, NOT_DECLARED, NOT_FOUND, NOTHING, type Rule, remove } from './rule.ts';

/** The marks of rules are compared, never their text. What differs is changed by the driver, rule by rule; a table is one op. */
export const firewallRule: Rule<'firewall'> = (_id, { desired, observed }) => {
  const present = observed && (observed.chains.length > 0 || observed.jumps.length > 0) ? observed : undefined;
  if (!desired) return present ? remove({ kind: 'firewall.delete', observed: present }, NOT_DECLARED) : NOTHING;
  if (!present && desired.chains.length === 0) return NOTHING;
  const cause = present ? drift(desired, present) : NOT_FOUND;
  return cause === undefined ? NOTHING : make({ kind: 'firewall.replace', table: desired, observed }, cause);
};

function drift(desired: TableSpec, observed: TableState): string | undefined {
  for (const { name } of observed.chains) {
    if (!desired.chains.some((chain) => chain.name === name)) return `chain ${name} is not declared any more`;
  }
  for (const chain of desired.chains) {
    const cause = chainDrift(chain, observed);
    if (cause !== undefined) return cause;
  }
  for (const jump of desired.jumps) {
    const fault = jumpFault(jump, observed);
    if (fault !== undefined) return `jump from ${jump.builtin} to ${jump.chain} ${fault}`;
  }
  const stale = observed.jumps.find((jump) => !desired.jumps.some((wanted) => isSameJump(wanted, jump)));
  return stale && `jump from ${stale.builtin} to ${stale.chain} is not declared any more`;
}

function chainDrift({ name, rules }: Chain, observed: TableState): string | undefined {
  const found = observed.chains.find((chain) => chain.name === name);
  if (!found) return `chain ${name} not found`;
  const wanted = rules.map(({ mark }) => mark);
  if (wanted.join() === found.marks.join()) return undefined;
  const added = count(wanted, found.marks);
  const gone = count(found.marks, wanted);
  const parts = [...(added > 0 ? [`${added} to add`] : []), ...(gone > 0 ? [`${gone} to remove`] : [])];
  return `rules of chain ${name}: ${parts.join(', ') || 'another order'}`;
}

/** How many of `these` aren't among `those`. */
function count(these: readonly unknown[], those: readonly unknown[]): number {
  const left = [...those];
  return these.filter((one) => {
    const at = left.indexOf(one);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  }).length;
}
