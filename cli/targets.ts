import type { ContainerListing, Engine } from '../engine/model/engine.ts';
import { TsstackError } from '../engine/model/errors.ts';
import type { LoadedStack } from './context.ts';
import { suggestion } from './suggest.ts';

/**
 * Services and containers that words name, by their short names: `web`, `web-1` for `shop-web-1`. Known are those of the stack file, if it could be
 * read, and those that are there. Undefined for no words: all.
 * @throws TsstackError `usage`, with the nearest right name.
 */
export async function checkKnown(
  words: readonly string[],
  { engine, stack }: { readonly engine: Engine; readonly stack: LoadedStack | undefined },
): Promise<readonly string[] | undefined> {
  if (words.length === 0) return undefined;
  const prefix = `${engine.identity.name}-`;
  const names = new Set(Object.keys(stack?.spec.services ?? {}));
  const shorten = (word: string) => (!names.has(word) && word.startsWith(prefix) ? word.slice(prefix.length) : word);
  // Of a known service any container may be asked for: it may have been there, and left its logs.
  const isKnown = (word: string) => names.has(shorten(word)) || names.has(shorten(word).replace(/-\d+$/, ''));
  if (!words.every(isKnown)) for (const { name, service } of await engine.ps()) names.add(service).add(name);
  for (const word of words) if (!isKnown(word)) throw unknown(word, [...names], engine.identity.name);
  return words.map(shorten);
}

/** Whether a container is one of those that were named, by short names. */
export function isNamed({ name, service }: Pick<ContainerListing, 'name' | 'service'>, names: readonly string[] | undefined): boolean {
  return names === undefined || names.includes(service) || names.includes(name);
}

function unknown(word: string, names: readonly string[], stack: string): TsstackError {
  return new TsstackError(`there is no service or container \`${word}\` in stack \`${stack}\``, {
    code: 'usage',
    hint: suggestion(word, names),
  });
}
