/**
 * A text that is the same for two inputs only if they mean the same spec: JSON, but for what JSON drops. Undefined: the input has something
 * that is no plain data (a Date, a Map), so nothing can be said about it. Of a function it only says that there is one: more of it is not
 * in a spec, and where it may not be, there is no spec.
 */
export function fingerprint(value: unknown): string | undefined {
  if (value === undefined) return 'undefined';
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return JSON.stringify(value);
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (typeof value === 'function') return 'function';
  if (typeof value !== 'object') return undefined;
  if (Array.isArray(value)) return join(value.map(fingerprint), '[]');
  if (value instanceof RegExp) return `regexp${JSON.stringify([value.source, value.flags])}`;
  const prototype: unknown = Object.getPrototypeOf(value);
  // A stack file runs in this realm, so that its literals have our Object.prototype.
  if (prototype !== Object.prototype && prototype !== null) return undefined;
  // Keys are not sorted: the order of services and networks has a meaning.
  return join(
    Object.entries(value).map(([key, inner]) => {
      const print = fingerprint(inner);
      return print === undefined ? undefined : `${JSON.stringify(key)}:${print}`;
    }),
    '{}',
  );
}

function join(parts: readonly (string | undefined)[], brackets: string): string | undefined {
  return parts.includes(undefined) ? undefined : `${brackets.charAt(0)}${parts.join(',')}${brackets.charAt(1)}`;
}
