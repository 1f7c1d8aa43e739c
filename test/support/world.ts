/**
 * The world diff: what a stack could leave behind, before and after. Read with other eyes than the engine's: `ip -j`, iptables-save, /proc.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { stackIdentity } from '../../engine/plan/names.ts';
import { until } from './until.ts';

/** Kind → thing → how it looks. A thing that looks different counts as changed. */
export type World = Readonly<Record<string, ReadonlyMap<string, string>>>;

export interface WorldOptions {
  /** Directories whose files count too: state, run. What is below a `cache` folder doesn't. */
  readonly directories?: readonly string[];
  /** Where the stack file is. Cgroups are the real host's: with it, those of stacks of other projects don't count. */
  readonly project?: string | undefined;
}

export function snapshotWorld(options: WorldOptions = {}): World {
  return {
    link: links(),
    address: addresses(),
    route: routes(),
    rule: rules(),
    mount: mounts(),
    cgroup: cgroups(options.project),
    'network namespace': networkNamespaces(),
    process: processes(),
    'file descriptor': fileDescriptors(),
    file: files(options.directories ?? []),
  };
}

/** One line a difference, sorted: `link appeared: ts-3f9a1c (bridge)`. Empty: the same world. */
export function diffWorld(before: World, after: World): string[] {
  return Object.entries(after).flatMap(([kind, now]) => {
    const then = before[kind] ?? new Map<string, string>();
    return [
      ...[...now].filter(([thing]) => !then.has(thing)).map(([thing, look]) => `${kind} appeared: ${thing}${look && ` (${look})`}`),
      // A test runner ends processes and closes fds of its own, and cgroups are the real host's: only new ones are leaks.
      ...(['process', 'file descriptor', 'cgroup'].includes(kind) ? [] : [...then.keys()].filter((thing) => !now.has(thing)))
        .filter((thing) => thing !== '')
        .map((thing) => `${kind} gone: ${thing}`),
      ...[...now]
        .filter(([thing, look]) => (then.get(thing) ?? look) !== look)
        .map(([thing, look]) => `${kind} changed: ${thing} (${then.get(thing)} → ${look})`),
    ].sort();
  });
}

/** Observes again until nothing is left: the kernel tears down network namespaces when it likes. At most `timeoutMs` (default 5000). */
export async function expectSameWorld(before: World, options: WorldOptions & { readonly timeoutMs?: number } = {}): Promise<void> {
  let differences: string[] = [];
  const same = until(
    'the world is as before',
    () => {
      differences = diffWorld(before, snapshotWorld(options));
      return differences.length === 0;
    },
    { timeoutMs: options.timeoutMs ?? 5000 },
  );
  await same.catch(() => expect(differences, 'left behind').toEqual([]));
}

interface IpRecord {
  readonly ifname?: string;
  readonly master?: string;
  readonly ifalias?: string;
  readonly linkinfo?: { readonly info_kind?: string };
  readonly addr_info?: readonly { readonly local: string; readonly prefixlen: number }[];
  readonly dst?: string;
  readonly gateway?: string;
  readonly dev?: string;
  readonly table?: string | number;
}

function ip(...argv: readonly string[]): readonly IpRecord[] {
  const text = execFileSync('ip', ['-j', ...argv], { encoding: 'utf8' });
  return text.trim() === '' ? [] : (JSON.parse(text) as IpRecord[]);
}

function links(): Map<string, string> {
  return new Map(
    ip('-d', 'link').map((link) => [
      String(link.ifname),
      [link.linkinfo?.info_kind, link.master && `under ${link.master}`, link.ifalias].filter(Boolean).join(', '),
    ]),
  );
}

function addresses(): Map<string, string> {
  const all = ip('address').flatMap((link) => (link.addr_info ?? []).map(({ local, prefixlen }) => `${link.ifname} ${local}/${prefixlen}`));
  return new Map(all.map((address) => [address, '']));
}

