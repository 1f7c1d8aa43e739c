/** Jumps from built-in chains, which are others' as much as ours, into chains of ours. */
import type { Jump, JumpState, TableState } from '../model/firewall.ts';
import { markComment } from './iptables-mark.ts';

/** What is wrong with a jump as it is: `not found`, `comes too late`. Undefined: nothing. */
export function jumpFault(jump: Jump, observed: Pick<TableState, 'jumps' | 'refusals'>): string | undefined {
  const [found, ...more] = observed.jumps.filter((one) => isSameJump(jump, one));
  if (!found) return 'not found';
  if (more.length > 0) return `found ${more.length + 1} times`;
  if (found.mark !== jump.mark) return 'changed';
  return isMisplaced(jump.position, found, observed.refusals) ? 'comes too late' : undefined;
}

export function isSameJump(a: Pick<Jump, 'chain'> & { readonly builtin: string }, b: Pick<JumpState, 'builtin' | 'chain'>): boolean {
  return a.builtin === b.builtin && a.chain === b.chain;
}

/**
 * Only in FORWARD, where others accept what crosses networks of ours (Docker puts itself first whenever it starts) and refuse the rest:
 * elsewhere who is first doesn't matter, and nobody is to be fought for it.
 */
function isMisplaced(position: Jump['position'], { builtin, afterOthers, number }: JumpState, refusals: TableState['refusals']): boolean {
  if (builtin !== 'FORWARD') return false;
  return position === 'first' ? afterOthers : number > (refusals[builtin] ?? Number.POSITIVE_INFINITY);
}

export interface JumpChange {
  /** Lines for iptables-restore that delete what is wrong. They name the rule, never its number: between reading and writing, others may write. */
  readonly remove: readonly string[];
  readonly add: readonly string[];
}

export function changeJumps(desired: readonly Jump[], observed: Pick<TableState, 'jumps' | 'refusals'> | undefined): JumpChange {
  const state = observed ?? { jumps: [], refusals: {} };
  const missing = desired.filter((jump) => jumpFault(jump, state) !== undefined);
  const wrong = state.jumps.filter((found) => {
    const wanted = desired.find((jump) => isSameJump(jump, found));
    return wanted === undefined || missing.includes(wanted);
  });
  return {
    remove: wrong.map(({ builtin, rule }) => `-D ${builtin} ${rule}`),
    // The number of a rule that refuses all is told before anything is put in front of it, and each `first` goes before the one before it.
    add: [
      ...missing.filter(({ position }) => position === 'last').map((jump) => addLast(jump, state.refusals[jump.builtin], wrong)),
      ...missing
        .filter(({ position }) => position === 'first')
        .map((jump) => `-I ${jump.builtin} ${body(jump)}`)
        .reverse(),
    ],
  };
}

function addLast(jump: Jump, refusal: number | undefined, removed: readonly JumpState[]): string {
  if (refusal === undefined) return `-A ${jump.builtin} ${body(jump)}`;
  const before = removed.filter(({ builtin, number }) => builtin === jump.builtin && number < refusal).length;
  return `-I ${jump.builtin} ${refusal - before} ${body(jump)}`;
}

function body({ match, mark, chain }: Jump): string {
  return [match, markComment(mark), '-j', chain].filter((part) => part !== '').join(' ');
}
