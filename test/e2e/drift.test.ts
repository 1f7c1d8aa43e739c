/** Somebody else changes what the engine made: it comes back, told by events, and what isn't ours is left alone. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cgroupPathOf, memoryMax, pidsMax } from '../support/cgroup-file.ts';
import { http } from '../support/http.ts';
import { idle, only, page } from '../support/stack-file.ts';
import { type Listening, launchersOf, listen, monitorOf } from '../support/supervised.ts';
import { type Project, withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';
import { snapshotWorld } from '../support/world.ts';

const services = {
  web: { ...page, ports: ['18080:80'], networks: ['front', 'back'], volumes: ['data:/data'], limits: { pids: 50, memory: '64MiB' } },
  db: { ...idle, networks: ['back'] },
};
const networks = { networks: { front: {}, back: { internal: true } }, volumes: { data: {} } };
const shop = only({ services, ...networks });

/** Three objects of somebody else, among ours. */
const foreign = {
  make() {
    ip('link', 'add', 'foreign0', 'type', 'veth', 'peer', 'name', 'foreign1');
    ip('address', 'add', '192.0.2.1/24', 'dev', 'foreign0');
    this.makeRules();
  },
  makeRules() {
    iptables('filter', '-A', 'FORWARD', '-s', '192.0.2.7', '-j', 'ACCEPT');
    iptables('nat', '-A', 'POSTROUTING', '-s', '192.0.2.7', '-j', 'MASQUERADE');
  },
  remove() {
    ip('link', 'delete', 'foreign0');
    iptables('filter', '-F', 'FORWARD');
    iptables('nat', '-F', 'POSTROUTING');
  },
};

interface Stage {
  readonly p: Project;
  readonly heard: Listening;
  /** Of the containers' inits. */
  readonly web: number;
  readonly db: number;
}

/** Brings the stack up, and holds it to be up to date with the same processes at the end. */
async function onStage(body: (stage: Stage) => Promise<void>): Promise<void> {
  await withProject(shop, async (p) => {
    await p.ok(['up', '-d']);
    const [web, db] = [await initOf(p, 'web-1'), await initOf(p, 'db-1')];
    await until('the page answers', () => http('http://127.0.0.1:18080/'));
    {
      using heard = await listen(p);
      await body({ p, heard, web, db });
    }
    expect((await p.ok(['plan'])).stdout).not.toMatch(/->/);
  });
}

/** Breaks it, and waits until it was told as drift, and as repaired; then everything is as it was, seen with other eyes. */
async function repairs({ heard, web, db }: Stage, breakIt: () => void, drifted: RegExp): Promise<void> {
  const look = () => JSON.stringify([rules(), worldOfStack(), insideOf(web), insideOf(db)], null, 1);
  const before = look();
  heard.clear();
  breakIt();
  const { resource } = await heard.hears('drift', (event) => drifted.test(event.resource));
  await heard.hears('repaired', ({ resources }) => resources.includes(resource));
  await until('everything is as it was', look, { holds: (now) => now === before }).catch(() => expect(look()).toBe(before));
  expect((await until('the page answers', () => http('http://127.0.0.1:18080/', { timeoutMs: 500 }))).body).toBe('web-1\n');
  expect(heard.of('repair.failed')).toEqual([]);
}

beforeEach(() => foreign.make());
afterEach(() => foreign.remove());

test('a link that somebody deletes comes back with its addresses, and no container is restarted', async () => {
  await onStage(async (stage) => {
    const host = linkAt(stage.web, 'eth0');
    await repairs(stage, () => ip('link', 'delete', host), /^link:shop\/web-1@front$/);
    await repairs(stage, () => inNetns(stage.db, 'ip', 'link', 'delete', 'eth0'), /^link:shop\/db-1@back$/);
    await repairs(stage, () => ip('link', 'delete', bridgeOf('front')), /^link:shop\/front$/);
    await repairs(stage, () => ip('link', 'set', linkAt(stage.web, 'eth0'), 'down'), /^link:shop\/web-1@front$/);
    await repairs(stage, () => ip('link', 'set', linkAt(stage.web, 'eth0'), 'nomaster'), /^link:shop\/web-1@front$/);
    await repairs(stage, () => ip('link', 'set', linkAt(stage.web, 'eth0'), 'mtu', '1400'), /^link:shop\/web-1@front$/);
    await repairs(stage, () => ip('link', 'set', bridgeOf('back'), 'down'), /^link:shop\/back$/);
  });
});

