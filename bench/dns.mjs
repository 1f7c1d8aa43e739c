import { readFileSync } from 'node:fs';
import { run } from './command.mjs';
import { ownProcesses } from './lifecycle.mjs';
import { median } from './statistics.mjs';

const client = new URL('dns-client.mjs', import.meta.url).pathname;
const QUERIES = 20_000;
/** Under way at a time. 1: latency; 64: what one client gets out of it. */
const LOADS = [1, 64];

/**
 * A container asks its nameserver for another service, over and over. The client needs about as much of a processor as the server: the CPU
 * time of the server says what one processor could do.
 */
export async function dns({ sides, runs, project, say }) {
  const directory = project('dns', { asker: {}, service: { replicas: 2 } });
  const rows = [];
  for (const side of sides) {
    try {
      await side.up(directory);
      const [pid] = await side.containers(directory);
      const server = /^nameserver\s+(\S+)/m.exec(readFileSync(`/proc/${pid}/root/etc/resolv.conf`, 'utf8'))[1];
      for (const load of LOADS) {
        say(`${load} at a time: ${side.name}`);
        const results = [];
        for (let i = 0; i < runs; i++) results.push(await measureOne(side, { pid, server, load }));
        const middle = (key) => median(results.map((result) => result[key]));
        rows.push({
          'at a time': load,
          side: side.name,
          'queries a second': Math.round(middle('rate')),
          median: { value: middle('p50'), unit: 'ms' },
          p99: { value: middle('p99'), unit: 'ms' },
          'CPU of the server for 1000': { value: middle('cpuMs') / (QUERIES / 1000), unit: 'ms' },
          lost: results.reduce((sum, { lost }) => sum + lost, 0),
        });
      }
    } finally {
      await side.down(directory);
    }
  }
  return { title: `names: ${QUERIES} queries for a service with two replicas, from a container, median of ${runs}`, rows, notes: [] };
}

async function measureOne(side, { pid, server, load }) {
  const before = cpuMs(side);
  const { stdout } = await run([
    'nsenter',
    '-t',
    String(pid),
    '-n',
    process.execPath,
    client,
    server,
    'service',
    String(QUERIES),
    String(load),
  ]);
  return { ...JSON.parse(stdout), cpuMs: cpuMs(side) - before };
}

/** proc_pid_stat(5), utime and stime, in ticks of 10 ms. */
function cpuMs(side) {
  return ownProcesses(side).reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return sum + (Number(fields[11]) + Number(fields[12])) * 10;
  }, 0);
}