function routes(): Map<string, string> {
  const all = [...ip('route', 'show', 'table', 'all'), ...ip('-6', 'route', 'show', 'table', 'all')];
  return new Map(
    all.map(({ dst, gateway, dev, table }) => [
      [dst, gateway && `via ${gateway}`, `dev ${dev}`, table && `table ${table}`].filter(Boolean).join(' '),
      '',
    ]),
  );
}

function rules(): Map<string, string> {
  return new Map(['iptables-save', 'ip6tables-save'].flatMap((program) => [...iptablesRules(program), ...nativeTables()]));
}

/** Rules, chains that are not built in, and policies other than ACCEPT: iptables-nft leaves empty tables behind, which do nothing. */
function iptablesRules(program: string): Map<string, string> {
  const found = new Map<string, string>();
  let table = '';
  for (const line of execFileSync(program, { encoding: 'utf8' }).split('\n')) {
    if (line.startsWith('*')) table = `${program} ${line.slice(1)}`;
    const chain = /^:(\S+) (\S+)/.exec(line);
    if (chain && chain[2] !== 'ACCEPT') found.set(`${table} ${chain[1]}`, `${chain[2]}`);
    if (line.startsWith('-A')) found.set(`${table} ${line}`, '');
  }
  return found;
}

/** Tables of nftables that aren't iptables', with what is in them. Without `nft` there are none that we could have made. */
function nativeTables(): Map<string, string> {
  const has = spawnSync('nft', ['--version']).status === 0;
  const list = (...argv: readonly string[]) => execFileSync('nft', ['--stateless', 'list', ...argv], { encoding: 'utf8' });
  const tables = has ? list('tables').trim().split('\n') : [];
  return new Map(
    tables
      .filter((table) => table !== '' && !/^table ip6? (filter|nat|mangle|raw|security)$/.test(table))
      .map((table) => [`nft ${table}`, list(...table.split(' '))]),
  );
}

function mounts(): Map<string, string> {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').trimEnd().split('\n');
  // proc_pid_mountinfo(5): (4) root (5) mount point … - (9) type (10) source. Two mounts on one point count as two.
  const seen = new Map<string, string>();
  for (const line of lines) {
    const [, , , rootPath, point] = line.split(' ');
    const [type, source] = (line.split(' - ')[1] ?? '').split(' ');
    let name = `${point}`;
    for (let copy = 2; seen.has(name); copy++) name = `${point} #${copy}`;
    seen.set(name, `${type} ${source} ${rootPath}`);
  }
  return seen;
}

/**
 * Those with `tsstack` in their path, in every hierarchy: a host's own come and go as they like. Left out are those of a test run beside
 * this one: v2's `cgroup.procs` shows a process of another process namespace as 0.
 */
function cgroups(project: string | undefined): Map<string, string> {
  const points = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => line.split(' ')[4] ?? '');
  const all = points.flatMap((point) => directoriesBelow(point).map((path) => ({ path, inside: path.slice(point.length) })));
  const ours = all.filter(({ inside }) => inside.includes('tsstack'));
  const others = ours.filter(({ path }) => read(`${path}/cgroup.procs`)?.split('\n').includes('0')).map(({ inside }) => inside);
  const isOthers = (inside: string) => others.some((other) => other === inside || other.startsWith(`${inside}/`));
  // The root of all stacks' cgroups goes with the last of them: until then it is nobody's.
  const shared = (inside: string) => inside === '/tsstack' && ours.some((other) => other.inside.startsWith('/tsstack/'));
  const counts = (inside: string) => !isOthers(inside) && !shared(inside) && isOfProject(inside, project);
  return new Map(ours.filter(({ inside }) => counts(inside)).map(({ path }) => [path, '']));
}

