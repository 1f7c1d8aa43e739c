/** `WWW-Authenticate: Bearer realm="…",service="…"`: what a server wants to know of us (RFC 9110, 11.6.1). */

export interface Challenge {
  /** Lower case: `bearer`, `basic`. */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: Readonly<Record<string, string>>;
}

// A scheme and its parameters are both separated by commas: what has no `=` after its first word begins the next challenge.
const PART = /\s*,?\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))|(?=\s|,|$))/y;

/** What it cannot read it leaves out from there on. */
export function parseChallenges(header: string): Challenge[] {
  const found: { scheme: string; parameters: Record<string, string> }[] = [];
  PART.lastIndex = 0;
  for (let match = PART.exec(header); match !== null; match = PART.exec(header)) {
    const [, word = '', quoted, plain] = match;
    if (quoted === undefined && plain === undefined) {
      found.push({ scheme: word.toLowerCase(), parameters: {} });
      continue;
    }
    const current = found.at(-1);
    if (current === undefined) break;
    current.parameters[word.toLowerCase()] = plain ?? (quoted ?? '').replace(/\\(.)/g, '$1');
  }
  return found;
}
