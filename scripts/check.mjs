/** `npm run check`: format, lint, types, layers and unit tests, in seconds and without root. */
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { quietly, root, sum, vitest } from './run.mjs';

/** @returns {Promise<import('./run.mjs').Counts>} */
export async function check() {
  const node = (script, ...argv) => [process.execPath, join('node_modules', script), ...argv];
  // Two cores: the compiler has one, the short ones share the other with the unit tests.
  const results = await Promise.all([
    quietly('types (tsc)', node('typescript/bin/tsc', '--incremental', '--tsBuildInfoFile', 'node_modules/.cache/tsc.tsbuildinfo')),
    quietly('format and lint (biome)', node('@biomejs/biome/bin/biome', 'check')),
    checkC(),
    unitTests(),
  ]);
  return sum(results);
}

async function unitTests() {
  const started = performance.now();
  const counts = await vitest('unit', { capture: true });
  const verdict = counts.failed === 0 ? 'ok  ' : 'FAIL';
  console.log(
    `${verdict} unit tests: ${counts.passed} passed, ${counts.failed} failed (${((performance.now() - started) / 1000).toFixed(1)} s)`,
  );
  return counts;
}

async function checkC() {
  const files = ['native/launcher', 'bench', 'test'].flatMap(cFiles);
  if (files.length === 0) return { passed: 0, failed: 0, skipped: 0 };
  if (!(process.env.PATH ?? '').split(delimiter).some((directory) => existsSync(join(directory, 'clang-format')))) {
    console.log('SKIP C format: clang-format is not installed');
    return { passed: 0, failed: 0, skipped: 1 };
  }
  return quietly('C format (clang-format)', ['clang-format', '--dry-run', '--Werror', ...files]);
}

function cFiles(directory) {
  if (!existsSync(join(root, directory))) return [];
  return readdirSync(join(root, directory), { recursive: true })
    .map((file) => join(directory, String(file)))
    .filter((file) => /\.[ch]$/.test(file));
}

/** @param {import('./run.mjs').Counts} counts */
export function finish({ passed, failed, skipped }) {
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  process.exitCode = failed === 0 ? 0 : 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) finish(await check());
