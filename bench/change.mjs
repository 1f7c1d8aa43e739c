import { readFileSync } from 'node:fs';
import { run } from './command.mjs';
import { isServed } from './page.mjs';
import { image } from './sides.mjs';
import { writeFiles } from './stack.mjs';
import { median } from './statistics.mjs';
import { memoryLimit } from './survey.mjs';

const MIB = 1024 * 1024;
const published = { ports: [18080], memoryMiB: 64 };

/** Each: the service before and after the change, and whether it has been made. `i` makes each change one that was never made before. */
const changes = {
  'another memory limit': {
    before: () => published,
    after: (i) => ({ ...published, memoryMiB: 65 + i }),
    made: async ({ pids, i }) => readFileSync(memoryLimit(pids[0]), 'utf8').trim() === String((65 + i) * MIB),
  },
  'another port': {
    before: () => published,
    after: (i) => ({ ...published, ports: [18080, 18100 + i] }),
    made: ({ i }) => isServed(18100 + i),
  },
  'one replica more': {
    before: (i) => ({ memoryMiB: 65 + i }),
    after: (i) => ({ memoryMiB: 65 + i, replicas: 2 }),
    made: async ({ pids }) => pids.length === 2,
  },
};

/**
 * `up -d` after the stack file was changed: of the whole, what the supervisor took, and the whole again when the file has been seen before, so that
 * TypeScript needn't be loaded.
 */
export async function change({ sides, runs, project, say }) {
  const directory = project('change', { s1: published });
  const rows = [];
  for (const [what, kind] of Object.entries(changes)) {
    const row = { change: what };
    for (const side of sides) {
      say(`${what}: ${side.name}`);
      const measured = await measureChange(side, directory, { kind, runs });
      const middle = (pick) => ({ value: median(measured.map(pick)), unit: 'ms' });
      row[side.name] = middle(({ edited }) => edited.ms);
      if (side.name === 'tsstack') {
        row['file seen before'] = middle(({ seen }) => seen.ms);
        row['of it supervisor'] = middle(({ seen }) => seen.inside);
      }
      row[`${side.name} recreates`] = measured.some(({ edited }) => edited.recreated) ? 'yes' : 'no';
    }
    rows.push(row);
  }
  return { title: `changes of one service: \`up -d\`, medians of ${runs}`, rows };
}

async function measureChange(side, directory, { kind, runs }) {
  const measured = [];
  try {
    for (let i = 0; i < runs; i++) {
      const edited = await changeOnce(side, directory, { kind, i });
      const seen = side.name === 'tsstack' ? await changeOnce(side, directory, { kind, i }) : undefined;
      measured.push({ edited, seen });
    }
    return measured;
  } finally {
    await side.down(directory);
  }
}

async function changeOnce(side, directory, { kind, i }) {
  writeFiles(directory, { s1: kind.before(i) }, image);
  await side.up(directory);
  const before = await side.containers(directory);
  writeFiles(directory, { s1: kind.after(i) }, image);
  const { ms, stdout } = await run([...side.command, 'up', '-d', ...side.json], { cwd: directory, env: side.env });
  const pids = await side.containers(directory);
  if (!(await kind.made({ pids, i }))) throw new Error(`${side.name} did not make the change`);
  return {
    ms,
    inside: side.json.length > 0 ? JSON.parse(stdout).durationMs : undefined,
    recreated: before.some((pid) => !pids.includes(pid)),
  };
}
