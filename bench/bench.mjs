/**
 * `npm run bench`: how long `up`, an `up` that changes nothing, and `down` take, what stays in memory, and what the kernel alone
 * would take. Beside it whatever compose and engine this machine has, with the same root filesystem, in the same run.
 * Works on this host as a user does; `sh scripts/fake-host.sh node bench/bench.mjs` keeps its network to itself.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { run } from './command.mjs';
import { floor } from './floor.mjs';
import { measure, median } from './measure.mjs';
import { renderTable } from './render.mjs';
import { compose, image, tsstack } from './sides.mjs';
import { writeProject } from './stack.mjs';

const { values: options } = parseArgs({
  options: {
    sizes: { type: 'string', default: '1,10,50' },
    runs: { type: 'string', default: '7' },
    json: { type: 'boolean', default: false },
    'no-compose': { type: 'boolean', default: false },
  },
});

const sizes = options.sizes.split(',').map(Number);
const runs = Number(options.runs);
if ([...sizes, runs].some((number) => !Number.isInteger(number) || number < 1)) {
  console.error('usage: bench.mjs [--sizes 1,10,50] [--runs 7] [--json] [--no-compose]');
  process.exit(2);
}
if (process.getuid?.() !== 0) {
  console.error('the bench makes containers: run it as root');
  process.exit(1);
}

const base = mkdtempSync(join(tmpdir(), 'tsstack-bench-'));
chmodSync(base, 0o755); // the floor's containers, which are nobody here, look up their root in it
try {
  const result = await bench();
  process.stdout.write(options.json ? `${JSON.stringify(result, null, 2)}\n` : renderTable(result));
} finally {
  rmSync(base, { recursive: true, force: true });
}

async function bench() {
  const other = options['no-compose'] ? { why: 'not asked for' } : await compose();
  const sides = [tsstack(base), ...(other.side ? [other.side] : [])];
  const results = [];
  for (const services of sizes) {
    const directory = join(base, `bench-${services}`);
    mkdirSync(directory);
    writeProject(directory, services, image);
    const measured = {};
    for (const side of sides) {
      console.error(`${services} services: ${side.name} …`);
      await side.prepare(directory);
      measured[side.name] = await measure(side, directory, runs);
    }
    results.push({ services, floor: await floor(base, join(directory, 'rootfs'), services, runs), sides: measured });
  }
  for (const side of sides) await side.close();
  return {
    machine: { cpus: cpus().length, model: cpus()[0]?.model, kernel: release(), node: process.version, emptyNodeMs: await emptyNode() },
    runs,
    compared: other.side?.name ?? null,
    notCompared: other.why ?? null,
    results,
  };
}

/** What no command of ours can be faster than: tells a slow hour of the machine from a slow change of ours. */
async function emptyNode() {
  const env = { ...process.env };
  delete env.NODE_EXTRA_CA_CERTS;
  const times = [];
  for (let i = 0; i < 11; i++) times.push((await run([process.execPath, '-e', '0'], { env })).ms);
  return median(times);
}
