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
  const parsed = stackSchema.safeParse(input);
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues) report(issue, { base: [], input, log });
  return shapeWithout(input, parsed.error.issues);
}

/** Each round takes out at least one value, or its parent where it is a missing one that was wrong. */
function shapeWithout(input: unknown, issues: readonly core.$ZodIssue[]): StackShape | undefined {
  let rest = structuredCopy(input);
  let wrong = issues;
  for (;;) {
    for (const issue of wrong) {
      const paths = issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path];
      for (const path of paths) if (!takeOut(rest, toIssuePath(path))) return undefined;
    }
    const parsed = stackSchema.safeParse(rest);
    if (parsed.success) return parsed.data;
    wrong = parsed.error.issues;
    rest = structuredCopy(rest);
  }
}

/** Deletes the value at the path; where there is none its parent; of a list the whole list, because indexes would shift. */
function takeOut(root: unknown, path: IssuePath): boolean {
  let target = [...path];
  while (target.length > 0) {
    const parent = valueAt(root, target.slice(0, -1));
    const key = target.at(-1);
    if (isPlainObject(parent) && key !== undefined && key in parent) return Reflect.deleteProperty(parent, key);
    target = target.slice(0, -1);
  }
  return false;
}

interface Report {
  readonly base: IssuePath;
  readonly input: unknown;
  readonly log: IssueLog;
}

function report(issue: core.$ZodIssue, { base, input, log }: Report): void {
  const path = [...base, ...toIssuePath(issue.path)];
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys) log.add([...path, key], undefined, 'there is no such setting', nearest(key, issue.message.split(' ')));
    return;
  }
  const branch = issue.code === 'invalid_union' ? branchMeant(issue.errors) : undefined;
  if (branch !== undefined) {
    for (const inner of branch) report(inner, { base: path, input, log });
    return;
  }
  const value = valueAt(input, path);
  if (value === undefined) log.add(path, undefined, `is missing: it ${issue.message}`);
  else log.add(path, value, issue.message, typeof value === 'string' ? nearest(value, valuesAllowed(issue)) : undefined);
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

function toIssuePath(path: readonly PropertyKey[]): IssuePath {
  return path.map((key) => (typeof key === 'number' ? key : String(key)));
}

function valueAt(root: unknown, path: IssuePath): unknown {
  let value = root;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Reflect.get(value, key);
  }
  return value;
}

function isPlainObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Objects and lists are copied, everything else (a function that has no business here) is shared. */
function structuredCopy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(structuredCopy);
  if (!isPlainObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, structuredCopy(inner)]));
}
