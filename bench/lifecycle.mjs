import { floor } from './floor.mjs';
import { commandLine, pids, resident } from './memory.mjs';
import { answers } from './page.mjs';
import { median } from './statistics.mjs';

/** What the project promises, in ms and MB. */
const targets = {
  1: { upMs: 110, unchangedMs: 90 },
  10: { upMs: 150, unchangedMs: 90, pssMB: 60 },
  50: { upMs: 300, unchangedMs: 90, downMs: 200 },
};
const figures = [
  { label: 'up', key: 'upMs', unit: 'ms' },
  { label: 'up, unchanged', key: 'unchangedMs', unit: 'ms' },
  { label: 'down', key: 'downMs', unit: 'ms' },
  { label: 'resident (PSS)', key: 'pssMB', unit: 'MB' },
];
const ports = [18080, 18081];

/** N copies of busybox httpd on one network with two published ports: `up -d`, the same again, `down`, and what the kernel alone takes. */
export async function lifecycle({ sides, sizes, runs, project, base, say }) {
  const rows = [];
  for (const size of sizes) {
    const directory = project(`lifecycle-${size}`, services(size));
    const medians = {};
    for (const side of sides) {
      say(`${size} services: ${side.name}`);
      medians[side.name] = await rounds(side, directory, runs);
    }
    const least = await floor(base, `${directory}/rootfs`, size, runs);
    for (const { label, key, unit } of figures) {
      const target = targets[size]?.[key];
      const figure = (name) => ({ value: medians[name][key], unit });
      const cells = { services: size, '': label, tsstack: figure('tsstack'), target: { value: target, unit, of: medians.tsstack[key] } };
      for (const { name } of sides.slice(1)) cells[name] = figure(name);
      rows.push({ ...cells, 'kernel floor': { value: least[key], unit } });
    }
  }
  return { title: `up and down, medians of ${runs}`, rows };
}

/** Two published ports: of the first service, and of the second if there is one. */
function services(size) {
  const publishedBy = (i) => (size === 1 ? ports : ports.slice(i, i + 1));
  return Object.fromEntries(Array.from({ length: size }, (_, i) => [`s${i + 1}`, { ports: publishedBy(i) }]));
}

/** After one round that isn't counted: caches are warm on every side. */
async function rounds(side, directory, runs) {
  await round(side, directory);
  const all = [];
  for (let i = 0; i < runs; i++) all.push(await round(side, directory));
  return Object.fromEntries(figures.map(({ key }) => [key, median(all.map((one) => one[key]))]));
}

async function round(side, directory) {
  try {
    const upMs = await side.up(directory);
    for (const port of ports) await answers(port);
    const unchangedMs = await side.up(directory);
    const { pssMB } = resident(ownProcesses(side));
    return { upMs, unchangedMs, pssMB, downMs: await side.down(directory) };
  } catch (error) {
    await side.down(directory).catch(() => {}); // the error that matters is the first
    throw error;
  }
}

/** Without the services themselves, which are the same on every side. */
export function ownProcesses(side) {
  return [...pids()].filter((pid) => pid !== process.pid && side.owns(pid) && !commandLine(pid).startsWith('/bin/busybox httpd'));
}
