/** What a stack is like, seen without asking tsstack: a command would start a supervisor, and that repairs what is to be seen. */
import { readdirSync, readFileSync } from 'node:fs';
import { readContainerStatus } from '../../engine/kernel/container-status.ts';
import type { ContainerStatus } from '../../engine/model/container.ts';
import type { Project } from './tsstack.ts';
import { until } from './until.ts';
import { snapshotWorld } from './world.ts';

type Places = Pick<Project, 'runDirectory' | 'stateDirectory'>;

/** Pids of the supervisors of all stacks of the project: who holds their locks. */
export function supervisors({ runDirectory }: Places): readonly number[] {
  const locks = readdirSync(runDirectory).filter((name) => name.endsWith('.lock'));
  return locks.flatMap((name) => {
    const [pid, holder] = (read(`${runDirectory}/${name}`) ?? '').trim().split(' ');
    return holder === 'supervisor' && isAlive(Number(pid)) ? [Number(pid)] : [];
  });
}

/** All that have taken on the name, also those that hold no lock. Of this fake host: it has its own process namespace. */
export function supervisorProcesses(): readonly number[] {
  const all = list('/proc').filter((name) => /^\d+$/.test(name));
  return all.filter((pid) => (read(`/proc/${pid}/cmdline`) ?? '').startsWith('tsstack-supervisor')).map(Number);
}

/** SIGKILL to each of them. Resolves when they are gone; what they watched runs on. */
export async function killSupervisors(p: Places): Promise<void> {
  const pids = supervisors(p);
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await until('the supervisors are gone', () => !pids.some(isAlive));
}

/** By container: what its monitor has written down, as far as it is still true. Of all stacks of the project. */
export function statuses({ stateDirectory }: Places): ReadonlyMap<string, ContainerStatus> {
  const bootId = (read('/proc/sys/kernel/random/boot_id') ?? '').trim();
  const found = new Map<string, ContainerStatus>();
  for (const stack of list(`${stateDirectory}/stacks`)) {
    const containers = `${stateDirectory}/stacks/${stack}/containers`;
    for (const name of list(containers)) found.set(name, readContainerStatus(`${containers}/${name}`, bootId));
  }
  return found;
}

/** Of those that run: container → its init, and when it was started. Two of these are equal if nothing was restarted. */
export function lives(p: Places): ReadonlyMap<string, string> {
  const running = [...statuses(p)].filter(([, { state }]) => state === 'running');
  return new Map(running.map(([name, { init, startedAt }]) => [name, `pid ${init?.pid}, started at ${startedAt}`]));
}

/** Everything of a stack that two ways to the same end must agree on: not which processes, but all that they are in. */
export async function shape(p: Project): Promise<unknown> {
  const containers = (await p.ps()).map(({ name, state, health, addresses, ports }) => ({ name, state, health, addresses, ports }));
  const plan = await p.tsstack(['plan']);
  const {
    process: _,
    'network namespace': __,
    'file descriptor': ___,
    ...world
  } = snapshotWorld({
    directories: [p.stateDirectory, p.runDirectory],
  });
  // cgroups are the real host's, and others test there.
  const stacks = list(`${p.stateDirectory}/stacks`);
  const isOurs = (kind: string, thing: string) => kind !== 'cgroup' || stacks.some((stack) => thing.includes(stack));
  const things = Object.entries(world).map(([kind, all]) => {
    const ours = [...all].filter(([thing]) => isOurs(kind, thing));
    return [kind, ours.map((thing) => thing.join(': ')).sort()];
  });
  return { containers, plan: [plan.code, plan.stdout], ...Object.fromEntries(things) };
}

function isAlive(pid: number): boolean {
  // A zombie has no command line any more, and no lock.
  return (read(`/proc/${pid}/cmdline`) ?? '') !== '';
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
