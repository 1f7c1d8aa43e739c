/**
 * Makes `dist/`: the CLI and the public entry as one CommonJS bundle each, the public types, and the native launcher. What is up to date is left
 * alone: every output has a stamp with a hash of all it was made from. `--force` makes everything anew.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const at = (...parts) => join(root, ...parts);
const force = process.argv.includes('--force');

/** Each: its outputs, the files whose change makes it stale (a stamp may add some), and how it is made. `make` may return further inputs. */
const products = [
  {
    name: 'cli',
    outputs: ['dist/cli.cjs'],
    requires: 'cli/main.ts',
    inputs: () => [],
    make: () => bundle('cli/main.ts', 'dist/cli.cjs'),
  },
  {
    name: 'index',
    outputs: ['dist/index.cjs'],
    requires: 'dsl/index.ts',
    inputs: () => [],
    make: () => bundle('dsl/index.ts', 'dist/index.cjs'),
  },
  {
    name: 'types',
    outputs: ['dist/types/dsl/index.d.ts'],
    requires: 'dsl/index.ts',
    inputs: () => ['tsconfig.json', 'tsconfig.types.json', ...filesUnder('dsl'), ...filesUnder('engine/model')],
    make: () => run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.types.json']),
  },
  {
    name: 'launcher',
    outputs: ['dist/native/tsstack-launcher'],
    requires: 'native/launcher/Makefile',
    inputs: () => filesUnder('native/launcher'),
    make: () => run('make', ['-s', '-C', 'native/launcher', '--no-print-directory']),
  },
];

const results = await Promise.allSettled(products.map(build));
for (const result of results) if (result.status === 'rejected') process.stderr.write(`error: ${result.reason.message}\n`);
if (results.some(({ status }) => status === 'rejected')) process.exit(1);

async function build(product) {
  if (!existsSync(at(product.requires))) {
    process.stderr.write(`build: \`${product.requires}\` is not there, so ${product.outputs.join(', ')} is not made\n`);
    return;
  }
  const stampFile = at('dist/stamps', `${product.name}.json`);
  if (!force && isFresh(product, stampFile)) return;
  const started = performance.now();
  const more = (await product.make()) ?? [];
  const inputs = [...new Set([...product.inputs(), ...more])].sort();
  writeWhole(stampFile, `${JSON.stringify({ hash: hashOf(inputs), inputs }, undefined, 1)}\n`);
  process.stderr.write(`build: ${product.outputs.join(', ')} (${Math.round(performance.now() - started)} ms)\n`);
}

/** A file that is new can only matter if one that imports it changed, or if it is among the product's own inputs. */
function isFresh(product, stampFile) {
  if (!existsSync(stampFile) || !product.outputs.every((output) => existsSync(at(output)))) return false;
  const stamp = JSON.parse(readFileSync(stampFile, 'utf8'));
  if (product.inputs().some((input) => !stamp.inputs.includes(input))) return false;
  return hashOf(stamp.inputs) === stamp.hash;
}

/** The lock file stands for node_modules, this script for the options. */
function hashOf(inputs) {
  const hash = createHash('sha256');
  for (const input of ['package.json', 'package-lock.json', 'scripts/build.mjs', ...inputs]) {
    hash.update(`${input}\0${existsSync(at(input)) ? readFileSync(at(input)) : ''}\0`);
  }
  return hash.digest('hex');
}

function filesUnder(directory) {
  const entries = readdirSync(at(directory), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

/** Returns the source files that went into it. */
async function bundle(entry, output) {
  const esbuild = await import('esbuild');
  const result = await esbuild.build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    write: false,
    metafile: true,
    logLevel: 'warning',
    platform: 'node',
    format: 'cjs',
    target: 'node20.19',
    // Names are kept: a stack trace of `--debug` is to be read.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    // koffi loads its own binary from beside itself; fzstd is for images with zstd on Node before 22.15 alone, dockerfile-ast and dockerignore for builds, dagre for `graph`; the compilers are needed for a stack file that changed, and by far too large to read each time.
    external: ['koffi', 'typescript', 'ts-node', 'fzstd', 'dockerfile-ast', '@balena/dockerignore', '@dagrejs/dagre'],
    // They are required, as koffi is: Node refuses `import()` to a script whose compiled code comes from bin/tsstack.cjs' cache.
    supported: { 'dynamic-import': false },
    inject: [at('scripts/import-meta-url.mjs')],
    define: { 'import.meta.url': 'importMetaUrl' },
  });
  const [{ text }] = result.outputFiles;
  // bin/tsstack.cjs reads it as Latin-1.
  const stray = /[^\x00-\x7f]/.exec(text);
  if (stray !== null)
    throw new Error(`${output} would hold a character that isn't ASCII: ${JSON.stringify(text.slice(stray.index - 40, stray.index + 1))}`);
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 16);
  writeWhole(at(output), `/* ${hash} */${text}`);
  rmSync(at('dist/cache'), { recursive: true, force: true });
  return Object.keys(result.metafile.inputs).filter((input) => !input.startsWith('node_modules/') && !input.startsWith('..'));
}

/** Under another name first, so that a CLI that starts meanwhile sees the old one or the new one. */
function writeWhole(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.${process.pid}`, text);
  renameSync(`${file}.${process.pid}`, file);
}

function run(program, argv) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, argv, { cwd: root, stdio: ['ignore', 2, 2] });
    child.on('error', (error) => reject(new Error(`cannot run \`${program}\`: ${error.message}`)));
    child.on('exit', (code, signal) => {
      if (code === 0) resolve(undefined);
      else reject(new Error(`\`${program} ${argv.join(' ')}\` ended with ${signal ?? `code ${code}`}`));
    });
  });
}
