import type { IssueLog, IssuePath } from './issues.ts';
import { nearest } from './suggest.ts';

/** What the parts of normalising share: where issues go, what relative paths and null variables refer to, and which names are declared. */
export interface Scope {
  readonly log: IssueLog;
  /** Absolute path of the stack file's directory. */
  readonly directory: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly services: ReadonlySet<string>;
  readonly networks: ReadonlySet<string>;
  readonly volumes: ReadonlySet<string>;
  /** Of services that don't say it themselves. */
  readonly strictPorts: boolean;
}

/** True if `name` is declared; else that is an issue. */
export function isDeclared(scope: Scope, kind: 'services' | 'networks' | 'volumes', at: { path: IssuePath; name: string }): boolean {
  if (scope[kind].has(at.name)) return true;
  const noun = kind.slice(0, -1);
  scope.log.add(at.path, at.name, `is no ${noun} of this stack`, nearest(at.name, scope[kind]));
  return false;
}
