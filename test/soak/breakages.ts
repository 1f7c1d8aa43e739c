/** What others do to a stack behind its supervisor's back. Each says what it has done; undefined: there was nothing of that kind. */
import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import type { ContainerListing } from '../../engine/model/engine.ts';
import { cgroupPathOf, pidsMax } from '../support/cgroup-file.ts';
import { monitorOf } from '../support/supervised.ts';
import type { Project } from '../support/tsstack.ts';
import type { Random } from './random.ts';

export interface Victims {
  readonly p: Project;
  readonly random: Random;
  readonly running: readonly ContainerListing[];
}
type Breakage = (victims: Victims) => string | undefined;

const link: Breakage = ({ random }) => {
  const all = ownLinks();
  if (all.length === 0) return undefined;
  const { ifname, name } = random.pick(all);
  const [what, ...argv] = random.pick([
    ['deletes', 'link', 'delete', ifname],
    ['sets down', 'link', 'set', ifname, 'down'],
    ['flushes', 'address', 'flush', 'dev', ifname],
  ]);
  run('ip', argv);
  return `${what} ${name}`;
};

const networkInside: Breakage = (victims) => {
  const { name, pid } = victims.random.pick(victims.running);
  const ifname = interfacesOf(pid)[0];
  if (ifname === undefined) return undefined;
  const argv = victims.random.pick([
    ['link', 'delete', ifname],
    ['link', 'set', ifname, 'down'],
    ['address', 'flush', 'dev', ifname],
    ['route', 'flush', 'dev', ifname],
  ]);
  run('nsenter', ['-t', `${pid}`, '-n', 'ip', ...argv]);
  return `ip ${argv.join(' ')} in ${name}`;
};

const rules: Breakage = ({ random }) => {
  const table = random.pick(['filter', 'nat']);
  run('iptables', ['-w', '-t', table, '-F']);
  return `flushes ${table}`;
};

const forwarding: Breakage = () => {
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '0');
  return 'turns forwarding off';
};

const limit: Breakage = ({ random, running }) => {
  const { name, pid } = random.pick(running);
  const path = cgroupPathOf(pid, pidsMax);
  // One without limits is in no cgroup of that controller but the root's.
  if (!path.includes('/tsstack/')) return undefined;
  writeFileSync(path, '9');
  return `rewrites a limit of ${name}`;
};

const hosts: Breakage = ({ p, random, running }) => {
  const { name } = random.pick(running);
  const [stack] = readdirSync(`${p.stateDirectory}/stacks`);
  const path = `${p.stateDirectory}/stacks/${stack}/hosts/${name}`;
  const deletes = random.chance(0.3);
  if (deletes) rmSync(path, { force: true });
  else writeFileSync(path, 'nobody\n');
  return `${deletes ? 'deletes' : 'rewrites'} hosts of ${name}`;
};

const mount: Breakage = ({ random, running }) => {
  const { name, pid } = random.pick(running);
  run('nsenter', ['-t', `${pid}`, '-m', 'umount', '/etc/hosts']);
  return `unmounts in ${name}`;
};

const kill: Breakage = ({ random, running }) => {
  const { name, pid } = random.pick(running);
  if (pid === undefined) return undefined;
  const [what, victim] = random.chance(0.5) ? ['init', pid] : ['monitor', monitorOf(pid)];
  process.kill(victim, 'SIGKILL');
  return `kills the ${what} of ${name}`;
};

const BREAKAGES: readonly Breakage[] = [link, link, networkInside, rules, forwarding, limit, hosts, mount, kill];

/** One of them, by chance. What it is after may be gone by now, or in repair: then it was in vain. */
export function breakSomething(victims: Victims): string {
  if (victims.running.length === 0) return 'finds nobody';
  try {
    return victims.random.pick(BREAKAGES)(victims) ?? 'finds nothing to break';
  } catch (error) {
    const isGone = error instanceof Error && (('status' in error && error.status !== null) || ('code' in error && GONE.has(error.code)));
    if (!isGone) throw error;
    return `is too late (${error.message.split('\n')[0]})`;
  }
}

const GONE: ReadonlySet<unknown> = new Set(['ENOENT', 'ESRCH', 'ENODEV']);

function run(file: string, argv: readonly string[]): void {
  execFileSync(file, argv, { stdio: 'pipe' });
}

/** By the name in their mark, which is the same in every run. */
function ownLinks(): readonly { readonly name: string; readonly ifname: string }[] {
  const all = JSON.parse(execFileSync('ip', ['-j', 'link'], { encoding: 'utf8' })) as {
    readonly ifname: string;
    readonly ifalias?: string;
  }[];
  return all
    .flatMap(({ ifname, ifalias = '' }) => {
      const name = /^tsstack:soak\/(.*)#/.exec(ifalias)?.[1];
      return name === undefined ? [] : [{ name, ifname }];
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function interfacesOf(pid: number | undefined): readonly string[] {
  const text = execFileSync('nsenter', ['-t', `${pid}`, '-n', 'ip', '-j', 'link'], { encoding: 'utf8' });
  return (JSON.parse(text) as { readonly ifname: string }[]).map(({ ifname }) => ifname).filter((ifname) => ifname !== 'lo');
}
