import { median } from './statistics.mjs';

const LENGTH = 5;

/** Five services whose check succeeds at once, each after the one before is healthy, against five that don't wait. */
export async function chain({ sides, runs, project, say }) {
  const names = Array.from({ length: LENGTH }, (_, i) => `s${i + 1}`);
  const stack = (after) => Object.fromEntries(names.map((name, i) => [name, { healthy: true, after: after ? names[i - 1] : undefined }]));
  const directories = { flat: project('flat', stack(false)), chained: project('chained', stack(true)) };
  const rows = [];
  for (const side of sides) {
    const medians = {};
    for (const [how, directory] of Object.entries(directories)) {
      say(`${how}: ${side.name}`);
      medians[how] = median(await ups(side, directory, runs));
    }
    const cell = (value) => ({ value, unit: 'ms' });
    const { flat, chained } = medians;
    rows.push({
      side: side.name,
      'no dependencies': cell(flat),
      'a chain': cell(chained),
      'a link of it': cell((chained - flat) / (LENGTH - 1)),
    });
  }
  return {
    title: `dependencies: \`up -d\` of ${LENGTH} services, medians of ${runs}`,
    rows,
    notes: ['check: a process in the container, each second; the default of either is 30 s'],
  };
}

async function ups(side, directory, runs) {
  const times = [];
  for (let i = 0; i <= runs; i++) {
    try {
      times.push(await side.up(directory));
    } finally {
      await side.down(directory);
    }
  }
  return times.slice(1); // the first warms caches
}
