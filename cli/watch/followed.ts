/** Which files matter to a stack that is watched, and where to look for them. Pure, but for what it is told of the host. */
import { dirname, join, relative } from 'node:path';
import type { StackSpec, WatchRuleSpec } from '../../dsl/spec.ts';
import { compileIgnore, type Ignore } from './ignore.ts';

export interface FollowedRule {
  readonly service: string;
  readonly rule: WatchRuleSpec;
  /** Place of `rule.path` with links resolved. */
  readonly root: string;
  /** As it was when it was last looked at; undefined: not there. */
  readonly kind: 'file' | 'directory' | undefined;
  readonly ignore: Ignore;
}

/** What can be asked of the host. */
export interface Host {
  /** Links followed; undefined: not there, or neither. */
  kindOf(path: string): 'file' | 'directory' | undefined;
  /** The path itself if it isn't there. */
  realPath(path: string): string;
}

export interface Followed {
  /** Existing directories to begin at, none within another. */
  readonly roots: readonly string[];
  /** Whether a path has nothing to do with it. Asked for everything that is found below the roots. */
  ignores(path: string, isDirectory: boolean): boolean;
  /** Whether a change there means that the stack is to be loaded anew. */
  isOfStack(path: string): boolean;
  /** The rules a change there is for. */
  rulesFor(path: string): readonly FollowedRule[];
  /** All files of the stack, whether they are there or not. */
  readonly files: readonly string[];
  /** The same for two that follow the same. */
  readonly key: string;
}

/** Besides what the stack file imports: what goes into the containers' environment and configuration hashes. */
export function filesOfSpec(spec: StackSpec, host: Host): readonly string[] {
  return Object.values(spec.services).flatMap(({ envFile, mounts }) => [
    ...envFile.map(({ path }) => path),
    ...mounts.flatMap((mount) => (mount.type === 'bind' && host.kindOf(mount.source) !== 'directory' ? [mount.source] : [])),
  ]);
}

/** `services`: whose rules count; undefined: everyone's. */
export function rulesOfSpec(spec: StackSpec, services: readonly string[] | undefined, host: Host): readonly FollowedRule[] {
  const chosen = Object.entries(spec.services).filter(([name]) => services?.includes(name) ?? true);
  return chosen.flatMap(([service, { watch }]) =>
    watch.map((rule) => {
      const root = host.realPath(rule.path);
      return { service, rule, root, kind: host.kindOf(root), ignore: compileIgnore([...ALWAYS_IGNORED, ...rule.ignore]) };
    }),
  );
}

/** What version control and editors leave there and nobody wants in a container. A rule takes it back with `!`. */
const ALWAYS_IGNORED = ['.git', '*~', '*.swp', '*.swx', '.#*', '4913'];

/**
 * Directories are watched, not files: that way one that is deleted and written anew, or that comes later, is seen. `directory`: of the stack
 * file; what is below it is looked for from there, so that even its directories may come and go.
 */
export function followedOf(
  { directory, files, rules }: { readonly directory: string; readonly files: readonly string[]; readonly rules: readonly FollowedRule[] },
  host: Host,
): Followed {
  // An editor writes to what a link leads to; the link may be turned elsewhere, too.
  const wanted = new Set(files.flatMap((file) => [file, host.realPath(file)]));
  const places = [...wanted, ...rules.map(({ root }) => root)];
  const roots = topmost(places.map((place) => (isWithin(place, directory) ? directory : nearestDirectory(dirname(place), host))));
  const onTheWay = new Set<string>(roots);
  for (const place of places) for (let at = dirname(place); !onTheWay.has(at) && at !== dirname(at); at = dirname(at)) onTheWay.add(at);
  return {
    roots,
    files: [...wanted],
    ignores: (path, isDirectory) => !wanted.has(path) && !onTheWay.has(path) && !rules.some((rule) => isFor(rule, path, isDirectory)),
    isOfStack: (path) => wanted.has(path),
    rulesFor: (path) => rules.filter((rule) => isFor(rule, path)),
    key: JSON.stringify([directory, [...wanted].sort(), rules.map(({ service, rule, root }) => [service, rule, root])]),
  };
}

/** Whether a rule is for what is at a path. */
export function isFor({ root, ignore }: FollowedRule, path: string, isDirectory = false): boolean {
  return path === root || (isWithin(path, root) && !ignore(relative(root, path), isDirectory));
}

function nearestDirectory(path: string, host: Host): string {
  for (let at = path; ; at = dirname(at)) if (at === dirname(at) || host.kindOf(at) === 'directory') return at;
}

/** Without those that are in another one. */
function topmost(paths: readonly string[]): readonly string[] {
  const all = [...new Set(paths)].sort();
  return all.filter((path) => !all.some((other) => other !== path && isWithin(path, other)));
}

function isWithin(path: string, directory: string): boolean {
  return path.startsWith(join(directory, '/'));
}
