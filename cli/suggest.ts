import { nearest } from '../dsl/suggest.ts';

/** A hint for a word that is none of the candidates: the nearest one, or all of them if they are few. */
export function suggestion(
  word: string,
  candidates: readonly string[],
  format: (name: string) => string = (name) => name,
): string | undefined {
  const near = nearest(word, candidates);
  if (near !== undefined) return `did you mean \`${format(near)}\`?`;
  if (candidates.length === 0 || candidates.length > 12) return undefined;
  const list = candidates.map((name) => `\`${format(name)}\``).join(', ');
  return candidates.length === 1 ? `there is only ${list}` : `there are ${list}`;
}
