/** What stays in memory between two commands. */
import { readdirSync, readFileSync } from 'node:fs';

/**
 * @typedef {{ pssMB: number, privateMB: number, rssMB: number, processes: number }} Resident
 * PSS counts a page shared by n processes as 1/n in each, so that the sum is what would be free without them.
 */

/** @returns {Set<number>} */
export function pids() {
  return new Set(
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number),
  );
}

/** @param {number} pid */
export function commandLine(pid) {
  return (read(`/proc/${pid}/cmdline`) ?? '').split('\0').join(' ').trim();
}

/** Whether a process is in a cgroup with that text in its path. @param {number} pid @param {string} text */
export function inCgroup(pid, text) {
  return (read(`/proc/${pid}/cgroup`) ?? '').includes(text);
}

/** @param {Iterable<number>} all @returns {Resident} */
export function resident(all) {
  const sum = { pssMB: 0, privateMB: 0, rssMB: 0, processes: 0 };
  for (const pid of all) {
    const rollup = read(`/proc/${pid}/smaps_rollup`);
    if (rollup === undefined || rollup === '') continue; // it ended in between, or is a kernel thread
    const megabytes = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1] ?? 0) / 1024;
    sum.pssMB += megabytes('Pss');
    sum.privateMB += megabytes('Private_Clean') + megabytes('Private_Dirty');
    sum.rssMB += megabytes('Rss');
    sum.processes++;
  }
  return sum;
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // processes end when they like
  }
}
