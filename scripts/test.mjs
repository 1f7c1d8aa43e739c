/**
 * `npm test`: everything. `node scripts/test.mjs kernel FILE...`: one tier, some files.
 * Kernel and e2e tests change the machine: each tier gets a fake host of its own, which takes root.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { check, finish } from './check.mjs';
import { root, sum, vitest } from './run.mjs';

const tiers = ['check', 'kernel', 'e2e'];
/** Of the end-to-end files, by far. */
const LONGEST = 'crash-steps.test.ts';
const [first, ...rest] = process.argv.slice(2);

if (first === undefined) {
  const results = [];
  for (const tier of tiers) results.push(await run(tier, []));
  finish(sum(results));
} else if (tiers.includes(first)) {
  finish(await run(first, rest));
} else {
  console.error(`unknown tier \`${first}\`; usage: node scripts/test.mjs [${tiers.join(' | ')}] [FILE...]`);
  process.exitCode = 2;
}

async function run(tier, filters) {
  if (tier === 'check') return check();
  const lacking = whatIsMissing();
  if (lacking !== undefined) {
    const files = testFiles(tier).length;
    console.log(`\n*** SKIPPED all ${tier} tests (${files} files): ${lacking} ***\n`);
    return { passed: 0, failed: 0, skipped: files };
  }
  const wrapper = ['sh', 'scripts/fake-host.sh'];
  if (tier !== 'e2e' || filters.length > 0) return vitest(tier, { filters, wrapper });
  return sideBySide(testFiles(tier), (file) =>
    vitest(tier, { filters: [`test/${tier}/${file}`], wrapper, label: file.replaceAll('/', '-') }),
  );
}

/** Each on a fake host of its own. What they share are the real host's cgroups, and a world diff knows whose is whose. */
async function sideBySide(files, runFile) {
  // They wait more than they work: one more than there are processors. The longest begins, or all would wait for it at the end.
  const lanes = Math.min(4, availableParallelism() + 1);
  const queue = [...files].sort((a, b) => Number(b === LONGEST) - Number(a === LONGEST));
  const results = [];
  const work = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) results.push(await runFile(file));
  };
  await Promise.all(Array.from({ length: lanes }, work));
  return sum(results);
}

function whatIsMissing() {
  if (process.getuid?.() !== 0) return 'they need root';
  const probe = spawnSync('sh', ['scripts/fake-host.sh', 'true'], { cwd: root, encoding: 'utf8' });
  return probe.status === 0 ? undefined : `no fake host can be made: ${probe.stderr.trim() || probe.error?.message}`;
}

function testFiles(tier) {
  const directory = join(root, 'test', tier);
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true })
    .map(String)
    .filter((file) => file.endsWith('.test.ts'))
    .sort();
}
