import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const root = new URL('..', import.meta.url).pathname;

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

/** @param {readonly Counts[]} all @returns {Counts} */
export function sum(all) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const { passed, failed, skipped } of all) {
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
  }
  return total;
}

/**
 * Runs one tool and prints what it said only if it failed: side by side, two talking tools are unreadable.
 * @param {string} name @param {readonly string[]} command @returns {Promise<Counts>}
 */
export async function quietly(name, command) {
  const started = performance.now();
  const { code, output } = await run(command, { capture: true });
  const verdict = `${code === 0 ? 'ok  ' : 'FAIL'} ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)`;
  process.stdout.write(code === 0 ? `${verdict}\n` : `${verdict}\n${output}\n`);
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
}

/**
 * Runs one or more vitest projects and counts from its JSON report: a file that cannot be loaded has no tests in it, so it counts as one failure.
 * @param {string | readonly string[]} project
 * `label`: tells its report from those of others at the same time.
 * @param {{ filters?: readonly string[], wrapper?: readonly string[], label?: string, capture?: boolean }} options
 * @returns {Promise<Counts>}
 */
export async function vitest(project, { filters = [], wrapper = [], label, capture = false } = {}) {
  const projects = [project].flat();
  const report = join(tmpdir(), `tsstack-vitest-${process.pid}-${projects.join('-')}${label === undefined ? '' : `-${label}`}.json`);
  const chosen = projects.flatMap((name) => ['--project', name]);
  const command = [...wrapper, process.execPath, 'node_modules/vitest/vitest.mjs', 'run', ...chosen, '--passWithNoTests'];
  const { code, output } = await run([...command, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...filters], {
    capture,
  });
  if (capture && code !== 0) process.stdout.write(output);
  const counts = readReport(report);
  rmSync(report, { force: true });
  // Non-zero without a failed test: an unhandled rejection, or vitest itself did not get that far.
  if (code !== 0 && counts.failed === 0) counts.failed = 1;
  return counts;
}

/** @param {string} path @returns {Counts} */
function readReport(path) {
  let report;
  try {
    report = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return { passed: 0, failed: 0, skipped: 0 }; // vitest failed before it wrote one; its exit code tells
  }
  const unloadable = report.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length;
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + unloadable,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/** @param {readonly string[]} command @param {{ capture: boolean }} options @returns {Promise<{ code: number, output: string }>} */
function run([file, ...argv], { capture }) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, argv, { cwd: root, stdio: ['ignore', capture ? 'pipe' : 'inherit', capture ? 'pipe' : 'inherit'] });
    let output = '';
    child.stdout?.on('data', (data) => (output += data));
    child.stderr?.on('data', (data) => (output += data));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}
