/** What there is to do about a stack's table of nftables: nothing, some elements and chains of it, or all of it. */
import type { NftablesChange, NftablesSpec, NftablesState, NftChain, NftChainState, NftHook, NftSet } from '../model/nftables.ts';

export type NftablesDifference =
  | { readonly kind: 'none' }
  | { readonly kind: 'some'; readonly change: NftablesChange; readonly cause: string }
  /** What can't be changed in place: a set's type, a chain's hook. */
  | { readonly kind: 'all'; readonly cause: string };

export function compareNftables(desired: NftablesSpec, observed: NftablesState): NftablesDifference {
  const cause = skeletonCause(desired, observed);
  if (cause !== undefined) return { kind: 'all', cause };
  const found = new Map(observed.chains.map((chain) => [chain.name, chain]));
  const chains = desired.chains.filter((chain) => !sameRules(chain, found.get(chain.name)));
  const staleChains = observed.chains.map(({ name }) => name).filter((name) => !desired.chains.some((chain) => chain.name === name));
  const sets = desired.sets.flatMap((set) => {
    const there = new Set(observed.sets.find(({ name }) => name === set.name)?.elements);
    const wanted = new Set(set.elements);
    const add = set.elements.filter((element) => !there.has(element));
    const remove = [...there].filter((element) => !wanted.has(element));
    return add.length + remove.length > 0 ? [{ set, add, remove }] : [];
  });
  const causes = [
    ...chains.map((chain) => chainCause(chain, found.get(chain.name))),
    ...staleChains.map((name) => `chain ${name} is not declared any more`),
    ...sets.flatMap(({ set, add, remove }) => [
      ...add.map((element) => `${element} not found in ${set.name}`),
      ...remove.map((element) => `${element} in ${set.name} is not declared`),
    ]),
  ];
  const [first, ...rest] = causes;
  if (first === undefined) return { kind: 'none' };
  const more = rest.length > 0 ? `, and ${rest.length} more` : '';
  return { kind: 'some', change: { name: desired.name, chains, staleChains, sets }, cause: `${first}${more}` };
}

/** Why not even the frame is right. */
function skeletonCause(desired: NftablesSpec, observed: NftablesState): string | undefined {
  const sets = new Map(observed.sets.map((set) => [set.name, set]));
  for (const set of desired.sets) {
    const found = sets.get(set.name);
    if (!found) return `set ${set.name} not found`;
    if (typeOf(found) !== typeOf(set)) return `set ${set.name} has elements of another type`;
  }
  const foreign = observed.sets.find(({ name }) => !desired.sets.some((set) => set.name === name));
  if (foreign) return `set ${foreign.name} is not declared`;
  const chains = new Map(observed.chains.map((chain) => [chain.name, chain]));
  for (const { name, base } of desired.chains) {
    const found = chains.get(name);
    if (base && !found) return `chain ${name} not found`;
    if (found && !sameBase(base, found.base)) return `chain ${name} has another hook`;
  }
  const hooked = observed.chains.find(({ name, base }) => base && !desired.chains.some((chain) => chain.name === name));
  return hooked ? `chain ${hooked.name} is not declared` : undefined;
}

function typeOf({ key, value, interval }: NftSet): string {
  return JSON.stringify([key, value ?? null, interval]);
}

function sameBase(desired: NftHook | undefined, found: NftChainState['base']): boolean {
  if (!desired || !found) return desired === found;
  const { type, hook, priority } = desired;
  return found.type === type && found.hook === hook && found.priority === priority && found.policy === 'accept';
}

function sameRules({ rules }: NftChain, found: NftChainState | undefined): boolean {
  return found !== undefined && found.rules.length === rules.length && rules.every(({ comment }, i) => found.rules[i] === comment);
}

function chainCause({ name, rules }: NftChain, found: NftChainState | undefined): string {
  if (!found) return `chain ${name} not found`;
  if (found.rules.length === rules.length) return `rules of chain ${name} changed`;
  return `chain ${name} has ${found.rules.length} rules instead of ${rules.length}`;
}
