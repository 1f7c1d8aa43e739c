import { get } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { commandLine, pids, resident } from './memory.mjs';
import { page, ports } from './stack.mjs';

/** @typedef {{ upMs: number, unchangedMs: number, downMs: number, resident: import('./memory.mjs').Resident, runs: object[] }} Measurement */

/**
 * Medians of `runs` rounds of up, the same up again, and down, after one round that isn't counted: caches are warm on every side.
 * @param {import('./sides.mjs').Side} side @param {string} directory @param {number} runs @returns {Promise<Measurement>}
 */
export async function measure(side, directory, runs) {
  await round(side, directory);
  const rounds = [];
  for (let i = 0; i < runs; i++) rounds.push(await round(side, directory));
  const middle = (pick) => median(rounds.map(pick));
  return {
    upMs: middle((r) => r.upMs),
    unchangedMs: middle((r) => r.unchangedMs),
    downMs: middle((r) => r.downMs),
    resident: rounds.at(-1).resident,
    runs: rounds,
  };
}

async function round(side, directory) {
  try {
    const upMs = await side.up(directory);
    for (const port of ports) await answers(port);
    const unchangedMs = await side.up(directory);
    // The services themselves are the same on every side and don't count.
    const counts = (pid) => pid !== process.pid && side.owns(pid) && !commandLine(pid).startsWith('/bin/busybox httpd');
    const own = resident([...pids()].filter(counts));
    return { upMs, unchangedMs, resident: own, downMs: await side.down(directory) };
  } catch (error) {
    await side.down(directory).catch(() => {}); // the error that matters is the first
    throw error;
  }
}

/** A stack that does not answer was not brought up, however fast. */
async function answers(port) {
  const deadline = performance.now() + 5000;
  for (;;) {
    const body = await fetchPage(port).catch((error) => error);
    if (body === page) return;
    if (performance.now() > deadline) throw new Error(`nobody answers on port ${port}: ${body}`);
    await setTimeout(10);
  }
}

function fetchPage(port) {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, agent: false, timeout: 1000 }, (response) => {
      let body = '';
      response.on('data', (data) => (body += data));
      response.on('end', () => resolve(body));
    })
      .on('timeout', function () {
        this.destroy(new Error('no answer'));
      })
      .on('error', reject);
  });
}

/** @param {readonly number[]} numbers */
export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}
