/** What the shapes of settings are made of. Each type brings its own message: zod/mini has none. */
import * as z from 'zod/mini';

export const text = z.string({ error: 'must be text' });
export const flag = z.boolean({ error: 'must be true or false' });
export const number = z.number({ error: 'must be a number' });
const scalar = z.union([text, number, flag], { error: 'must be text, a number, true or false' });
export const texts = list(text);
export const textOrTexts = z.union([text, texts], { error: 'must be text or a list of texts' });
export const labels = record(scalar);
export const environment = record(z.optional(z.nullable(scalar)));
export const user = z.union([text, number], { error: 'must be a user or a uid' });
export const mode = z.union([number, text], { error: 'must be permission bits such as `0o1777`' });

/** An object with these keys and no others. Of an unknown key the message is the known ones: `schema-issues.ts` looks for the nearest in it. */
export function settings<const T extends Record<string, z.core.SomeType>>(shape: T) {
  const known = Object.keys(shape).join(' ');
  return z.strictObject(shape, { error: (issue) => (issue.code === 'unrecognized_keys' ? known : 'must be an object of settings') });
}

export function record<const T extends z.core.SomeType>(value: T) {
  return z.record(z.string(), value, { error: 'must be an object' });
}

export function list<const T extends z.core.SomeType>(item: T) {
  return z.array(item, { error: 'must be a list' });
}

export function oneOf<const T extends readonly string[]>(values: T) {
  return z.enum(values, { error: `must be ${values.map((value) => `\`${value}\``).join(' or ')}` });
}
