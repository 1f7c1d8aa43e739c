import { join as pathJoin } from 'node:path';
import { run } from './command.mjs';
import { median } from './statistics.mjs';

const root = new URL('..', import.meta.url).pathname;
const batch = new URL('join-batch.mjs', import.meta.url).pathname;
const CONTAINERS = 50;
/** What the project promises, in ms of our own time. */
const OWN_MS = 1;
const kinds = [
  { families: '4', label: 'IPv4' },
  { families: '46', label: 'IPv4 and IPv6' },
];

/**
 * Containers join a network: link, addresses and routes, by the engine's own drivers, in a network namespace that only has these. The processor's
 * time in user space is ours (and the runtime's), the time in the kernel isn't. Of tsstack alone: of others it can't be told apart.
 */
export async function join({ runs, base, say }) {
  const engine = await bundle();
  const rows = [];
  for (const { families, label } of kinds) {
    say(label);
    const results = [];
    for (let i = 0; i < runs; i++) {
      const { stdout } = await run(['unshare', '--net', process.execPath, batch, engine, families, String(CONTAINERS)], { cwd: base });
      results.push(JSON.parse(stdout));
    }
    const middle = (key) => median(results.map((result) => result[key] / CONTAINERS));
    rows.push({
      addresses: label,
      wall: { value: middle('wallMs'), unit: 'ms' },
      ours: { value: middle('userMs'), unit: 'ms' },
      target: { value: OWN_MS, unit: 'ms', of: middle('userMs') },
      "the kernel's": { value: middle('systemMs'), unit: 'ms' },
    });
  }
  return { title: `a container joins a network: of ${CONTAINERS} at once, each, medians of ${runs}`, rows };
}

/** The drivers are TypeScript. Beside the CLI's bundle, where koffi is found. */
async function bundle() {
  const { build } = await import('esbuild');
  const outfile = pathJoin(root, 'dist/bench/drivers.mjs');
  const drivers = {
    'network-namespaces': 'openNetworkNamespaces',
    links: 'linkExecutors',
    addresses: 'addressExecutors',
    routes: 'routeExecutors',
  };
  const contents = Object.entries(drivers)
    .map(([file, name]) => `export { ${name} } from './engine/kernel/${file}.ts';\n`)
    .join('');
  await build({
    stdin: { contents, resolveDir: root },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['koffi'],
    logLevel: 'warning',
  });
  return outfile;
}
