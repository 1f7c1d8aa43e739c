/**
 * Who reaches whom, all of it: from containers on an open and on an internal network, of another stack, the host, and another machine
 * on its network, to every container by its address and by what it publishes, IPv4 and IPv6, TCP and UDP.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ContainerListing } from '../../engine/model/engine.ts';
import { type Outside, outside } from '../support/fake-host.ts';
import { type Asker, type Attempt, answering, gatewayOf, probe } from '../support/reachability.ts';
import { type Places, SOURCES, type Source, TARGETS, type Target } from '../support/reachability-table.ts';
import { idleHost, stackFile } from '../support/stack-file.ts';
import { type Project, withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

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
const files = { 'stack.config.ts': shop, 'other/stack.config.ts': other };

let there: Outside;
beforeAll(async () => {
  // `up` switches it on and `down` leaves it on; each address then brings a route of its own for its subnet's anycast address.
  writeFileSync('/proc/sys/net/ipv6/conf/all/forwarding', '1');
  there = await outside();
  there.routeLoopback();
});
afterAll(() => there.close());

test.each(['iptables', 'nftables'])(
  'exactly those reach a container who should, whichever way they try, and are seen as who they are: %s',
  { timeout: 120_000 },
  async (driver) => {
    await withProject(files, (p) => tryAll(p), { timeoutMs: 90_000, env: { TSSTACK_FIREWALL: driver } });
  },
);

interface Trial {
  readonly what: string;
  readonly target: Target;
  readonly places: Places;
  readonly attempt: Attempt;
}

async function tryAll(p: Project): Promise<void> {
  const inOther = ['-C', `${p.directory}/other`];
  await p.ok(['up', '-d']);
  await p.ok(['up', '-d', ...inOther]);
  try {
    const listings = [...(await p.ps()), ...(JSON.parse((await p.ok(['ps', '--json', ...inOther])).stdout) as ContainerListing[])];
    routeDirectly(there, listings);
    const trials = trialsOf(listings);
    const attempts = trials.map(({ attempt }) => attempt);
    const reachedBy = (source: Source) => trials.filter(({ target }) => target.reachedBy.includes(source)).length;
    await until('every server answers', async () => (await probe(p, 'host', attempts)).filter(Boolean).length === reachedBy('host'));
    const seen = Object.fromEntries(
      await Promise.all(SOURCES.map(async (source) => [source, await probe(p, askerOf(source), attempts)] as const)),
    );
    const matrix = (reaches: (source: Source, index: number) => boolean | undefined) =>
      trials.map(({ what }, index) => `${what}: ${SOURCES.filter((source) => reaches(source, index)).join(' ') || 'nobody'}`);
    expect(matrix((source, index) => typeof seen[source]?.[index] === 'string')).toEqual(
      matrix((source, index) => trials[index]?.target.reachedBy.includes(source)),
    );
    expect(askersOf(trials, (source, index) => seen[source]?.[index]?.split(' ')[1])).toEqual(
      askersOf(trials, (source, index) => trials[index]?.target.seenAs?.[source]?.(trials[index].places)),
    );
    await tryHairpins(p, trials);
  } finally {
    await p.ok(['down', '--volumes', '--timeout', '1', ...inOther]);
  }
}

/** A port that a container itself publishes, and one of its neighbour, where rules see what bridges pass on and where they don't. */
async function tryHairpins(p: Project, trials: readonly Trial[]): Promise<void> {
  const attempts = trials.filter(({ target }) => target.name === 'open as published').map(({ attempt }) => attempt);
  for (const value of ['0', '1']) {
    // Made by the module br_netfilter, which not every kernel has.
    for (const name of ['iptables', 'ip6tables']) {
      const path = `/proc/sys/net/bridge/bridge-nf-call-${name}`;
      if (existsSync(path)) writeFileSync(path, value);
    }
    for (const service of ['open', 'plain']) {
      const answers = (await probe(p, { service }, attempts)).map((answer) => answer?.split(' ')[0]);
      expect(answers, `${service}, with bridge-nf-call-iptables=${value}`).toEqual(attempts.map(() => 'open-1'));
    }
  }
}

function askerOf(source: Source): Asker {
  if (source === 'host') return 'host';
  if (source === 'lan') return there;
  return source === 'stranger' ? { service: source, directory: 'other' } : { service: source };
}

function trialsOf(listings: readonly ContainerListing[]): Trial[] {
  return ([4, 6] as const).flatMap((family) => {
    const places = placesOf(listings, family);
    return TARGETS.flatMap((target) =>
      (['tcp', 'udp'] as const).map((protocol) => ({
        what: `${target.name}, IPv${family} ${protocol}`,
        target,
        places,
        attempt: { protocol, address: target.address(places), port: target[protocol] },
      })),
    );
  });
}

function placesOf(listings: readonly ContainerListing[], family: 4 | 6): Places {
  const of = (container: string, network: string) => {
    const listing = listings.find(({ name }) => name === container);
    return (family === 4 ? listing?.addresses[network] : listing?.addresses6?.[network]) ?? `no address of ${container}`;
  };
  return {
    family,
    host: family === 4 ? there.hostAddress : there.hostAddress6,
    lan: family === 4 ? there.address : there.address6,
    of,
    gateway: (container, network) => gatewayOf(of(container, network)),
  };
}

function askersOf(trials: readonly Trial[], askerIn: (source: Source, index: number) => string | undefined): string[] {
  return trials.flatMap(({ what, target }, index) =>
    Object.keys(target.seenAs ?? {}).map((source) => `${what}: ${source} is ${askerIn(source as Source, index)}`),
  );
}

/** A neighbour may send to any address by our MAC: it has routes to each container through the host. */
function routeDirectly(outsider: Outside, listings: readonly ContainerListing[]): void {
  for (const { addresses, addresses6 } of listings) {
    for (const address of Object.values(addresses)) outsider.route(`${address}/32`);
    for (const address of Object.values(addresses6 ?? {})) outsider.route(`${address}/128`);
  }
}