test('addresses and routes come back, on the host and in a container', async () => {
  await onStage(async (stage) => {
    const { web } = stage;
    await repairs(stage, () => ip('address', 'flush', 'dev', bridgeOf('front')), /^address:shop\/front$/);
    await repairs(stage, () => inNetns(web, 'ip', '-4', 'address', 'flush', 'dev', 'eth0'), /shop\/web-1@front$/);
    await repairs(stage, () => inNetns(web, 'ip', 'route', 'delete', 'default'), /^route:shop\/web-1@front$/);
    await repairs(stage, () => inNetns(web, 'ip', 'route', 'flush', 'dev', 'eth0'), /shop\/web-1@front$/);
    await repairs(stage, () => inNetns(web, 'ip', 'route', 'flush', 'dev', 'eth1'), /shop\/web-1@back$/);
    await repairs(stage, () => ip('route', 'flush', 'dev', bridgeOf('front')), /^address:shop\/front$/);
    await repairs(stage, () => inNetns(web, 'ip', 'link', 'set', 'eth0', 'down'), /shop\/web-1@front$/);
  });
});

test('chains and jumps come back, and rules of others stay where they are', async () => {
  await onStage(async (stage) => {
    const chains = ownChains();
    await repairs(stage, () => restore('filter', withoutJump(chains.filter('FWD'))), /^firewall:shop\/filter$/);
    await repairs(stage, () => iptables('nat', '-F', chains.filter('OUT')), /^firewall:shop\/nat$/);
    const iso = chains.filter('ISO');
    await repairs(stage, () => restore('filter', withoutJump(iso), `-F ${iso}`, `-X ${iso}`), /^firewall:shop\/filter$/);
  });
});

