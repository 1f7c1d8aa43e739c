/**
 * Who reaches whom, all of it: from containers on an open and on an internal network, of another stack, the host, and another machine
 * on its network, to every container by its address and by what it publishes, IPv4 and IPv6, TCP and UDP.
 */
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { command, type Outside, outside } from '../support/fake-host.ts';
import { type Attempt, answering, proberOf } from '../support/reachability.ts';
import { idleHost, stackFile } from '../support/stack-file.ts';
import { type Project, withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

const SOURCES = ['front', 'back', 'stranger', 'host', 'lan'] as const;
type Source = (typeof SOURCES)[number];

/** What is tried, and who must get an answer from it. Everybody else must not. */
interface Target {
  readonly name: string;
  readonly address: (places: Places) => string;
  readonly tcp: number;
  readonly udp: number;
  readonly reachedBy: readonly Source[];
}

interface Places {
  readonly there: Outside;
  readonly of: (container: string, network: string, family: 4 | 6) => string;
}

/** Services: `open` publishes to everybody, `shut` on loopback, `plain` nothing; `inner` is on the internal network. */
function targets(family: 4 | 6): readonly Target[] {
  const own = (container: string, network: string, reachedBy: readonly Source[]): Target => ({
    name: `${container} by its address`,
    address: ({ of }) => of(container, network, family),
    tcp: 80,
    udp: 53,
    reachedBy,
  });
  const hostAddress = ({ there }: Places) => (family === 4 ? there.hostAddress : there.hostAddress6);
  const loopback = () => (family === 4 ? '127.0.0.1' : '::1');
  return [
    own('open-1', 'front', ['front', 'host']),
    own('shut-1', 'front', ['front', 'host']),
    own('plain-1', 'front', ['front', 'host']),
    own('inner-1', 'back', ['back', 'host']),
    own('stranger-1', 'default', ['stranger', 'host']),
    // By the host's address a published port is for everybody whom its network lets get that far.
    { name: 'open as published', address: hostAddress, tcp: 18080, udp: 18053, reachedBy: ['front', 'stranger', 'host', 'lan'] },
    { name: 'open on loopback', address: loopback, tcp: 18080, udp: 18053, reachedBy: ['host'] },
    { name: 'shut as published', address: loopback, tcp: 18081, udp: 18054, reachedBy: ['host'] },
    { name: "shut by the host's address", address: hostAddress, tcp: 18081, udp: 18054, reachedBy: [] },
  ];
}

const shop = stackFile({
  services: {
    open: { ...answering, networks: ['front'], ports: ['*:18080:80', '*:18053:53/udp'] },
    shut: { ...answering, networks: ['front'], ports: ['18081:80', '18054:53/udp'] },
    plain: { ...answering, networks: ['front'] },
    inner: { ...answering, networks: ['back'] },
    front: { ...idleHost, networks: ['front'] },
    back: { ...idleHost, networks: ['back'] },
  },
  networks: { front: { ipv6: true }, back: { internal: true, ipv6: true } },
});
const other = stackFile({ name: 'other', services: { stranger: answering }, networks: { default: { ipv6: true } } });

let there: Outside;
beforeAll(async () => {
  // `up` switches it on and `down` leaves it on; each address then brings a route of its own for its subnet's anycast address.
  writeFileSync('/proc/sys/net/ipv6/conf/all/forwarding', '1');
  there = await outside();
  there.routeLoopback();
});
afterAll(() => there.close());

test.each(['iptables', 'nftables'])(
  'exactly those reach a container who should, whichever way they try: %s',
  { timeout: 120_000 },
  async (driver) => {
    const files = { 'stack.config.ts': shop, 'other/stack.config.ts': other };
    await withProject(files, (p) => tryAll(p), { timeoutMs: 90_000, env: { TSSTACK_FIREWALL: driver } });
  },
);

async function tryAll(p: Project): Promise<void> {
  const inOther = ['-C', `${p.directory}/other`];
  await p.ok(['up', '-d']);
  await p.ok(['up', '-d', ...inOther]);
  try {
    const listings = [...(await p.ps()), ...JSON.parse((await p.ok(['ps', '--json', ...inOther])).stdout)] as Awaited<
      ReturnType<Project['ps']>
    >;
    const of = (container: string, network: string, family: 4 | 6) => {
      const listing = listings.find(({ name }) => name === container);
      return (family === 4 ? listing?.addresses[network] : listing?.addresses6[network]) ?? `no address of ${container}`;
    };
    routeDirectly(there, listings);
    const attempts = ([4, 6] as const).flatMap((family) =>
      targets(family).flatMap((target) =>
        (['tcp', 'udp'] as const).map((protocol) => ({
          what: `${target.name}, IPv${family} ${protocol}`,
          reachedBy: target.reachedBy,
          attempt: { protocol, address: target.address({ there, of }), port: target[protocol] },
        })),
      ),
    );
    const all = attempts.map(({ attempt }) => attempt);
    await until(
      'every server answers',
      async () => (await probe(p, 'host', all)).filter(Boolean).length === expectedFrom(attempts, 'host'),
    );
    const seen = Object.fromEntries(
      await Promise.all(SOURCES.map(async (source) => [source, (await probe(p, source, all)).map((answer) => answer !== null)] as const)),
    );
    const matrix = (reaches: (source: Source, index: number) => boolean | undefined) =>
      attempts.map(({ what }, index) => `${what}: ${SOURCES.filter((source) => reaches(source, index)).join(' ') || 'nobody'}`);
    expect(matrix((source, index) => seen[source]?.[index])).toEqual(
      matrix((source, index) => attempts[index]?.reachedBy.includes(source)),
    );
  } finally {
    await p.ok(['down', '--volumes', '--timeout', '1', ...inOther]);
  }
}

function expectedFrom(attempts: readonly { readonly reachedBy: readonly Source[] }[], source: Source): number {
  return attempts.filter(({ reachedBy }) => reachedBy.includes(source)).length;
}

/** A neighbour may send to any address by our MAC: it has routes to each container through the host. */
function routeDirectly(outsider: Outside, listings: Awaited<ReturnType<Project['ps']>>): void {
  for (const { addresses, addresses6 } of listings) {
    for (const address of Object.values(addresses)) outsider.route(`${address}/32`);
    for (const address of Object.values(addresses6)) outsider.route(`${address}/128`);
  }
}

async function probe(p: Project, source: Source, attempts: readonly Attempt[]): Promise<readonly (string | null)[]> {
  const argv = proberOf(attempts);
  const inContainer = source === 'stranger' ? ['exec', '-T', '-C', `${p.directory}/other`, 'stranger'] : ['exec', '-T', source];
  const result = source === 'host' ? await command(argv) : source === 'lan' ? await there.run(argv) : await p.ok([...inContainer, ...argv]);
  return JSON.parse(result.stdout) as (string | null)[];
}
