import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const CONDITIONS: ReadonlySet<string> = new Set(['node', 'import', 'module-sync', 'default']);

/**
 * The file of a package that offers itself to `import` only, which `require.resolve` doesn't find: PACKAGE_EXPORTS_RESOLVE of Node's
 * esm.html, with the conditions of `import`. Undefined: not exported, or `lookIn` has no such package.
 */
export function resolvePackageImport(specifier: string, lookIn: readonly string[]): string | undefined {
  const [name = '', subpath = ''] = /^((?:@[^/]+\/)?[^/]+)(\/.*)?$/.exec(specifier)?.slice(1) ?? [];
  for (const directory of lookIn) {
    const text = readManifest(join(directory, name, 'package.json'));
    if (text === undefined) continue;
    const manifest: { readonly exports?: unknown } = JSON.parse(text);
    const target = exportedAs(manifest.exports, `.${subpath ?? ''}`);
    return target === undefined ? undefined : join(directory, name, target);
  }
  return undefined;
}

function exportedAs(exports: unknown, subpath: string): string | undefined {
  const hasSubpaths = typeof exports === 'object' && exports !== null && Object.keys(exports).some((key) => key.startsWith('.'));
  if (!hasSubpaths) return subpath === '.' ? conditionMet(exports) : undefined;
  const entries = Object.entries(exports);
  const exact = entries.find(([key]) => key === subpath);
  if (exact !== undefined) return conditionMet(exact[1]);
  for (const [key, target] of entries.sort(([a], [b]) => b.indexOf('*') - a.indexOf('*'))) {
    const [before = '', after] = key.split('*');
    if (after === undefined || !subpath.startsWith(before) || !subpath.endsWith(after)) continue;
    return conditionMet(target)?.replaceAll('*', subpath.slice(before.length, subpath.length - after.length));
  }
  return undefined;
}

function conditionMet(target: unknown): string | undefined {
  if (typeof target === 'string') return target;
  if (typeof target !== 'object' || target === null) return undefined;
  const candidates = Array.isArray(target)
    ? target
    : Object.entries(target).flatMap(([key, value]) => (CONDITIONS.has(key) ? [value] : []));
  for (const candidate of candidates) {
    const met = conditionMet(candidate);
    if (met !== undefined) return met;
  }
  return undefined;
}

function readManifest(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return undefined;
    throw error;
  }
}
