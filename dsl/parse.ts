import { crosscheck } from './crosscheck.ts';
import { IssueLog, inOrderOf, type StackIssue } from './issues.ts';
import { normalizeStack } from './normalize.ts';
import { readShape } from './schema-issues.ts';
import type { StackSpec } from './spec.ts';

export interface ParseContext {
  /** Absolute path of the stack file's directory: what relative paths start from. */
  readonly directory: string;
  /** Looked in for variables that a service takes over, and for HOME. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of a stack without `name`. */
  readonly defaultName: string;
}

export type ParsedStack = { readonly ok: true; readonly spec: StackSpec } | { readonly ok: false; readonly issues: readonly StackIssue[] };

/** Checks what a stack file gave and fills in every default. Pure: it touches no file. Issues in the order of the input. */
export function parseStack(input: unknown, context: ParseContext): ParsedStack {
  const log = new IssueLog();
  const shape = readShape(input, log);
  if (shape !== undefined) {
    if (Object.keys(declaredIn(input, 'services')).length === 0 && log.issues.length === 0) {
      log.add(['services'], undefined, 'is missing: a stack has at least one service');
    }
    const scope = {
      log,
      directory: context.directory,
      env: context.env,
      services: new Set(Object.keys(declaredIn(input, 'services'))),
      networks: new Set([...Object.keys(declaredIn(input, 'networks')), 'default']),
      volumes: new Set(Object.keys(declaredIn(input, 'volumes'))),
      strictPorts: shape.strictPorts ?? true,
    };
    const spec = normalizeStack(shape, context.defaultName, scope);
    crosscheck(spec, log);
    if (log.issues.length === 0) return { ok: true, spec };
  }
  return { ok: false, issues: inOrderOf(input, log.issues) };
}

/** From the input as written, not from its shape: a network whose settings are wrong is declared all the same. */
function declaredIn(input: unknown, section: string): object {
  const value: unknown = typeof input === 'object' && input !== null ? Reflect.get(input, section) : undefined;
  return typeof value === 'object' && value !== null ? value : {};
}
