/**
 * A small module system for the user's files: each is transpiled to CommonJS and evaluated here, in this thread, after what it imports.
 * Node's own loaders are left alone: hooks for ES modules cost Node 20 a thread (60 ms), and would see every module of ours, too.
 *
 * INVARIANTS
 * - A module is evaluated at most once, after all that it imports, but for cycles: there it sees what is exported so far.
 * - Only the loading awaits, so a module with top-level await works wherever it is imported, but not where it is `require`d.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { Cache } from './cache.ts';
import { type Compiled, compile } from './compiled.ts';
import { evaluate, type ModuleObject } from './evaluate.ts';
import { asImported, asTranspiled, importedByEsModule, isOnlyImportable } from './interop.ts';
import { type Resolved, resolveImport } from './resolve.ts';

export interface ModuleGraph {
  /** Evaluates a file and all that it imports. Resolves to what it exports. */
  load(file: string): Promise<unknown>;
  /** Absolute paths of the files that were read, or were to be, in the order of reading. */
  readonly files: readonly string[];
  /** Absolute paths that imports were looked for at, where nothing is. */
  readonly missing: readonly string[];
  /** JSON of the source map of a file that was read. */
  sourceMap(file: string): string | undefined;
}

interface Loaded {
  readonly compiled: Compiled;
  readonly module: ModuleObject;
  /** Its imports are being loaded, or it is being evaluated. */
  state: 'loading' | 'evaluating' | 'done';
  promise: Promise<void> | undefined;
  /** The module whose end it waits for. */
  waitsFor: Loaded | undefined;
}

export function createModuleGraph(options: { readonly cache: Cache; readonly packageRoot: string; readonly tsstack: object }): ModuleGraph {
  const modules = new Map<string, Loaded>();
  const json = new Map<string, unknown>();
  const files = new Set<string>();
  const missing = new Set<string>();
  /** Packages that only `import()` can load: file → its namespace. */
  const imported = new Map<string, object>();

  function open(file: string): Loaded {
    const known = modules.get(file);
    if (known !== undefined) return known;
    // First: a file that can't be read or compiled decides as much as one that can.
    files.add(file);
    const compiled = compile(file, readFileSync(file, 'utf8'), options);
    const loaded: Loaded = { compiled, module: { exports: {} }, state: 'loading', promise: undefined, waitsFor: undefined };
    modules.set(file, loaded);
    return loaded;
  }

  function resolve(specifier: string, by: Loaded): Resolved {
    return resolveImport(specifier, by.compiled.file, (path) => missing.add(path));
  }

  async function load(file: string, by: Loaded | undefined): Promise<unknown> {
    const loaded = open(file);
    if (loaded.state !== 'done' && !waitsOn(loaded, by)) {
      if (by !== undefined) by.waitsFor = loaded;
      // In a later microtask: in a cycle this module is asked for again before `loadImports` returns its promise.
      loaded.promise ??= Promise.resolve().then(() => loadImports(loaded));
      await loaded.promise;
      if (by !== undefined) by.waitsFor = undefined;
    }
    return loaded.module.exports;
  }

  async function loadImports(loaded: Loaded): Promise<void> {
    for (const specifier of loaded.compiled.requires) {
      const resolved = resolve(specifier, loaded);
      if (resolved.kind === 'source') await load(resolved.file, loaded);
      else await prepareNative(resolved, loaded);
    }
    // A module that imports this one in a cycle may have required, and thereby evaluated it.
    if (loaded.state === 'loading') await run(loaded);
  }

  async function prepareNative(resolved: Resolved, by: Loaded): Promise<void> {
    if (resolved.kind !== 'native' || imported.has(resolved.id)) return;
    try {
      createRequire(by.compiled.file)(resolved.id);
    } catch (error) {
      if (!isOnlyImportable(error)) throw error;
      imported.set(resolved.id, asTranspiled(await import(pathToFileURL(resolved.id).href)));
    }
  }

  function run(loaded: Loaded): Promise<void> | undefined {
    loaded.state = 'evaluating';
    const ended = evaluate(loaded.compiled, loaded.module, {
      require: (specifier) => requireFrom(loaded, specifier),
      import: (specifier) => importDynamically(loaded, specifier),
    });
    if (ended === undefined) loaded.state = 'done';
    return ended?.then(() => {
      loaded.state = 'done';
    });
  }

  function requireFrom(by: Loaded, specifier: string): unknown {
    const resolved = resolve(specifier, by);
    if (resolved.kind === 'tsstack') return options.tsstack;
    if (resolved.kind === 'json') return readJson(resolved.file);
    if (resolved.kind === 'source') return requireSource(resolved.file);
    return imported.get(resolved.id) ?? importedByEsModule(createRequire(by.compiled.file)(resolved.id), by.compiled.file);
  }

  function requireSource(file: string): unknown {
    const loaded = open(file);
    if (loaded.state === 'loading') {
      if (loaded.compiled.awaits) throw new Error(`\`${file}\` uses await outside of functions, so it can be imported but not required`);
      run(loaded);
    }
    return loaded.module.exports;
  }

  async function importDynamically(by: Loaded, specifier: string): Promise<unknown> {
    const resolved = resolve(specifier, by);
    if (resolved.kind === 'source') return asImported(await load(resolved.file, by));
    await prepareNative(resolved, by);
    return asImported(requireFrom(by, specifier));
  }

  function readJson(file: string): unknown {
    files.add(file);
    if (!json.has(file)) json.set(file, JSON.parse(readFileSync(file, 'utf8')));
    return json.get(file);
  }

  return {
    load: (file) => load(file, undefined),
    get files() {
      return [...files];
    },
    get missing() {
      return [...missing];
    },
    sourceMap: (file) => modules.get(file)?.compiled.map(),
  };
}

/** Whether `loaded` waits, over others, for `by`: then `by` must not wait for it in turn. */
function waitsOn(loaded: Loaded, by: Loaded | undefined): boolean {
  for (let next: Loaded | undefined = loaded; next !== undefined && by !== undefined; next = next.waitsFor) if (next === by) return true;
  return false;
}
