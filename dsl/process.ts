/** Settings of a service's process: what it runs, when it is run again, how it is stopped. */
import type { IssuePath } from './issues.ts';
import { CAPABILITIES, SIGNALS } from './names.ts';
import type { EnvironmentShape, ServiceShape } from './schema.ts';
import type { Scope } from './scope.ts';
import { splitCommand } from './shell-split.ts';
import type { RestartSpec } from './spec.ts';
import { nearest } from './suggest.ts';

const MOST_REPLICAS = 1000;

export function readCommand(written: string | readonly string[], path: IssuePath, scope: Scope): readonly string[] | undefined {
  const split = typeof written === 'string' ? splitCommand(written) : { words: written };
  if ('error' in split) return scope.log.add(path, written, `cannot be split into words: ${split.error}`);
  if (split.words.some((word) => word.includes('\0'))) return scope.log.add(path, undefined, 'contains a NUL');
  if (typeof written === 'string' && split.words.length === 0) return scope.log.add(path, written, 'is empty; `[]` is no command');
  return split.words;
}

export function readEnvironment(written: EnvironmentShape, path: IssuePath, scope: Scope): Record<string, string> {
  const environment: [string, string][] = [];
  for (const [name, value] of Object.entries(written)) {
    if (name === '' || /[=\0]/.test(name)) scope.log.add([...path, name], undefined, 'is no name of a variable');
    const text = value === null || value === undefined ? scope.env[name] : String(value);
    if (text?.includes('\0')) scope.log.add([...path, name], undefined, 'contains a NUL');
    else if (text !== undefined) environment.push([name, text]);
  }
  return Object.fromEntries(environment);
}

export function readUser(written: string | number, path: IssuePath, scope: Scope): string | undefined {
  const user = String(written);
  return /^[a-zA-Z0-9_][\w.-]*(?::[a-zA-Z0-9_][\w.-]*)?$/.test(user)
    ? user
    : scope.log.add(path, written, 'must be `user` or `user:group`');
}

export function readRestart(written: ServiceShape, path: IssuePath, scope: Scope): RestartSpec {
  const text = written.restart ?? 'no';
  const match = /^(no|always|unless-stopped|on-failure)(?::(\d{1,9}))?$/.exec(text);
  const policy = match?.[1];
  const at = [...path, 'restart'];
  if ((policy === 'always' || policy === 'unless-stopped') && written.kind === 'job') {
    scope.log.add(at, text, 'would run a job for ever; a job may have `no` or `on-failure`');
  }
  if (policy === 'no' || policy === 'always' || policy === 'unless-stopped') {
    if (match?.[2] === undefined) return { policy, maxRetries: undefined };
  } else if (policy === 'on-failure') {
    return { policy, maxRetries: match?.[2] === undefined ? undefined : Number(match[2]) };
  }
  const policies = ['no', 'always', 'unless-stopped', 'on-failure'];
  scope.log.add(at, text, 'must be `no`, `always`, `unless-stopped`, `on-failure` or `on-failure:3`', nearest(text, policies));
  return { policy: 'no', maxRetries: undefined };
}

export function readReplicas(written: ServiceShape, path: IssuePath, scope: Scope): number {
  const replicas = written.replicas ?? 1;
  const at = [...path, 'replicas'];
  if (!Number.isInteger(replicas) || replicas < 0 || replicas > MOST_REPLICAS) {
    scope.log.add(at, replicas, `must be a whole number, 0 … ${MOST_REPLICAS}`);
  } else if (written.kind === 'job' && replicas !== 1) {
    scope.log.add(at, replicas, 'is not for a job, which runs once');
  }
  return replicas;
}

export function readStopSignal(written: string, path: IssuePath, scope: Scope): string {
  const upper = written.toUpperCase();
  const name = upper.startsWith('SIG') ? upper : `SIG${upper}`;
  if (!SIGNALS.includes(name)) scope.log.add(path, written, 'is no signal', nearest(name, SIGNALS));
  return name;
}

/** Names without CAP_; `ALL` becomes all of them. */
export function readCapability(written: string, path: IssuePath, scope: Scope): readonly string[] {
  const name = written.toUpperCase().replace(/^CAP_/, '');
  if (name === 'ALL') return CAPABILITIES;
  if (CAPABILITIES.includes(name)) return [name];
  scope.log.add(path, written, 'is no capability', nearest(name, CAPABILITIES));
  return [];
}
