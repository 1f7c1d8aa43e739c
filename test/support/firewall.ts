/** Chains and jumps for tests, with marks as the plan makes them: a hash of what they say. */
import { createHash } from 'node:crypto';
import type { Chain, Jump } from '../../engine/model/firewall.ts';

export function markFor(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

export function chainOf(name: string, ...rules: readonly string[]): Chain {
  return { name, rules: rules.map((text) => ({ text, mark: markFor(text) })) };
}

export function jumpOf(parts: Pick<Jump, 'builtin' | 'chain'> & Partial<Jump>): Jump {
  const jump = { position: 'first', match: '', ...parts } as const;
  return { mark: markFor(`${jump.match} ${jump.chain}`), ...jump };
}
