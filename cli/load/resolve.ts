import { existsSync, statSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { dirname, extname, join, resolve as resolvePath } from 'node:path';
import { fileURLToPath } from 'node:url';
import { resolvePackageImport } from './package-exports.ts';

export type Resolved =
  /** What the user's files import from `tsstack`. */
  | { readonly kind: 'tsstack' }
  /** A file of the project: transpiled, evaluated and watched by us. */
  | { readonly kind: 'source'; readonly file: string }
  | { readonly kind: 'json'; readonly file: string }
  /** A module of Node, or a file of a package: Node loads it. */
  | { readonly kind: 'native'; readonly id: string };

/** In this order a path without extension is tried. */
const EXTENSIONS = ['.ts', '.mts', '.cts', '.tsx', '.js', '.mjs', '.cjs', '.json'];
/** What TypeScript allows to be written for a file that has another extension. */
const WRITTEN_FOR: Readonly<Record<string, readonly string[]>> = {
  '.js': ['.ts', '.tsx'],
  '.mjs': ['.mts'],
  '.cjs': ['.cts'],
  '.jsx': ['.tsx'],
};
const SOURCE = /\.(?:[mc]?[jt]s|tsx|jsx)$/;

/** Told the path of each file that was looked for and is not there: if it were, `specifier` would mean another one. */
export type OnMissing = (path: string) => void;

/** What `specifier` means in the file `importer`. Throws `ModuleNotFound` if there is no such module, or what else Node throws. */
export function resolveImport(specifier: string, importer: string, onMissing: OnMissing = () => undefined): Resolved {
  if (specifier === 'tsstack') return { kind: 'tsstack' };
  if (isBuiltin(specifier)) return { kind: 'native', id: specifier };
  if (/^(?:\.{0,2}\/|\.{1,2}$|file:)/.test(specifier)) {
    const path = specifier.startsWith('file:') ? fileURLToPath(specifier) : resolvePath(dirname(importer), specifier);
    const file = findFile(path, { directoryOnly: specifier.endsWith('/'), onMissing });
    if (file === undefined) throw new ModuleNotFound(specifier, importer);
    return ofFile(file);
  }
  return ofFile(resolvePackage(specifier, importer, onMissing));
}

export class ModuleNotFound extends Error {
  readonly specifier: string;
  readonly importer: string;
  constructor(specifier: string, importer: string) {
    super(`there is no module \`${specifier}\``);
    this.specifier = specifier;
    this.importer = importer;
  }
}

function resolvePackage(specifier: string, importer: string, onMissing: OnMissing): string {
  const require = createRequire(importer);
  try {
    return require.resolve(specifier);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'MODULE_NOT_FOUND') {
      for (const path of placesToInstall(specifier, require.resolve.paths(specifier) ?? [])) onMissing(path);
      throw new ModuleNotFound(specifier, importer);
    }
    const file =
      code === 'ERR_PACKAGE_PATH_NOT_EXPORTED' ? resolvePackageImport(specifier, require.resolve.paths(specifier) ?? []) : undefined;
    if (file === undefined) throw error;
    return file;
  }
}

/** Where a package that is missing would turn up: beside a package.json, or where packages are already; else beside the importer. */
function placesToInstall(specifier: string, lookedIn: readonly string[]): string[] {
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
  const likely = lookedIn.filter((directory) => existsSync(directory) || existsSync(join(dirname(directory), 'package.json')));
  return (likely.length > 0 ? likely : lookedIn.slice(0, 1)).map((directory) => join(directory, name));
}

function ofFile(file: string): Resolved {
  if (extname(file) === '.json') return { kind: 'json', file };
  const inPackage = file.includes('/node_modules/');
  return SOURCE.test(file) && !(inPackage && /\.[mc]?jsx?$/.test(file)) ? { kind: 'source', file } : { kind: 'native', id: file };
}

function findFile(path: string, { directoryOnly, onMissing }: { directoryOnly: boolean; onMissing: OnMissing }): string | undefined {
  const extension = extname(path);
  const stem = path.slice(0, path.length - extension.length);
  const asFile = [path, ...(WRITTEN_FOR[extension] ?? []).map((other) => stem + other), ...EXTENSIONS.map((added) => path + added)];
  const asDirectory = EXTENSIONS.map((added) => `${path}/index${added}`);
  for (const candidate of directoryOnly ? asDirectory : [...asFile, ...asDirectory]) {
    const found = statSync(candidate, { throwIfNoEntry: false });
    if (found?.isFile() === true) return candidate;
    if (found === undefined) onMissing(candidate);
  }
  return undefined;
}
