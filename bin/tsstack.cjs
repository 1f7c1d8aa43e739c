#!/usr/bin/env node
'use strict';
/**
 * Starts the bundled CLI with V8's code cache, which saves compiling it: a third of the start-up. The cache lies beside the bundle. It is taken at
 * the end of a run, when V8 holds the functions that were really called (v8 `Script.createCachedData`), and again after the first run of each other
 * command, so that it comes to hold those of all. It is only ever a shortcut: absent, stale or unwritable, everything works as without it.
 */
const fs = require('node:fs');
const path = require('node:path');
const vm = require('node:vm');

const packageRoot = path.join(__dirname, '..');
const bundle = path.join(packageRoot, 'dist', 'cli.cjs');
const argv = process.argv.slice(2);

// What editors and shell prompts ask: not worth loading the bundle for.
if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-v')) {
  fs.writeSync(1, `${JSON.parse(fs.readFileSync(path.join(packageRoot, 'package.json'), 'utf8')).version}\n`);
  process.exit(0);
}
const source = readBundle();
if (source === undefined) {
  process.stderr.write('error: tsstack is not built\n  hint: run `npm run build`\n');
  process.exit(1);
}
const cache = readCache(source);
const script = new vm.Script(`(function (exports, require, module, __filename, __dirname) {${source}\n})`, {
  filename: bundle,
  cachedData: cache.data,
  // Lets the bundle `import()` ES modules as if it had been loaded by Node itself.
  importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
});
const bundleModule = { exports: {} };
script.runInThisContext()(bundleModule.exports, require('node:module').createRequire(bundle), bundleModule, bundle, path.dirname(bundle));
bundleModule.exports.main(argv, { packageRoot, build: cache.build }).then((code) => {
  saveCache();
  process.exit(code);
});

/** The build leaves only ASCII in it: read as Latin-1 it needs no decoding, and V8 keeps one byte a character. */
function readBundle() {
  try {
    return fs.readFileSync(bundle, 'latin1');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * The file is a line of names of the runs it has seen, then V8's data. It is keyed by what V8 would reject it for (version, flags) and by the
 * bundle's hash, which the build puts in its first line: V8 itself compares only the length of the source.
 */
function readCache(text) {
  const build = /^\/\* ([0-9a-f]+)/.exec(text)?.[1] ?? '';
  const flags = [...process.execArgv, process.env.NODE_OPTIONS ?? ''].join(' ').replace(/[^\w]+/g, '_');
  const file = path.join(packageRoot, 'dist', 'cache', `${build}-${process.version}-${process.arch}${flags.slice(0, 100)}.bin`);
  try {
    const content = fs.readFileSync(file);
    const end = content.indexOf(10);
    return { build, file, runs: content.toString('latin1', 0, end).split(' '), data: content.subarray(end + 1) };
  } catch {
    // No cache: the next run has one.
    return { build, file, runs: [], data: undefined };
  }
}

/** Written under another name first: whoever reads it meanwhile has the old one or the new one. */
function saveCache() {
  const run = argv.find((word) => /^[a-z]+$/.test(word)) ?? '-';
  const usable = cache.data !== undefined && script.cachedDataRejected === false;
  if (usable && (cache.runs.includes(run) || cache.runs.length >= 32)) return;
  const runs = usable ? [...cache.runs, run] : [run];
  const draft = `${cache.file}.${process.pid}`;
  try {
    fs.mkdirSync(path.dirname(cache.file), { recursive: true });
    fs.writeFileSync(draft, Buffer.concat([Buffer.from(`${runs.join(' ')}\n`, 'latin1'), script.createCachedData()]));
    fs.renameSync(draft, cache.file);
  } catch {
    // Not writable (a global install, a full disk): the next run compiles again, which is all that is lost.
    removeIfThere(draft);
  }
}

function removeIfThere(file) {
  try {
    fs.unlinkSync(file);
  } catch {
    // It was never begun.
  }
}
