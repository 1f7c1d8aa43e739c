import { setTimeout } from 'node:timers/promises';
import { drifts, port } from './drifts.mjs';
import { answers } from './page.mjs';
import { median, p95 } from './statistics.mjs';
import { mountSysfs, survey } from './survey.mjs';

const PATIENCE_MS = 10_000;
/** Docker's restarts back off until a container has run for 10 s; ours does so only after a process that ended by itself. */
const BACKOFF_IS_OVER_MS = 11_000;
const SLOW_RUNS = 5;

/**
 * One service that drifts, over and over: how long until what is gone is there again. The witness is the kernel itself, asked by this process
 * and not by tsstack; between two questions 0.2 ms pass. An upper bound: from before the drift is made, or, if a command makes it, from
 * when the last question was asked to which all was well, until the answer that it is so again.
 */
export async function repair({ sides, runs, project, base, say }) {
  const directory = project('repair', { s1: { ports: [port], mount: './www', memoryMiB: 64, restart: true } });
  const rows = Object.keys(drifts).map((what) => ({ drift: what }));
  const sysfs = mountSysfs(base);
  try {
    for (const row of rows) {
      for (const side of sides) {
        say(`${row.drift}: ${side.name}`);
        const times = await repairs(side, directory, { drift: drifts[row.drift], runs, sys: sysfs.path });
        row[side.name] = times.length > 0 ? { value: median(times), unit: 'ms' } : { cannot: `not back after ${PATIENCE_MS / 1000} s` };
        row[`p95 of ${side.name}`] = { value: times.length > 0 ? p95(times) : undefined, unit: 'ms' };
      }
    }
  } finally {
    sysfs.unmount();
  }
  const notes = sides
    .slice(1)
    .map(
      ({ name }) =>
        `${name}: killed at most ${SLOW_RUNS} times, ${BACKOFF_IS_OVER_MS / 1000} s apart: until then it delays each restart longer`,
    );
  return { title: `repair: from a drift to its being undone, median and 95th percentile of ${runs}`, rows, notes };
}

/** In ms; none if the first one isn't undone. */
async function repairs(side, directory, { drift, runs, sys }) {
  const slow = drift.kills && side.name !== 'tsstack';
  // What it does to others, whose turn may come next.
  const bringOthersBack = await drift.keep?.();
  try {
    await side.up(directory);
    const times = [];
    for (let i = 0; i < (slow ? Math.min(runs, SLOW_RUNS) : runs); i++) {
      await answers(port);
      // What follows a repair is over by then, and it is in no step with anything that happens each second.
      await setTimeout((slow ? BACKOFF_IS_OVER_MS : 300) + Math.random() * 500);
      const bringBack = await drift.keep?.();
      const time = await timeOne(drift, { ...(await survey(side, directory, sys)), rules: side.rules });
      if (time !== undefined) times.push(time);
      else if (i > 0) throw new Error(`repaired ${i} times and then not any more`);
      else {
        await bringBack?.();
        break;
      }
    }
    return times;
  } finally {
    await side.down(directory);
    await bringOthersBack?.();
  }
}

async function timeOne({ witness, make }, subject) {
  const sees = await witness(subject);
  if ((await sees()) === false) throw new Error('there is nothing to drift');
  let wasThere = performance.now();
  let gone = false;
  const deadline = wasThere + PATIENCE_MS;
  let failure;
  const making = make(subject).catch((error) => {
    failure = error;
  });
  for (;;) {
    const asked = performance.now();
    const there = await sees();
    if (there && gone) {
      await making;
      return performance.now() - wasThere;
    }
    if (failure) throw failure;
    if (there) wasThere = asked;
    else if (there === false) gone = true;
    if (asked > deadline) {
      await making;
      if (!gone) throw new Error('what was to be gone was there all the time');
      return undefined;
    }
    await moment();
  }
}

/** 0.2 ms, which a timer can't do, and a turn of the event loop. */
function moment() {
  Atomics.wait(sleeper, 0, 0, 0.2);
  return new Promise(setImmediate);
}
const sleeper = new Int32Array(new SharedArrayBuffer(4));
