import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { ownProcesses } from './lifecycle.mjs';
import { commandLine, resident } from './memory.mjs';

/** V8 collects and gives back what start and `up` left, 8 s after they are over, in a few goes (its memory reducer). */
const SETTLE_MS = 25_000;

/** What a stack costs while nothing happens: memory, CPU time and context switches of everything but the services themselves. */
export async function idle({ sides, sizes, idleSeconds, project, say }) {
  const rows = [];
  for (const size of sizes) {
    const services = Object.fromEntries(Array.from({ length: size }, (_, i) => [`s${i + 1}`, {}]));
    const directory = project(`idle-${size}`, services);
    for (const side of sides) {
      say(`${size} services: ${side.name}`);
      try {
        await side.up(directory);
        await setTimeout(SETTLE_MS);
        const all = ownProcesses(side);
        const supervisors = all.filter((pid) => commandLine(pid).startsWith('tsstack-supervisor'));
        const groups = { ...(supervisors.length > 0 ? { 'tsstack: supervisor': supervisors } : {}), [`${side.name}: all`]: all };
        rows.push(...(await costs(groups, { size, idleSeconds })));
      } finally {
        await side.down(directory);
      }
    }
  }
  return {
    title: `idle for ${idleSeconds} s`,
    rows,
    notes: ['CPU: time on a processor by schedstat; switches: voluntary and not, of all threads'],
  };
}

async function costs(groups, { size, idleSeconds }) {
  const before = Object.values(groups).map(activity);
  await setTimeout(idleSeconds * 1000);
  return Object.entries(groups).map(([name, pids], i) => {
    const after = activity(pids);
    const { privateMB, pssMB, processes } = resident(pids);
    return {
      services: size,
      processes: name,
      number: processes,
      private: { value: privateMB, unit: 'MB' },
      PSS: { value: pssMB, unit: 'MB' },
      CPU: { value: after.cpuMs - before[i].cpuMs, unit: 'ms' },
      switches: after.switches - before[i].switches,
    };
  });
}

/** Of all threads: proc(5), `schedstat` (its first number: ns on a processor) and `status`. @param {readonly number[]} pids */
function activity(pids) {
  const sum = { cpuMs: 0, switches: 0 };
  for (const pid of pids) {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const directory = `/proc/${pid}/task/${thread}`;
      sum.cpuMs += Number(readFileSync(`${directory}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
      const status = readFileSync(`${directory}/status`, 'utf8');
      for (const [, count] of status.matchAll(/^(?:non)?voluntary_ctxt_switches:\s+(\d+)/gm)) sum.switches += Number(count);
    }
  }
  return sum;
}
