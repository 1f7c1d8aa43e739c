import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Script } from 'node:vm';
import type { Compiled } from './compiled.ts';
import { type Resolved, resolveImport } from './resolve.ts';
import { IMPORT, META } from './transpile.ts';

/** CommonJS's `module`: what a module exports may be replaced as a whole. */
export interface ModuleObject {
  exports: unknown;
}

const PARAMETERS = ['exports', 'require', 'module', '__filename', '__dirname', META, IMPORT].join(', ');

/** Runs a module's code. A promise: it awaits outside of functions. */
export function evaluate(
  compiled: Compiled,
  module: ModuleObject,
  imports: { readonly require: (specifier: string) => unknown; readonly import: (specifier: string) => Promise<unknown> },
): Promise<void> | undefined {
  const { file } = compiled;
  const prefix = `(${compiled.awaits ? 'async ' : ''}function (${PARAMETERS}) { `;
  // The offset keeps columns of the first line as the source map has them.
  const script = new Script(`${prefix}${compiled.code}\n})`, { filename: file, columnOffset: -prefix.length });
  const run: (...values: unknown[]) => unknown = script.runInThisContext();
  const require = Object.assign((specifier: string) => imports.require(specifier), {
    resolve: (specifier: string) => createRequire(file).resolve(specifier),
  });
  const meta = {
    url: pathToFileURL(file).href,
    filename: file,
    dirname: dirname(file),
    resolve: (specifier: string) => urlOf(resolveImport(specifier, file), specifier),
  };
  const importFrom = async (specifier: unknown) => imports.import(String(specifier));
  const ended = run(module.exports, require, module, file, dirname(file), meta, importFrom);
  return ended instanceof Promise ? ended : undefined;
}

/** What `import.meta.resolve` gives. */
function urlOf(resolved: Resolved, specifier: string): string {
  if (resolved.kind === 'source' || resolved.kind === 'json') return pathToFileURL(resolved.file).href;
  if (resolved.kind === 'native' && resolved.id.startsWith('/')) return pathToFileURL(resolved.id).href;
  return specifier;
}
