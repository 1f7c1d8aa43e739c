import { isAscii } from 'node:buffer';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire, Module } from 'node:module';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';
import type ts from 'typescript';

/** Where the CLI keeps its own code cache, too (bin/tsstack.cjs). */
const CACHE = ['dist', 'cache'];

export interface Compiler {
  readonly typescript: typeof ts;
  /** To be called when it has worked: V8 then holds the functions that were needed. Does something once per version of Node and TypeScript. */
  keep(): void;
}

/**
 * `typescript` as `require` gives it, and afterwards whoever requires it gets the same; but compiled by V8 only the first time: that takes more of
 * the start than all it then does for a stack file (`module.enableCompileCache` would do, from Node 22 on). A cache that can't be read or written,
 * or is another version's, is a shortcut less and nothing else.
 */
export function loadCompiler(packageRoot: string): Compiler {
  const { resolve, cache } = createRequire(join(packageRoot, 'package.json'));
  const file = resolve('typescript');
  const loaded = cache[file];
  if (loaded !== undefined) return { typescript: loaded.exports, keep: () => undefined };

  const kept = join(packageRoot, ...CACHE, cacheName(file));
  const cachedData = readIfThere(kept);
  const script = new Script(`(function (exports, require, module, __filename, __dirname) {${readSource(file)}\n})`, {
    filename: file,
    ...(cachedData && { cachedData }),
  });
  const module = new Module(file);
  script.runInThisContext()(module.exports, createRequire(file), module, file, dirname(file));
  module.loaded = true;
  cache[file] = module;
  const usable = cachedData !== undefined && script.cachedDataRejected === false;
  return { typescript: module.exports, keep: () => (usable ? undefined : write(kept, script.createCachedData())) };
}

/** V8 itself compares its own version and flags, and only the length of the source. */
function cacheName(file: string): string {
  const { size, mtimeMs } = statSync(file);
  return `typescript-${size}-${Math.round(mtimeMs)}-${process.version}-${process.arch}.bin`;
}

/** Latin-1 needs no decoding, and V8 keeps one byte a character of it. */
function readSource(file: string): string {
  const bytes = readFileSync(file);
  return bytes.toString(isAscii(bytes) ? 'latin1' : 'utf8');
}

function readIfThere(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

/** Under another name first: whoever reads meanwhile has all of it or nothing. */
function write(file: string, data: Buffer): void {
  const draft = `${file}.${process.pid}`;
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(draft, data);
    renameSync(draft, file);
  } catch {
    // A package that is not ours to write into, or a full disk: compiled again the next time.
    if (existsSync(draft)) rmSync(draft, { force: true });
  }
}
