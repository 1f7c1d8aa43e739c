/** From zod's issues to ours, and on with what is left of the input. */
import type { core } from 'zod/mini';
import type { IssueLog, IssuePath } from './issues.ts';
import { type StackShape, stackSchema } from './schema.ts';
import { nearest } from './suggest.ts';

/**
 * Reads the input's shape. What is wrong goes into the log, and is taken out of the input so that the rest can be checked further.
 * Undefined: nothing is left.
 */
export function readShape(input: unknown, log: IssueLog): StackShape | undefined {
  const rest = copy(input);
  for (let round = 1; ; round++) {
    const parsed = stackSchema.safeParse(rest);
    if (parsed.success) return parsed.data;
    const mistakes = parsed.error.issues.flatMap((issue) => mistakesOf(issue, []));
    // Later rounds only meet what the taking out left behind.
    if (round === 1) for (const mistake of mistakes) report(mistake, input, log);
    for (const mistake of mistakes) if (!takeOut(rest, mistake)) return undefined;
  }
}

interface Mistake {
  readonly path: IssuePath;
  readonly message: string;
  /** The key itself is wrong, not its value. */
  readonly unknownKey: boolean;
  /** Words that would be right. */
  readonly allowed: readonly string[];
}

function mistakesOf(issue: core.$ZodIssue, base: IssuePath): readonly Mistake[] {
  const path = [...base, ...issue.path.map((key) => (typeof key === 'number' ? key : String(key)))];
  if (issue.code === 'unrecognized_keys') {
    const allowed = issue.message.split(' ');
    return issue.keys.map((key) => ({ path: [...path, key], message: 'there is no such setting', unknownKey: true, allowed }));
  }
  const branch = issue.code === 'invalid_union' ? branchMeant(issue.errors) : undefined;
  if (branch !== undefined) return branch.flatMap((inner) => mistakesOf(inner, path));
  return [{ path, message: issue.message, unknownKey: false, allowed: valuesAllowed(issue) }];
}

/** The alternative of a union that was meant: the one that objects to something inside the value rather than to the value. */
function branchMeant(branches: readonly (readonly core.$ZodIssue[])[]): readonly core.$ZodIssue[] | undefined {
  const inside = branches.filter((issues) => issues.every((issue) => issue.path.length > 0 || issue.code === 'unrecognized_keys'));
  return inside.sort((a, b) => a.length - b.length)[0];
}

function valuesAllowed(issue: core.$ZodIssue): string[] {
  if (issue.code === 'invalid_value') return issue.values.filter((value) => typeof value === 'string');
  if (issue.code !== 'invalid_union') return [];
  return issue.errors.flatMap((branch) => branch.filter((inner) => inner.path.length === 0).flatMap(valuesAllowed));
}

function report({ path, message, unknownKey, allowed }: Mistake, input: unknown, log: IssueLog): void {
  const value = valueAt(input, path);
  if (unknownKey) log.add(path, undefined, message, nearest(String(path.at(-1)), allowed));
  else if (value === undefined) log.add(path, undefined, `is missing: it ${message}`);
  else log.add(path, value, message, typeof value === 'string' ? nearest(value, allowed) : undefined);
}

/**
 * Makes the value at the path undefined, so that its key, which may be a name, can still be checked; where it is undefined already
 * deletes it; where there is none deletes its parent. Of a list it takes the whole list, because indexes would shift.
 */
function takeOut(root: unknown, { path, unknownKey }: Mistake): boolean {
  for (let length = path.length; length > 0; length--) {
    const parent = valueAt(root, path.slice(0, length - 1));
    const key = path[length - 1];
    if (!isObject(parent) || key === undefined || !(key in parent)) continue;
    const keep = !unknownKey && Reflect.get(parent, key) !== undefined;
    return keep ? Reflect.set(parent, key, undefined) : Reflect.deleteProperty(parent, key);
  }
  return false;
}

function valueAt(root: unknown, path: IssuePath): unknown {
  let value = root;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Reflect.get(value, key);
  }
  return value;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Objects and lists are copied, everything else (functions, regular expressions) is shared. */
function copy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copy);
  if (!isObject(value) || value instanceof RegExp) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copy(inner)]));
}
