/** Between the user's modules, which run as CommonJS, and those that Node loads. */
import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { types } from 'node:util';

/** Node 20.19 and later `require` ES modules, but for those that await. */
export function isOnlyImportable(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ERR_REQUIRE_ASYNC_MODULE' || error.code === 'ERR_REQUIRE_ESM');
}

/**
 * What transpiled code must be given for a package. For TypeScript's helpers `__esModule` means that `default` is the default export; when
 * an ES module imports CommonJS, Node says it is all of `module.exports` (esm.html, "CommonJS Namespaces").
 */
export function importedByEsModule(exports: unknown, importer: string): unknown {
  if (types.isModuleNamespaceObject(exports)) return asTranspiled(exports);
  return hasEsModuleFlag(exports) && isEsModule(importer) ? namespaceOf(exports) : exports;
}

/** The namespace of an ES module as transpiled code knows it: `default` is the default export. */
export function asTranspiled(namespace: unknown): object {
  return Object.assign({ __esModule: true }, namespace);
}

/** What `import()` resolves to. */
export function asImported(exports: unknown): unknown {
  return types.isModuleNamespaceObject(exports) || hasEsModuleFlag(exports) ? exports : namespaceOf(exports);
}

function namespaceOf(exports: unknown): object {
  const named = typeof exports === 'object' && exports !== null ? exports : {};
  return { ...named, __esModule: true, default: exports };
}

function hasEsModuleFlag(exports: unknown): boolean {
  return typeof exports === 'object' && exports !== null && '__esModule' in exports && exports.__esModule === true;
}

/** As Node decides it: by the extension, then by `type` of the nearest package.json. */
function isEsModule(file: string): boolean {
  const extension = extname(file);
  if (extension === '.mts' || extension === '.mjs') return true;
  if (extension === '.cts' || extension === '.cjs') return false;
  for (let end = file.lastIndexOf('/'); end >= 0; end = file.lastIndexOf('/', end - 1)) {
    const text = readIfThere(`${file.slice(0, end)}/package.json`);
    if (text === undefined) {
      if (end === 0) break;
      continue;
    }
    const manifest: { readonly type?: unknown } = JSON.parse(text);
    return manifest.type === 'module';
  }
  return false;
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return undefined;
    throw error;
  }
}
