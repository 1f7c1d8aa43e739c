/** What makes a chain that is there into the one that must be, rule by rule. */
import type { Chain, ChainRule } from '../model/firewall.ts';
import { markComment } from './iptables-mark.ts';

/** Beyond so many pairs, to compare all with all would cost more than to write the chain again. */
const MOST_PAIRS = 1_000_000;

/** Lines for iptables-restore, to be carried out one after the other. Undefined: to write it again as a whole is less. */
export function chainEdits({ name, rules }: Chain, marks: readonly (string | undefined)[]): string[] | undefined {
  const same = (i: number, j: number) => marks[i] !== undefined && marks[i] === rules[j]?.mark;
  let start = 0;
  while (start < rules.length && same(start, start)) start++;
  let end = 0;
  while (end < Math.min(rules.length, marks.length) - start && same(marks.length - 1 - end, rules.length - 1 - end)) end++;
  const [old, wanted] = [marks.slice(start, marks.length - end), rules.slice(start, rules.length - end)];
  if (old.length * wanted.length > MOST_PAIRS) return undefined;
  const edits = describe(name, { from: start + 1, steps: steps(old, wanted) });
  return edits.length > rules.length / 2 + 4 ? undefined : edits;
}

export function appendRule(chain: string, { text, mark }: ChainRule): string {
  return `-A ${chain} ${markedText({ text, mark })}`;
}

/** The comment goes before the target, where iptables-save puts it as well. */
function markedText({ text, mark }: ChainRule): string {
  const target = /(?:^| )-[jg] \S+.*$/.exec(text);
  const [match, rest] = target ? [text.slice(0, target.index).trim(), target[0].trim()] : [text, ''];
  return [match, markComment(mark), rest].filter((part) => part !== '').join(' ');
}

type EditStep = { readonly kind: 'keep' } | { readonly kind: 'delete' } | { readonly kind: 'insert'; readonly rule: ChainRule };

/** `from`: number of the rule at which the steps begin. */
function describe(name: string, { from, steps: todo }: { readonly from: number; readonly steps: readonly EditStep[] }): string[] {
  let number = from;
  return todo.flatMap((step) => {
    if (step.kind === 'delete') return [`-D ${name} ${number}`];
    const at = number++;
    return step.kind === 'keep' ? [] : [`-I ${name} ${at} ${markedText(step.rule)}`];
  });
}

/** By the longest common subsequence: `lengths[i][j]` is that of what is left from i and j on. */
function steps(old: readonly (string | undefined)[], wanted: readonly ChainRule[]): EditStep[] {
  const lengths = Array.from({ length: old.length + 1 }, () => new Array<number>(wanted.length + 1).fill(0));
  const at = (i: number, j: number) => lengths[i]?.[j] ?? 0;
  const same = (i: number, j: number) => old[i] !== undefined && old[i] === wanted[j]?.mark;
  for (let i = old.length - 1; i >= 0; i--) {
    const row = lengths[i] ?? [];
    for (let j = wanted.length - 1; j >= 0; j--) row[j] = same(i, j) ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  }
  const result: EditStep[] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < wanted.length) {
    const rule = wanted[j];
    if (rule !== undefined && same(i, j)) {
      result.push({ kind: 'keep' });
      i++;
      j++;
    } else if (i < old.length && (rule === undefined || at(i + 1, j) >= at(i, j + 1))) {
      result.push({ kind: 'delete' });
      i++;
    } else if (rule !== undefined) {
      result.push({ kind: 'insert', rule });
      j++;
    }
  }
  return result;
}
