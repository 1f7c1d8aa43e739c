/**
 * `npm run bench`: how long things take, beside whatever compose and engine this machine has, with the same root filesystem, in the same run.
 * Works on this host as a user does; `sh scripts/fake-host.sh node bench/bench.mjs` keeps its network to itself, and
 * `sh scripts/fake-host.sh sh bench/with-docker.sh node bench/bench.mjs` brings a Docker of its own.
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { adoption } from './adoption.mjs';
import { chain } from './chain.mjs';
import { change } from './change.mjs';
import { run } from './command.mjs';
import { dns } from './dns.mjs';
import { idle } from './idle.mjs';
import { images } from './images.mjs';
import { join as joins } from './join.mjs';
import { lifecycle } from './lifecycle.mjs';
import { network } from './network.mjs';
import { renderTables } from './render.mjs';
import { repair } from './repair.mjs';
import { compose, image, tsstack } from './sides.mjs';
import { writeProject } from './stack.mjs';
import { median } from './statistics.mjs';
import { watch } from './watch.mjs';

/** Each: how often it is done unless `--runs` says. */
const measurements = {
  lifecycle: { measure: lifecycle, runs: 7 },
  repair: { measure: repair, runs: 20 },
  change: { measure: change, runs: 10 },
  watch: { measure: watch, runs: 20 },
  chain: { measure: chain, runs: 7 },
  idle: { measure: idle, runs: 1 },
  adoption: { measure: adoption, runs: 10 },
  images: { measure: images, runs: 3 },
  network: { measure: network, runs: 5 },
  dns: { measure: dns, runs: 5 },
  join: { measure: joins, runs: 10 },
};

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: Object.keys(measurements).join(',') },
    sizes: { type: 'string', default: '1,10,50' },
    runs: { type: 'string' },
    'idle-seconds': { type: 'string', default: '30' },
    json: { type: 'boolean', default: false },
    'no-compose': { type: 'boolean', default: false },
  },
});

const only = options.only.split(',');
const sizes = options.sizes.split(',').map(Number);
const idleSeconds = Number(options['idle-seconds']);
const runs = options.runs === undefined ? undefined : Number(options.runs);
const numbers = [...sizes, idleSeconds, ...(runs === undefined ? [] : [runs])];
if (numbers.some((number) => !Number.isInteger(number) || number < 1) || only.some((name) => !Object.hasOwn(measurements, name))) {
  console.error(
    `usage: bench.mjs [--only ${Object.keys(measurements).join(',')}] [--sizes 1,10,50] [--runs N] [--idle-seconds 30] [--json] [--no-compose]`,
  );
  process.exit(2);
}
if (process.getuid?.() !== 0) {
  console.error('the bench makes containers: run it as root');
  process.exit(1);
}

const base = mkdtempSync(join(tmpdir(), 'tsstack-bench-'));
chmodSync(base, 0o755); // the floor's containers, which are nobody here, look up their root in it
try {
  await bench();
} finally {
  rmSync(base, { recursive: true, force: true });
}

async function bench() {
  const other = options['no-compose'] ? { why: 'not asked for' } : await compose();
  const sides = [tsstack(base), ...(other.side ? [other.side] : [])];
  const machine = await describeMachine();
  const project = (name, services) => {
    const directory = join(base, name);
    writeProject(directory, services, image);
    return directory;
  };
  const tables = [];
  try {
    for (const side of sides) await side.prepare(project('image', {}));
    for (const name of only) {
      const { measure, runs: usually } = measurements[name];
      const say = (text) => console.error(`${name}: ${text} …`);
      tables.push({ name, ...(await measure({ sides, sizes, runs: runs ?? usually, idleSeconds, project, base, say })) });
    }
  } finally {
    for (const side of sides) await side.close();
    const result = { machine, notCompared: other.why, tables };
    process.stdout.write(options.json ? `${JSON.stringify(result, null, 2)}\n` : renderTables(tables, machine, other.why));
  }
}

/** The empty process is what no command of ours can be faster than: tells a slow hour of the machine from a slow change of ours. */
async function describeMachine() {
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
  const times = [];
  for (let i = 0; i < 11; i++) times.push((await run([process.execPath, '-e', '0'], { env })).ms);
  const [load] = readFileSync('/proc/loadavg', 'utf8').split(' ');
  return { cpus: cpus().length, model: cpus()[0]?.model, kernel: release(), node: process.version, load, emptyNodeMs: median(times) };
}
