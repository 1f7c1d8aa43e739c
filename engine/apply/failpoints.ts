/**
 * Faults on purpose, for tests: `TSSTACK_FAILPOINTS='link.create=2*error(EBUSY)->delay(50);#7.after=kill'`.
 *
 *   points := point (';' point)*            point  := where '=' term ('->' term)*
 *   where  := (op kind | '#' step) ['.after']        without `.after`: before the op
 *   term   := [count '*'] action            without a count: from then on always
 *   action := 'off' | 'error(' errno or words ')' | 'delay(' ms ')' | 'stop' | 'kill'
 *
 * Grammar of containerd's failpoints (pkg/failpoint), with `kill` for its panic: SIGKILL to this process, which nothing can catch. `stop` is
 * SIGSTOP: whoever does something else meanwhile has all the time it takes, and sends SIGCONT.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Step } from '../model/plan.ts';

type Action =
  | { readonly kind: 'off' }
  | { readonly kind: 'error'; readonly text: string }
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'stop' }
  | { readonly kind: 'kill' };

interface Term {
  readonly action: Action;
  /** Times it is still to be taken. */
  left: number;
}

export interface Failpoints {
  /** Rejects with the error that a point asks for. */
  reach(step: Step, when: 'before' | 'after'): Promise<void>;
}

/** Undefined: there are none. Throws on text that isn't of the grammar: a test must not pass because its fault was misspelt. */
export function parseFailpoints(text: string | undefined): Failpoints | undefined {
  if (text === undefined || text === '') return undefined;
  const points = new Map(text.split(';').map(parsePoint));
  return {
    async reach({ id, op }, when) {
      const suffix = when === 'after' ? '.after' : '';
      for (const where of [`#${id}${suffix}`, `${op.kind}${suffix}`]) await take(where, points.get(where));
    },
  };
}

function parsePoint(text: string): [string, Term[]] {
  const match = /^\s*(#\d+|[a-z]+\.[a-z-]+?)(\.after)?\s*=\s*(.+?)\s*$/.exec(text);
  if (!match) throw new Error(`not a failpoint: ${text}`);
  const [, where = '', after = '', terms = ''] = match;
  return [`${where}${after}`, terms.split('->').map(parseTerm)];
}

function parseTerm(text: string): Term {
  const match = /^(?:(\d+)\*)?(off|kill|stop|error|delay)(?:\(([^)]*)\))?$/.exec(text.trim());
  if (!match) throw new Error(`not a term of a failpoint: ${text}`);
  const [, count, kind, argument = ''] = match;
  const left = count === undefined ? Number.POSITIVE_INFINITY : Number(count);
  if (kind === 'error') return { action: { kind, text: argument }, left };
  if (kind === 'delay') return { action: { kind, ms: Number(argument) }, left };
  return { action: { kind: kind === 'kill' || kind === 'stop' ? kind : 'off' }, left };
}

async function take(where: string, terms: readonly Term[] | undefined): Promise<void> {
  const term = terms?.find(({ left }) => left > 0);
  if (!term) return;
  term.left--;
  const { action } = term;
  if (action.kind === 'delay') await delay(action.ms);
  if (action.kind === 'stop') process.kill(process.pid, 'SIGSTOP');
  if (action.kind === 'kill') process.kill(process.pid, 'SIGKILL');
  if (action.kind === 'error') throw Object.assign(new Error(`failpoint ${where}: ${action.text}`), { code: action.text });
}
