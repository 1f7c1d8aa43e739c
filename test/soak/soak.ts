/**
 * Rounds of anything that may happen to a stack, by a fixed seed. After each of them the stack is what was declared; after all of them nothing
 * has grown. INVARIANT: a round depends on the seed, its number and the state that the rounds before it have left, and on nothing else.
 */
import { readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { ContainerListing } from '../../engine/model/engine.ts';
import { stackFile } from '../support/stack-file.ts';
import { killSupervisor, launchersOf, listingsOf, supervisorPid } from '../support/supervised.ts';
import type { Project } from '../support/tsstack.ts';
import { until } from '../support/until.ts';
import { breakSomething } from './breakages.ts';
import { type Footprint, footprintOf } from './footprint.ts';
import { type Random, randomOf } from './random.ts';
import { changed, FIRST, replicasOf, type Services, shapeOf } from './random-stack.ts';

export interface SoakOptions {
  readonly rounds: number;
  readonly seed: number;
  readonly log: (line: string) => void;
}

interface Soak {
  readonly p: Project;
  readonly random: Random;
  services: Services;
  /** By request. */
  readonly stopped: Set<string>;
}

/** Resolves to the footprint of a supervisor that has lived through the last rounds, and of one that has just begun, of the same stack. */
export async function soak(
  p: Project,
  { rounds, seed, log }: SoakOptions,
): Promise<{ readonly old: Footprint; readonly young: Footprint }> {
  const stopped = new Set<string>();
  let services = FIRST;
  await declare(p, services);
  for (let round = 0; round < rounds; round++) {
    const state: Soak = { p, random: randomOf(seed, round), services, stopped };
    // The last ones are lived through by one supervisor, which is then looked at.
    const act = state.random.pick(round < rounds * 0.7 ? ACTS : ACTS.filter((one) => !ENDING.has(one)));
    const done: string[] = [];
    try {
      await act(state, (line) => done.push(line));
      services = state.services;
      await converged(state);
    } catch (error) {
      const replay = `npm run soak -- --seed ${seed} --rounds ${round + 1}`;
      throw new Error(`round ${round} (${done.join('; ')}) of seed ${seed} failed; to replay: ${replay}\n${String(error)}`, {
        cause: error,
      });
    }
    log(`${round}: ${done.join('; ')}`);
  }
  const old = await footprintAfterUp(p);
  await killSupervisor(p);
  return { old, young: await footprintAfterUp(p) };
}

/** Of whichever supervisor there is, when it has made the same containers. */
async function footprintAfterUp(p: Project): Promise<Footprint> {
  await declare(p, FIRST);
  // Begins with sockets of its own: what taking the rest away has opened is closed.
  await p.ok(['up', '-d', '--force-recreate']);
  await converged({ p, services: FIRST, stopped: new Set() });
  return footprintOf(await supervisorPid(p));
}

type Act = (soak: Soak, say: (line: string) => void) => Promise<void>;

const change: Act = async (state, say) => {
  state.services = changed(state.services, state.random);
  state.stopped.clear();
  say(`up ${JSON.stringify(Object.keys(state.services))}`);
  await declare(state.p, state.services);
};

const breakSome: Act = async ({ p, random }, say) => {
  const running = await runningOf(p);
  for (let times = 1 + random.below(3); times > 0; times--) {
    say(breakSomething({ p, random, running: running.filter(isThere) }));
  }
};

const breakWhileNobodyLooks: Act = async (state, say) => {
  await killSupervisor(state.p);
  say('kills the supervisor');
  const running = (await state.p.ps()).filter(isThere);
  await killSupervisor(state.p);
  for (let times = 1 + state.random.below(3); times > 0; times--) {
    say(breakSomething({ ...state, running: running.filter(isThere) }));
  }
};

const killLauncher: Act = async (state, say) => {
  for (const pid of launchersOf(await supervisorPid(state.p))) process.kill(pid, 'SIGKILL');
  say('kills the launcher');
  if (state.random.chance(0.5)) await breakSome(state, say);
};

/** The supervisor is killed in the middle of an `up`, which the next one completes. */
const killInTheMiddle: Act = async (state, say) => {
  state.services = changed(state.services, state.random);
  state.stopped.clear();
  state.p.write({ 'stack.config.ts': stackFile(shapeOf(state.services)) });
  const pid = await supervisorPid(state.p);
  const up = state.p.start(['up', '-d']);
  const ms = state.random.below(600);
  await delay(ms);
  process.kill(pid, 'SIGKILL');
  say(`kills the supervisor ${ms} ms after the start of an up`);
  await up.ended;
  await declare(state.p, state.services);
};

/** What is broken under its hands may make an `up` fail; the next one doesn't. */
const breakInTheMiddle: Act = async (state, say) => {
  const running = await runningOf(state.p);
  state.services = changed(state.services, state.random);
  state.stopped.clear();
  state.p.write({ 'stack.config.ts': stackFile(shapeOf(state.services)) });
  const up = state.p.start(['up', '-d']);
  const ms = state.random.below(600);
  await delay(ms);
  say(`${ms} ms after the start of an up, ${breakSomething({ ...state, running: running.filter(isThere) })}`);
  await up.ended;
  await declare(state.p, state.services);
};

const stopOrStart: Act = async ({ p, random, services, stopped }, say) => {
  const name = random.pick(containersOf(services));
  // Who depends on what was stopped isn't brought back before that is: nobody stops those of `a`, on which others depend.
  const verb = stopped.has(name) ? 'start' : random.pick(name.startsWith('a-') ? ['restart'] : ['stop', 'restart', 'kill']);
  say(`${verb} ${name}`);
  await p.ok([verb, name]);
  if (verb === 'stop' || verb === 'kill') stopped.add(name);
  else stopped.delete(name);
};

const downAndUp: Act = async ({ p, services, stopped }, say) => {
  say('down and up');
  await p.ok(['down', '--timeout', '1']);
  stopped.clear();
  await declare(p, services);
};

const ACTS: readonly Act[] = [
  ...[change, change, change, change],
  ...[breakSome, breakSome, breakSome, breakSome],
  ...[breakWhileNobodyLooks, killLauncher, killInTheMiddle, breakInTheMiddle, stopOrStart, stopOrStart, downAndUp],
];
/** With these a supervisor ends. */
const ENDING: ReadonlySet<Act> = new Set([breakWhileNobodyLooks, killInTheMiddle, downAndUp]);

async function declare(p: Project, services: Services): Promise<void> {
  p.write({ 'stack.config.ts': stackFile(shapeOf(services)) });
  await p.ok(['up', '-d']);
}

/** What runs is what was declared and not stopped, and a plan for all but what was stopped is empty. */
async function converged({ p, services, stopped }: Pick<Soak, 'p' | 'services' | 'stopped'>): Promise<void> {
  const wanted = containersOf(services).map((name) => `${name} ${stopped.has(name) ? 'stopped' : 'running'}`);
  const differences = async (): Promise<readonly string[]> => {
    const states = (await listingsOf(p)).map(({ name, state, reason }) => ({ text: `${name} ${state}`, reason }));
    const there = new Set(states.map(({ text }) => text));
    const missing = wanted.filter((text) => !there.has(text)).map((text) => `not ${text}`);
    const surplus = states.filter(({ text }) => !wanted.includes(text)).map(({ text, reason }) => `${text} (${reason})`);
    if (missing.length + surplus.length > 0) return [...missing, ...surplus];
    const { stdout } = await p.tsstack(['plan', '--json']);
    const { steps } = JSON.parse(stdout) as { readonly steps: readonly { readonly resource: string; readonly cause: string }[] };
    return steps.filter(({ resource }) => !isOf(resource, stopped)).map(({ resource, cause }) => `${resource}: ${cause}`);
  };
  await until('the stack is as declared', differences, { holds: (found) => found.length === 0, timeoutMs: 20_000 });
}

/** `link:soak/b-1@front`, `cgroup:soak/b-1`, `file:soak/b-1/hosts`. */
function isOf(resource: string, containers: ReadonlySet<string>): boolean {
  return [...containers].some((name) => new RegExp(`^[a-z]+:soak/${name}($|[@/])`).test(resource));
}

function containersOf(services: Services): readonly string[] {
  return Object.entries(services).flatMap(([name, service]) =>
    Array.from({ length: replicasOf(service) }, (_, index) => `${name}-${index + 1}`),
  );
}

async function runningOf(p: Project): Promise<readonly ContainerListing[]> {
  return (await listingsOf(p)).filter(isThere);
}

function isThere({ pid, state }: ContainerListing): boolean {
  return state === 'running' && pid !== undefined && readdirSync('/proc').includes(`${pid}`);
}