test('all of iptables flushed: ours comes back', async () => {
  await onStage(async (stage) => {
    // Those of others are gone with the rest, and not ours to bring back.
    iptables('filter', '-D', 'FORWARD', '-s', '192.0.2.7', '-j', 'ACCEPT');
    iptables('nat', '-D', 'POSTROUTING', '-s', '192.0.2.7', '-j', 'MASQUERADE');
    const flush = (table: string) => {
      iptables(table, '-F');
      iptables(table, '-X');
    };
    // A chain that is in use again in between can't be deleted.
    const flushed = (...tables: readonly string[]) => whileStopped(stage.heard.pid, () => tables.forEach(flush));
    await repairs(stage, () => flushed('filter'), /^firewall:shop\/filter$/);
    await repairs(stage, () => flushed('nat'), /^firewall:shop\/nat$/);
    await repairs(stage, () => flushed('filter', 'nat'), /^firewall:shop\//);
    foreign.makeRules();
  });
});

test('forwarding that is switched off is switched on again', async () => {
  await onStage(async (stage) => {
    const switchOff = (path: string) => () => writeFileSync(`/proc/sys/net/ipv4/${path}`, '0');
    await repairs(stage, switchOff('ip_forward'), /^sysctl:shop\/ip_forward$/);
    await repairs(stage, switchOff(`conf/${bridgeOf('front')}/route_localnet`), /^sysctl:shop\/front\/route_localnet$/);
    expect(readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8').trim()).toBe('1');
    expect(readFileSync(`/proc/sys/net/ipv4/conf/${bridgeOf('front')}/route_localnet`, 'utf8').trim()).toBe('1');
  });
});

test('limits that somebody rewrites are written once more', async () => {
  await onStage(async (stage) => {
    for (const [names, value] of [
      [pidsMax, '7'],
      [memoryMax, String(48 * 1024 * 1024)],
    ] as const) {
      const path = cgroupPathOf(stage.web, names);
      const before = readFileSync(path, 'utf8');
      await repairs(stage, () => writeFileSync(path, value), /^cgroup:shop\/web-1$/);
      expect(readFileSync(path, 'utf8')).toBe(before);
    }
  });
});

test('a hosts file that is rewritten or emptied is whole again, for the container too', async () => {
  await onStage(async (stage) => {
    const path = fileOf(stage.p, 'hosts/web-1');
    const seen = () => execFileSync('nsenter', ['-t', `${stage.web}`, '-m', 'cat', '/etc/hosts'], { encoding: 'utf8' });
    const before = seen();
    expect(before).toMatch(/\bshop-web-1\b/);
    await repairs(stage, () => writeFileSync(path, '127.0.0.1 nobody\n'), /^file:shop\/web-1\/hosts$/);
    expect(seen()).toBe(before);
    await repairs(stage, () => truncateSync(path), /^file:shop\/web-1\/hosts$/);
    expect(seen()).toBe(before);
  });
});

test('a hosts file or a volume that is deleted comes back, and the container with it: it had the deleted one mounted', async () => {
  await withProject(shop, async (p) => {
    await p.ok(['up', '-d']);
    using heard = await listen(p);
    const hosts = fileOf(p, 'hosts/web-1');
    const content = readFileSync(hosts, 'utf8');
    for (const path of [hosts, fileOf(p, 'volumes/data')]) {
      heard.clear();
      rmSync(path, { recursive: true });
      await heard.hears('repaired', ({ resources }) => resources.includes('container:shop/web-1'));
    }
    expect(readFileSync(hosts, 'utf8')).toBe(content);
    await p.ok(['exec', '-T', 'web', 'sh', '-c', 'echo kept > /data/kept']);
    expect(readFileSync(fileOf(p, 'volumes/data/kept'), 'utf8')).toBe('kept\n');
    p.write(only({ services: { ...services, db: { ...services.db, networks: { back: { aliases: ['database'] } } } }, ...networks }));
    await p.ok(['up', '-d']);
    expect((await p.ok(['exec', '-T', 'web', 'nslookup', 'database'])).stdout).toMatch(/^Name:\s+database$/m);
    expect((await p.ok(['plan'])).stdout).not.toMatch(/->/);
  });
});

test('a container whose init or monitor is killed runs again, though its policy is not to restart', async () => {
  await withProject(shop, async (p) => {
    await p.ok(['up', '-d']);
    using heard = await listen(p);
    const db = await p.container('db-1');
    await p.ok(['exec', '-T', 'web', 'sh', '-c', 'echo kept > /kept']);
    for (const victim of [(init: number) => init, monitorOf]) {
      const before = await initOf(p, 'web-1');
      const look = () => JSON.stringify([rules(), worldOfStack()]);
      const world = look();
      heard.clear();
      process.kill(victim(before), 'SIGKILL');
      await heard.hears('drift', ({ resource }) => resource === 'container:shop/web-1');
      await heard.hears('repaired', ({ resources }) => resources.includes('container:shop/web-1'));
      expect((await until('the page answers', () => http('http://127.0.0.1:18080/', { timeoutMs: 500 }))).body).toBe('web-1\n');
      expect(await initOf(p, 'web-1')).not.toBe(before);
      await until('the network is as it was', look, { holds: (now) => now === world });
      expect((await p.ok(['exec', '-T', 'web', 'cat', '/kept'])).stdout, 'what it had written stays').toBe('kept\n');
      expect((await p.container('db-1')).pid).toBe(db.pid);
    }
    expect((await p.container('web-1')).restarts).toBe(2);
  });
});

test('a container that somebody took a mount from is started again with it', async () => {
  await withProject(shop, async (p) => {
    await p.ok(['up', '-d']);
    using heard = await listen(p);
    const db = await p.container('db-1');
    await p.ok(['exec', '-T', 'web', 'sh', '-c', 'echo kept > /data/kept; echo kept > /kept']);
    for (const target of ['/data', '/etc/hosts']) {
      heard.clear();
      const before = await initOf(p, 'web-1');
      inMounts(before, 'umount', target);
      expect((await heard.hears('drift')).cause).toBe(`${target} was unmounted or deleted`);
      expect((await heard.hears('repaired')).resources).toEqual(['container:shop/web-1']);
      expect(await initOf(p, 'web-1')).not.toBe(before);
      expect((await p.ok(['exec', '-T', 'web', 'cat', '/data/kept', '/kept'])).stdout).toBe('kept\nkept\n');
      expect((await p.ok(['exec', '-T', 'web', 'cat', '/etc/hosts'])).stdout).toMatch(/\bshop-web-1\b/);
    }
    const web = await initOf(p, 'web-1');
    expect(() => inMounts(web, 'umount', '-l', '/'), 'its root is the root of its namespace, which cannot go').toThrow('Invalid argument');
    expect((await p.container('db-1')).pid).toBe(db.pid);
    expect((await p.ok(['plan'])).stdout).not.toMatch(/->/);
  });
});

test('a supervisor whose launcher is killed goes on with another one', async () => {
  await onStage(async (stage) => {
    const { heard } = stage;
    for (const launcher of launchersOf(heard.pid)) process.kill(launcher, 'SIGKILL');
    await until('there is another launcher', () => launchersOf(heard.pid).length > 0);
    await repairs(stage, () => ip('link', 'delete', bridgeOf('front')), /^link:shop\/front$/);
  });
  await withProject(only({ services: { web: { ...idle, restart: 'always' } } }), async (p) => {
    await p.ok(['up', '-d']);
    using heard = await listen(p);
    for (const launcher of launchersOf(heard.pid)) process.kill(launcher, 'SIGKILL');
    const before = await initOf(p, 'web-1');
    process.kill(before, 'SIGKILL');
    await heard.hears('container.started', ({ container }) => container === 'web-1');
    expect(await initOf(p, 'web-1')).not.toBe(before);
  });
});

test('a repair that cannot work is told, tried less and less often, and keeps nothing else from being repaired', async () => {
  await onStage(async (stage) => {
    const { p, heard, web } = stage;
    const bridge = bridgeOf('back');
    // Somebody's own link of that name: not ours to remove.
    whileStopped(heard.pid, () => {
      ip('link', 'delete', bridge);
      ip('link', 'add', bridge, 'type', 'veth', 'peer', 'name', 'foreign2');
    });
    const first = await heard.hears('repair.failed');
    expect(first.message).toMatch(new RegExp(`\`${bridge}\`.*does not bear our mark`));
    const third = await heard.hears('repair.failed', ({ attempts }) => attempts === 3);
    expect(third.retryInMs).toBeGreaterThan(first.retryInMs);
    expect((await p.container('db-1')).reason).toMatch(/repair failed \(\d+ times\).*mark/s);

    heard.clear();
    const host = linkAt(web, 'eth0');
    ip('link', 'delete', host);
    await until('the other network is repaired meanwhile', () => insideOf(web), { holds: (text) => /eth0/.test(text) });
    expect((await until('the page answers', () => http('http://127.0.0.1:18080/', { timeoutMs: 500 }))).body).toBe('web-1\n');
    expect(linkType(bridge)).toBe('veth');
    expect(addressesOf(bridge), 'and nothing was done to it').toEqual([]);
    expect(readFileSync(`/proc/sys/net/ipv4/conf/${bridge}/route_localnet`, 'utf8').trim()).toBe('0');

    heard.clear();
    ip('link', 'delete', bridge);
    await heard.hears('repaired', ({ resources }) => resources.includes('link:shop/back'));
    await until('nothing is amiss any more', () => p.container('db-1'), { holds: ({ reason }) => reason === undefined });
    expect(linkType(bridge)).toBe('bridge');
  });
});

test('a repair that fails for a while is tried until it works', async () => {
  await withProject(shop, async (p) => {
    await p.ok(['up', '-d'], { env: { TSSTACK_FAILPOINTS: 'cgroup.update=3*error(EBUSY)' } });
    using heard = await listen(p);
    const web = await initOf(p, 'web-1');
    const path = cgroupPathOf(web, pidsMax);
    writeFileSync(path, '7');
    expect((await heard.hears('repair.failed', ({ attempts }) => attempts === 3)).message).toMatch(/EBUSY/);
    await heard.hears('repaired');
    expect(readFileSync(path, 'utf8').trim()).toBe('50');
    expect(heard.of('repair.failed').map(({ attempts }) => attempts)).toEqual([1, 2, 3]);
    expect((await p.container('web-1')).reason).toBeUndefined();
  });
});

test('`events --json` tells what was found and what was done', async () => {
  await onStage(async ({ p, web }) => {
    const events = p.start(['events', '--json']);
    const path = cgroupPathOf(web, pidsMax);
    // Nothing says when it has begun to listen.
    await until('a drift is told', () => {
      if (!/"drift"/.test(events.output())) writeFileSync(path, '7');
      return /"type":"repaired"/.test(events.output());
    });
    const documents = events
      .output()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(documents.find(({ type }) => type === 'drift')).toMatchObject({ resource: 'cgroup:shop/web-1', cause: 'pids.max 7 → 50' });
    expect(documents.find(({ type }) => type === 'repaired')).toMatchObject({ resources: ['cgroup:shop/web-1'] });
    events.signal('SIGINT');
    expect(await events.ended).toBe(130);
  });
});

async function initOf(p: Project, name: string): Promise<number> {
  const { pid } = await p.container(name);
  if (pid === undefined) throw new Error(`${name} has no pid`);
  return pid;
}

function ip(...argv: readonly string[]): void {
  execFileSync('ip', argv);
}

function iptables(table: string, ...argv: readonly string[]): void {
  execFileSync('iptables', ['-w', '-t', table, ...argv]);
}

/** In one transaction: nothing can come in between. */
function restore(table: string, ...rules: readonly string[]): void {
  execFileSync('iptables-restore', ['-w', '--noflush'], { input: `*${table}\n${rules.join('\n')}\nCOMMIT\n` });
}

/** What `change` does is seen all at once: a repair comes within milliseconds. */
function whileStopped(pid: number, change: () => void): void {
  process.kill(pid, 'SIGSTOP');
  try {
    change();
  } finally {
    process.kill(pid, 'SIGCONT');
  }
}

function inMounts(pid: number, ...argv: readonly string[]): string {
  return execFileSync('nsenter', ['-t', `${pid}`, '-m', '--', ...argv], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function inNetns(pid: number, ...argv: readonly string[]): string {
  return execFileSync('nsenter', ['-t', `${pid}`, '-n', '--', ...argv], { encoding: 'utf8' });
}

interface Link {
  readonly ifname: string;
  readonly ifalias?: string;
  readonly link_index?: number;
  readonly linkinfo?: { readonly info_kind?: string };
}

function links(): readonly Link[] {
  return JSON.parse(execFileSync('ip', ['-j', '-d', 'link'], { encoding: 'utf8' })) as Link[];
}

function bridgeOf(network: string): string {
  return named((link) => link.ifalias?.startsWith(`tsstack:shop/${network}#`) ?? false);
}

/** The host end of that interface of a container: its ifindex is the container end's `link_index`. */
function linkAt(pid: number, ifname: string): string {
  const [inside] = JSON.parse(inNetns(pid, 'ip', '-j', 'link', 'show', ifname)) as Link[];
  const all = JSON.parse(execFileSync('ip', ['-j', 'link'], { encoding: 'utf8' })) as (Link & { readonly ifindex: number })[];
  return named((link) => all.find(({ ifindex }) => ifindex === inside?.link_index)?.ifname === link.ifname);
}

function named(fits: (link: Link) => boolean): string {
  const found = links().find(fits);
  if (!found) throw new Error(`no such link among ${JSON.stringify(links())}`);
  return found.ifname;
}

function addressesOf(ifname: string): readonly unknown[] {
  const [link] = JSON.parse(execFileSync('ip', ['-j', '-4', 'address', 'show', 'dev', ifname], { encoding: 'utf8' })) as {
    readonly addr_info?: readonly unknown[];
  }[];
  return link?.addr_info ?? [];
}

function linkType(ifname: string): string | undefined {
  return links().find((link) => link.ifname === ifname)?.linkinfo?.info_kind;
}

function ownChains(): { filter(suffix: string): string } {
  const text = execFileSync('iptables-save', { encoding: 'utf8' });
  return {
    filter: (suffix) => {
      const found = new RegExp(`^:(TS-\\w+-${suffix}) `, 'm').exec(text)?.[1];
      if (found === undefined) throw new Error(`no chain ${suffix} in ${text}`);
      return found;
    },
  };
}

/** Deletes the jump of FORWARD to a chain, with its mark. */
function withoutJump(chain: string): string {
  const jump = new RegExp(`^-A (FORWARD .*-j ${chain})$`, 'm').exec(execFileSync('iptables-save', { encoding: 'utf8' }))?.[1];
  if (jump === undefined) throw new Error(`nothing leads to ${chain}`);
  return `-D ${jump}`;
}

/** In their order: a jump that comes back behind a rule that drops would be of no use. */
function rules(): readonly string[] {
  return execFileSync('iptables-save', { encoding: 'utf8' })
    .split('\n')
    .filter((line) => /^(-A|\*)/.test(line))
    .sort();
}

/** Links with their marks and masters, addresses, routes, and the processes: with the time of their start, so that a restart is seen. */
function worldOfStack(): readonly string[] {
  const { link, address, route } = snapshotWorld();
  return [link, address, route].flatMap((kind) => [...(kind ?? [])].map((entry) => entry.join(' '))).sort();
}

/** Addresses, MACs, state and routes in a container. */
function insideOf(pid: number): string {
  return `${inNetns(pid, 'ip', '-4', '-br', 'address')}${inNetns(pid, 'ip', '-br', 'link')}${inNetns(pid, 'ip', 'route')}`.replace(
    /@if\d+/g,
    '',
  );
}

function fileOf(p: Project, path: string): string {
  const [stack] = readdirSync(`${p.stateDirectory}/stacks`);
  return `${p.stateDirectory}/stacks/${stack}/${path}`;
}