/** `/tsstack/shop-3f9a1c2e/web-1`, by the hash in it. Of an instance, whose name isn't known here: no. */
function isOfProject(inside: string, project: string | undefined): boolean {
  const id = /^\/tsstack\/([^/]+)/.exec(inside)?.[1];
  if (id === undefined || project === undefined) return true;
  return stackIdentity(id.slice(0, id.lastIndexOf('-')), realpathSync(project), undefined).id === id;
}

function directoriesBelow(directory: string): string[] {
  return entries(directory)
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => [join(directory, entry.name), ...directoriesBelow(join(directory, entry.name))]);
}

/** What goes away while it is being read was not there. */
function entries(directory: string) {
  try {
    return readdirSync(directory, { withFileTypes: true });
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

function link(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function pids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Network namespaces that a process lives in, or holds open. */
function networkNamespaces(): Map<string, string> {
  const found = new Map<string, string>();
  for (const pid of pids()) {
    const own = link(`/proc/${pid}/ns/net`);
    if (own !== undefined && own !== '') found.set(own, '');
    for (const { name } of entries(`/proc/${pid}/fd`)) {
      const target = link(`/proc/${pid}/fd/${name}`);
      if (target?.startsWith('net:[')) found.set(target, '');
    }
  }
  return found;
}

/** All but this process, its ancestors and what those run beside it (the test runner's other workers). Zombies count. */
function processes(): Map<string, string> {
  const parents = new Map<number, number>();
  const found = new Map<number, [string, string]>();
  for (const pid of pids()) {
    // proc_pid_stat(5): the name is in parentheses and may hold any character; then (3) state (4) ppid … (22) starttime.
    const stat = read(`/proc/${pid}/stat`);
    if (stat === undefined) continue;
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    parents.set(pid, Number(fields[1]));
    const command = (read(`/proc/${pid}/cmdline`) ?? '').replaceAll('\0', ' ').trim();
    const name = stat.slice(stat.indexOf('('), stat.lastIndexOf(')') + 1);
    found.set(pid, [`${pid} @${fields[19]}`, fields[0] === 'Z' ? `zombie ${name}` : command || `[kernel thread ${name}]`]);
  }
  const ancestors = new Set<number>();
  for (let pid: number | undefined = process.pid; pid !== undefined && pid > 1; pid = parents.get(pid)) ancestors.add(pid);
  ancestors.delete(process.pid);
  const mine = (pid: number) => pid === process.pid || pid === 1 || ancestors.has(pid) || ancestors.has(parents.get(pid) ?? 0);
  // Kernel threads (children of 2 on a real host) are nobody's leak.
  return new Map([...found].filter(([pid, [, look]]) => !mine(pid) && !look.startsWith('[kernel')).map(([, entry]) => entry));
}

/** Of this process: pipes and sockets by number, since their targets are new with each. */
function fileDescriptors(): Map<string, string> {
  const found = new Map<string, string>();
  for (const { name } of entries('/proc/self/fd')) {
    const target = link(`/proc/self/fd/${name}`);
    if (target !== undefined && !target.startsWith('/proc/')) found.set(`${name} ${target}`, '');
  }
  return found;
}

/** Kept for all stacks of the host, as a store of images is, and not counted: what was found out about the kernel (`userns`) is no stack's, either. */
const shared = /^(cache|images|userns|ula-prefix|seccomp-\w+\.bpf)$/;

/** The rooms of a state directory (`stacks`, `stage`, …) stay; what is in them must not. */
function files(directories: readonly string[]): Map<string, string> {
  const rooms = directories.flatMap((directory) => entries(directory).map((entry) => ({ entry, path: join(directory, entry.name) })));
  const all = rooms
    .filter(({ entry }) => !shared.test(entry.name))
    .flatMap(({ entry, path }) => (entry.isDirectory() ? filesBelow(path) : [path]));
  return new Map(all.map((path) => [path, '']));
}

function filesBelow(directory: string): string[] {
  return entries(directory).flatMap((entry) => {
    const path = join(directory, entry.name);
    return entry.isDirectory() ? [path, ...filesBelow(path)] : [path];
  });
}
