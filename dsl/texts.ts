/** Labels and the like: numbers and booleans become text. */
export function readTexts(written: Readonly<Record<string, string | number | boolean>> | undefined): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(written ?? {}).map(([name, value]) => [name, String(value)]));
}
