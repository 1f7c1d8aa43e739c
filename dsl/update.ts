import type { IssuePath } from './issues.ts';
import type { ServiceShape } from './schema.ts';
import type { Scope } from './scope.ts';
import type { UpdateSpec } from './spec.ts';

export function readUpdate({ kind, update }: ServiceShape, path: IssuePath, scope: Scope): UpdateSpec {
  const { order = 'stop-first', parallelism = 1 } = update ?? {};
  if (update !== undefined && kind === 'job') scope.log.add(path, undefined, 'is not for a job, which runs once');
  if (!Number.isInteger(parallelism) || parallelism < 1) {
    scope.log.add([...path, 'parallelism'], parallelism, 'must be a whole number, 1 or more');
  }
  return { order, parallelism };
}
