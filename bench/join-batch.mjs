/** In a network namespace of its own: `join-batch.mjs DRIVERS 4|46 CONTAINERS`. Prints what it took that many containers to join a network. */
import { spawn } from 'node:child_process';
import { readlinkSync } from 'node:fs';

const [drivers, families, count] = process.argv.slice(2);
const { openNetworkNamespaces, linkExecutors, addressExecutors, routeExecutors } = await import(drivers);
const signal = new AbortController().signal;
const names = Array.from({ length: Number(count) }, (_, i) => `bench-web-${i + 1}`);
const bridge = { type: 'bridge', ifname: 'ts-bench', ifalias: 'tsstack:bench/front#0', group: 1, mtu: 1500 };
const subnets = [
  { gateway: '10.128.0.1', address: (i) => `10.128.0.${i + 2}`, prefix: 24 },
  { gateway: 'fd00:1::1', address: (i) => `fd00:1::${(i + 2).toString(16)}`, prefix: 64 },
].slice(0, families.length);

const children = names.map(() => spawn('unshare', ['--net', 'sleep', '300'], { stdio: 'ignore' }));
try {
  const pids = new Map(names.map((name, i) => [name, children[i].pid]));
  for (const pid of pids.values()) await inItsOwn(pid);
  const namespaces = openNetworkNamespaces((name) => pids.get(name));
  const executors = Object.assign({}, ...[linkExecutors, addressExecutors, routeExecutors].map((make) => make({ namespaces })));
  const perform = (op) => executors[op.kind](op, signal);
  await perform({ kind: 'link.create', link: bridge });
  for (const { gateway, prefix } of subnets)
    await addAddress(perform, { in: 'host' }, { ifname: bridge.ifname, cidr: `${gateway}/${prefix}` });
  const [wall, cpu] = [performance.now(), process.cpuUsage()];
  await Promise.all(names.map((name, i) => joinNetwork(perform, name, i)));
  const { user, system } = process.cpuUsage(cpu);
  console.log(JSON.stringify({ wallMs: performance.now() - wall, userMs: user / 1000, systemMs: system / 1000 }));
  namespaces[Symbol.dispose]();
} finally {
  for (const child of children) child.kill('SIGKILL');
}

/** In the order in which a plan has it: the link, its addresses, the routes through them. */
async function joinNetwork(perform, container, i) {
  const hex = (value) => value.toString(16).padStart(2, '0');
  await perform({
    kind: 'link.create',
    link: {
      type: 'veth',
      ifname: `tv-bench-${i}`,
      ifalias: `tsstack:bench/${container}@front#0`,
      group: 1,
      mtu: 1500,
      master: bridge.ifname,
      container,
      peerIfname: 'eth0',
      peerAddress: `02:00:00:00:00:${hex(i)}`,
      hairpin: false,
    },
  });
  const netns = { in: 'container', container };
  await Promise.all(subnets.map(({ address, prefix }) => addAddress(perform, netns, { ifname: 'eth0', cidr: `${address(i)}/${prefix}` })));
  await Promise.all(
    subnets.map(({ gateway }) => perform({ kind: 'route.add', route: { netns, destination: 'default', gateway, ifname: 'eth0' } })),
  );
}

function addAddress(perform, netns, { ifname, cidr }) {
  return perform({ kind: 'address.add', address: { netns, ifname, cidr } });
}

/** unshare(1) says nothing when it has done so. */
async function inItsOwn(pid) {
  const own = readlinkSync('/proc/self/ns/net');
  const deadline = Date.now() + 10_000;
  while (readlinkSync(`/proc/${pid}/ns/net`) === own) {
    if (Date.now() > deadline) throw new Error(`process ${pid} has no network namespace of its own`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
