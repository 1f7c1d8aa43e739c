import { statSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { dirname, extname, resolve as resolvePath } from 'node:path';
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

/** What `specifier` means in the file `importer`. Throws what Node throws if there is no such module. */
export function resolveImport(specifier: string, importer: string): Resolved {
  if (specifier === 'tsstack') return { kind: 'tsstack' };
  if (isBuiltin(specifier)) return { kind: 'native', id: specifier };
  if (/^(?:\.{0,2}\/|\.{1,2}$|file:)/.test(specifier)) {
    const path = specifier.startsWith('file:') ? fileURLToPath(specifier) : resolvePath(dirname(importer), specifier);
    const file = findFile(path, specifier.endsWith('/'));
    if (file === undefined) throw new ModuleNotFound(specifier, importer);
    return ofFile(file);
  }
  return ofFile(resolvePackage(specifier, importer));
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

function resolvePackage(specifier: string, importer: string): string {
  const require = createRequire(importer);
  try {
    return require.resolve(specifier);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'MODULE_NOT_FOUND') throw new ModuleNotFound(specifier, importer);
    const file =
      code === 'ERR_PACKAGE_PATH_NOT_EXPORTED' ? resolvePackageImport(specifier, require.resolve.paths(specifier) ?? []) : undefined;
    if (file === undefined) throw error;
    return file;
  }
}

function ofFile(file: string): Resolved {
  if (extname(file) === '.json') return { kind: 'json', file };
  const inPackage = file.includes('/node_modules/');
  return SOURCE.test(file) && !(inPackage && /\.[mc]?jsx?$/.test(file)) ? { kind: 'source', file } : { kind: 'native', id: file };
}

function findFile(path: string, directoryOnly: boolean): string | undefined {
  if (!directoryOnly) {
    if (isFile(path)) return path;
    const extension = extname(path);
    const stem = path.slice(0, path.length - extension.length);
    for (const other of WRITTEN_FOR[extension] ?? []) if (isFile(stem + other)) return stem + other;
    for (const added of EXTENSIONS) if (isFile(path + added)) return path + added;
  }
  for (const added of EXTENSIONS) if (isFile(`${path}/index${added}`)) return `${path}/index${added}`;
  return undefined;
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
