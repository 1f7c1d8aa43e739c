import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './command.mjs';
import { median } from './statistics.mjs';

const source = new URL('floor.c', import.meta.url).pathname;

/**
 * Medians of what the kernel alone takes. Compiled here and now, so that it is always the source beside it.
 * @param {string} base @param {string} rootfs @param {number} services @param {number} runs
 */
export async function floor(base, rootfs, services, runs) {
  const binary = join(base, 'floor');
  await run(['gcc', '-O2', '-static', '-Wall', '-o', binary, source]);
  const results = [];
  for (let i = 0; i < runs; i++) {
    const workspace = join(base, 'floor-workspace');
    mkdirSync(workspace);
    try {
      results.push(JSON.parse((await run([binary, rootfs, workspace, String(services)])).stdout));
    } finally {
      rmSync(workspace, { recursive: true, force: true });
    }
  }
  return { upMs: median(results.map(({ upMs }) => upMs)), downMs: median(results.map(({ downMs }) => downMs)) };
}
