import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { succeeds } from './command.mjs';
import { image } from './sides.mjs';
import { writeFiles } from './stack.mjs';
import { median, p95 } from './statistics.mjs';
import { memoryLimit } from './survey.mjs';

const MIB = 1024 * 1024;
/** For TypeScript to be loaded in the background. */
const WARM_UP_MS = 4000;
const PATIENCE_MS = 10_000;

/** `tsstack watch`: from before the stack file is written to the kernel having the new memory limit. */
export async function watch({ sides, runs, project, say }) {
  const row = { change: 'memory limit in the stack file' };
  for (const side of sides) {
    say(side.name);
    if (side.name !== 'tsstack') {
      const knows = await succeeds([...side.command, 'watch', '--help']);
      row[side.name] = { cannot: knows ? 'its `watch` follows files of services, not the compose file' : 'it has no `watch`' };
      continue;
    }
    const times = await saves(side, project('watch', { s1: { memoryMiB: 64 } }), runs);
    row[side.name] = { value: median(times), unit: 'ms' };
    row['p95'] = { value: p95(times), unit: 'ms' };
    row['target'] = { value: 300, unit: 'ms', of: median(times) };
  }
  return { title: `watch: from save to applied, of ${runs}`, rows: [row] };
}

async function saves(side, directory, runs) {
  const [program, ...argv] = side.command;
  const child = spawn(program, [...argv, 'watch'], { cwd: directory, env: side.env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((resolve) => child.on('exit', resolve));
  try {
    await says(child, 'watching ');
    await setTimeout(WARM_UP_MS);
    const [pid] = await side.containers(directory);
    const limit = memoryLimit(pid);
    const times = [];
    for (let i = 0; i < runs; i++) {
      await setTimeout(300);
      const saved = performance.now();
      writeFiles(directory, { s1: { memoryMiB: 65 + i } }, image);
      while (readFileSync(limit, 'utf8').trim() !== String((65 + i) * MIB)) {
        if (performance.now() > saved + PATIENCE_MS) throw new Error(`not applied after ${PATIENCE_MS / 1000} s`);
        await setTimeout(1);
      }
      times.push(performance.now() - saved);
    }
    return times;
  } finally {
    child.kill('SIGINT');
    await ended;
    await side.down(directory);
  }
}

function says(child, text) {
  return new Promise((resolve, reject) => {
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data) => {
        said += data;
        if (said.includes(text)) resolve();
      });
    child.on('exit', (code) => reject(new Error(`it ended with ${code}:\n${said}`)));
  });
}
