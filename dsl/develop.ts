import { readHook } from './hooks.ts';
import type { IssuePath } from './issues.ts';
import { readContainerPath, readHostPath } from './paths.ts';
import type { WatchRuleShape } from './schema.ts';
import type { Scope } from './scope.ts';
import type { WatchRuleSpec } from './spec.ts';

/** Whether the paths exist is no concern here: they may come and go while they are watched. */
export function readWatchRules(written: readonly WatchRuleShape[], path: IssuePath, scope: Scope): readonly WatchRuleSpec[] {
  return written.map((rule, index) => readRule(rule, [...path, index], scope)).filter((rule) => rule !== undefined);
}

function readRule(written: WatchRuleShape, path: IssuePath, scope: Scope): WatchRuleSpec | undefined {
  const { action } = written;
  if (action === 'rebuild') {
    return scope.log.add([...path, 'action'], action, 'is not there yet: no image is built', 'sync+restart');
  }
  const source = readHostPath(written.path, [...path, 'path'], scope);
  const target = readTarget(written, path, scope);
  const exec = readExec(written, path, scope);
  const ignore = (written.ignore ?? []).filter((glob, index) => {
    return glob.trim() !== '' || scope.log.add([...path, 'ignore', index], glob, 'is empty');
  });
  return source === undefined ? undefined : { path: source, action, target, ignore, exec };
}

function readTarget({ action, target }: WatchRuleShape, path: IssuePath, scope: Scope): string | undefined {
  const at = [...path, 'target'];
  if (action === 'restart') {
    return target === undefined ? undefined : scope.log.add(at, target, 'is for what is copied: `restart` copies nothing', 'sync+restart');
  }
  if (target === undefined) return scope.log.add(at, undefined, `is missing: \`${action}\` copies to it`);
  return readContainerPath(target, at, scope);
}

function readExec({ action, exec }: WatchRuleShape, path: IssuePath, scope: Scope): WatchRuleSpec['exec'] {
  const at = [...path, 'exec'];
  if (exec !== undefined && action !== 'sync+exec') return scope.log.add(at, undefined, 'is only for `sync+exec`');
  if (exec === undefined && action === 'sync+exec') return scope.log.add(at, undefined, 'is missing: it tells what to run');
  return exec === undefined ? undefined : readHook(exec, at, scope);
}
