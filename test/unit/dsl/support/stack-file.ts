/** A stack file's input read, for tests of one part of it. */
import { renderIssues } from '../../../../dsl/issues.ts';
import { parseStack } from '../../../../dsl/parse.ts';
import type { ServiceSpec, StackSpec } from '../../../../dsl/spec.ts';

const CONTEXT = { directory: '/srv/shop', env: { HOME: '/home/ann' }, defaultName: 'shop' };

export function specOf(input: unknown): StackSpec {
  const parsed = parseStack(input, CONTEXT);
  if (!parsed.ok) throw new Error(renderIssues(parsed.issues, { file: 'stack.config.ts' }));
  return parsed.spec;
}

/** Of a stack with this one service, `web`. */
export function serviceOf(settings: object, rest: object = {}): ServiceSpec {
  const service = specOf({ services: { web: { image: 'x', ...settings } }, ...rest }).services['web'];
  if (service === undefined) throw new Error('the service is not there');
  return service;
}

/** One line an issue, and one for each suggestion. */
export function wrongWith(input: unknown): string[] {
  const parsed = parseStack(input, CONTEXT);
  if (parsed.ok) return [];
  const lines = renderIssues(parsed.issues, { file: 'f' }).split('\n').slice(1);
  return lines.map((line) => line.trim());
}
