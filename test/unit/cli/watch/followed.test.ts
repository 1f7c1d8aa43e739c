import { describe, expect, test } from 'vitest';
import { filesOfSpec, followedOf, type Host, rulesOfSpec } from '../../../../cli/watch/followed.ts';
import type { MountSpec, WatchRuleSpec } from '../../../../dsl/spec.ts';
import { stackSpec } from '../support/session.ts';

/** Directories end with a slash. `links`: from where to where. */
function hostWith(paths: readonly string[], links: Readonly<Record<string, string>> = {}): Host {
  return {
    kindOf: (path) => (path === '/' || paths.includes(`${path}/`) ? 'directory' : paths.includes(path) ? 'file' : undefined),
    realPath: (path) => links[path] ?? path,
  };
}

const rule = (path: string, more: Partial<WatchRuleSpec> = {}): WatchRuleSpec => ({
  path,
  action: 'sync',
  target: '/app',
  ignore: [],
  exec: undefined,
  ...more,
});
const bind = (source: string): MountSpec => ({ type: 'bind', source, target: '/x', readOnly: true, createHostPath: false });

describe('what a stack came from', () => {
  test('is env files and bind-mounted files too, be they there or not; directories are not', () => {
    const spec = stackSpec({
      web: { envFile: [{ path: '/p/web.env', required: false }], mounts: [bind('/p/motd'), bind('/p/data'), bind('/p/missing')] },
    });
    expect(filesOfSpec(spec, hostWith(['/p/motd', '/p/data/']))).toEqual(['/p/web.env', '/p/motd', '/p/missing']);
  });

  test('is looked for from the directory of the stack file, and what lies elsewhere from the nearest directory that is there', () => {
    const host = hostWith(['/p/', '/shared/', '/shared/a.ts']);
    const files = ['/p/stack.config.ts', '/p/lib/limits.ts', '/shared/a.ts', '/shared/env/to/come.env'];
    const followed = followedOf({ directory: '/p', files, rules: [] }, host);
    expect(followed.roots).toEqual(['/p', '/shared']);
    for (const file of files) {
      expect(followed.isOfStack(file), file).toBe(true);
      expect(followed.ignores(file, false), file).toBe(false);
    }
    // On the way to one.
    for (const directory of ['/p', '/p/lib', '/shared', '/shared/env', '/shared/env/to'])
      expect(followed.ignores(directory, true), directory).toBe(false);
    for (const other of ['/p/other.ts', '/p/lib/other.ts', '/p/node_modules', '/shared/b.ts']) {
      expect(followed.ignores(other, true) && followed.ignores(other, false), other).toBe(true);
      expect(followed.isOfStack(other), other).toBe(false);
    }
  });

  test('is followed where a link leads to as well as under the name of the link', () => {
    const host = hostWith(['/p/', '/real/', '/real/file'], { '/p/link': '/real/file' });
    const followed = followedOf({ directory: '/p', files: ['/p/link'], rules: [] }, host);
    expect(followed.roots).toEqual(['/p', '/real']);
    expect(followed.isOfStack('/p/link') && followed.isOfStack('/real/file')).toBe(true);
  });

  test('has the same key only if the same is followed', () => {
    const host = hostWith(['/p/']);
    const key = (...files: string[]) => followedOf({ directory: '/p', files, rules: [] }, host).key;
    expect(key('/p/a', '/p/b')).toBe(key('/p/b', '/p/a', '/p/a'));
    expect(key('/p/a')).not.toBe(key('/p/a', '/p/b'));
  });
});

describe('watch rules', () => {
  const host = hostWith(['/p/', '/p/src/', '/p/conf', '/elsewhere/', '/elsewhere/lib/']);
  const spec = stackSpec({
    web: { watch: [rule('/p/src', { ignore: ['*.log', 'tmp/'] }), rule('/p/conf', { action: 'restart' })] },
    api: { watch: [rule('/elsewhere/lib')] },
  });
  const services = (path: string, chosen?: readonly string[]) =>
    followedOf({ directory: '/p', files: [], rules: rulesOfSpec(spec, chosen, host) }, host)
      .rulesFor(path)
      .map(({ service, rule: { action } }) => `${service} ${action}`);

  test('are for all below their path, but for what is left out', () => {
    const { roots, ignores } = followedOf({ directory: '/p', files: [], rules: rulesOfSpec(spec, undefined, host) }, host);
    expect(roots).toEqual(['/elsewhere', '/p']);
    expect(services('/p/src/deep/a.js')).toEqual(['web sync']);
    expect(services('/p/conf')).toEqual(['web restart']);
    expect(services('/elsewhere/lib/x')).toEqual(['api sync']);
    for (const path of ['/p/src/a.log', '/p/src/tmp/x', '/p/src/.git/index', '/p/src/a.js~', '/p/srcs/a', '/p/config', '/elsewhere/x']) {
      expect(services(path), path).toEqual([]);
      expect(ignores(path, false), path).toBe(true);
    }
    expect(ignores('/p/src/tmp', true)).toBe(true);
    expect(ignores('/p/src/tmp', false)).toBe(false);
  });

  test('of services that were not chosen say nothing', () => {
    expect(services('/elsewhere/lib/x', ['web'])).toEqual([]);
  });
});
