import { HOST_HOOKS } from './host-hooks.ts';
import type { IssuePath } from './issues.ts';
import { readContainerPath } from './paths.ts';
import { readEnvironment, readUser } from './process.ts';
import type { HookShape, HooksShape, ServiceShape } from './schema.ts';
import type { Scope } from './scope.ts';
import type { HookSpec, HooksSpec } from './spec.ts';
import { parseDuration } from './units.ts';

const TIMEOUT_MS = 30_000;
/** Below it not even a process starts. */
const SHORTEST_MS = 10;

export function readHooks(written: ServiceShape, path: IssuePath, scope: Scope): HooksSpec {
  return {
    postStart: readCommands(written.postStart, [...path, 'postStart'], scope),
    preStop: readCommands(written.preStop, [...path, 'preStop'], scope),
    host: HOST_HOOKS.filter((name) => written[name] !== undefined),
    hostTimeoutMs: readTimeout(written.hookTimeout, [...path, 'hookTimeout'], scope),
  };
}

/** Undefined: it is wrong. */
export function readHook(written: HookShape, path: IssuePath, scope: Scope): HookSpec | undefined {
  const long = typeof written === 'object' && 'command' in written ? written : { command: written };
  const at = (key: string): IssuePath => (long === written ? [...path, key] : path);
  const argv = readArgv(long.command, at('command'), scope);
  const spec = {
    user: long.user === undefined ? undefined : readUser(long.user, at('user'), scope),
    workingDir: long.workingDir === undefined ? undefined : readContainerPath(long.workingDir, at('workingDir'), scope),
    environment: readEnvironment(long.environment ?? {}, at('environment'), scope),
    timeoutMs: readTimeout(long.timeout, at('timeout'), scope),
  };
  return argv === undefined ? undefined : { argv, ...spec };
}

function readCommands(written: HooksShape | undefined, path: IssuePath, scope: Scope): readonly HookSpec[] {
  if (written === undefined || (Array.isArray(written) && written.length === 0)) return [];
  const several = Array.isArray(written) && !isTexts(written);
  const hooks = several ? written.map((hook, index) => readHook(hook, [...path, index], scope)) : [readOne(written, path, scope)];
  return hooks.filter((hook) => hook !== undefined);
}

/** A list of texts is one command, as it is everywhere else. Somebody who meant several is told so where it shows. */
function readOne(written: HookShape, path: IssuePath, scope: Scope) {
  const [program, ...rest] = Array.isArray(written) ? written : [];
  if (program !== undefined && rest.length > 0 && /\s/.test(program)) {
    return scope.log.add([...path, 0], program, 'is no program: a list of texts is one command; write `[{ command: … }, …]` for several');
  }
  return readHook(written, path, scope);
}

function readArgv(command: string | readonly string[], path: IssuePath, scope: Scope): readonly string[] | undefined {
  const argv = typeof command === 'string' ? ['/bin/sh', '-c', command] : command;
  const program = typeof command === 'string' ? command : argv[0];
  if (program === undefined || program.trim() === '') return scope.log.add(path, command, 'has no command');
  return argv.some((word) => word.includes('\0')) ? scope.log.add(path, undefined, 'contains a NUL') : argv;
}

function readTimeout(written: string | number | undefined, path: IssuePath, scope: Scope): number {
  const timeout = written === undefined ? TIMEOUT_MS : parseDuration(written);
  if (timeout !== undefined && timeout >= SHORTEST_MS) return timeout;
  scope.log.add(path, written, timeout === undefined ? 'must be a duration such as `30s`' : `must be at least ${SHORTEST_MS} ms`);
  return TIMEOUT_MS;
}

function isTexts(list: HookShape[]): list is string[] {
  return list.every((item) => typeof item === 'string');
}
