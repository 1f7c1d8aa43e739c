/**
 * The table of who reaches whom, as users may rely on it. test/e2e/reachability.test.ts tries all of it on both families, TCP and UDP, and
 * docs/networking.md shows it.
 */

export const SOURCES = ['front', 'back', 'stranger', 'host', 'lan'] as const;
export type Source = (typeof SOURCES)[number];

/** What they are called in the documentation. */
export const SOURCE_TITLES: Readonly<Record<Source, string>> = {
  front: 'a container on the same network',
  back: 'one on an internal network',
  stranger: 'one of another stack',
  host: 'the host',
  lan: 'another machine',
};

/** What is tried, and who must get an answer from it. Everybody else must not. */
export interface Target {
  readonly name: string;
  /** As the documentation calls it. */
  readonly title: string;
  readonly address: (places: Places) => string;
  readonly tcp: number;
  readonly udp: number;
  readonly reachedBy: readonly Source[];
  /** The address of who asks, as the container sees it. */
  readonly seenAs?: Partial<Readonly<Record<Source, (places: Places) => string>>>;
}

/** Addresses of one family. */
export interface Places {
  readonly family: 4 | 6;
  readonly host: string;
  readonly lan: string;
  readonly of: (container: string, network: string) => string;
  readonly gateway: (container: string, network: string) => string;
}

const own = (title: string, container: string, network: string, reachedBy: readonly Source[]): Target => ({
  name: `${container} by its address`,
  title,
  address: ({ of }) => of(container, network),
  tcp: 80,
  udp: 53,
  reachedBy,
});
const OPEN = { tcp: 18080, udp: 18053 };
const SHUT = { tcp: 18081, udp: 18054 };
const loopback = ({ family }: Places) => (family === 4 ? '127.0.0.1' : '::1');
const byGateway = ({ gateway }: Places) => gateway('open-1', 'front');

/** Services: `open` publishes to everybody, `shut` on loopback, `plain` nothing; `inner` is on the internal network. */
export const TARGETS: readonly Target[] = [
  own('a container by its address, which publishes a port on all addresses', 'open-1', 'front', ['front', 'host']),
  own('one that publishes on loopback', 'shut-1', 'front', ['front', 'host']),
  own('one that publishes nothing', 'plain-1', 'front', ['front', 'host']),
  own('one on an internal network', 'inner-1', 'back', ['back', 'host']),
  own('one of another stack', 'stranger-1', 'default', ['stranger', 'host']),
  // By the host's address a published port is for everybody whom its network lets get that far.
  {
    name: 'open as published',
    title: "a port published on all addresses, by the host's address",
    address: ({ host }) => host,
    ...OPEN,
    reachedBy: ['front', 'stranger', 'host', 'lan'],
    seenAs: { lan: ({ lan }) => lan, front: byGateway, stranger: byGateway, host: ({ host }) => host },
  },
  {
    name: 'open on loopback',
    title: 'the same, by 127.0.0.1 or ::1',
    address: loopback,
    ...OPEN,
    reachedBy: ['host'],
    seenAs: { host: byGateway },
  },
  {
    name: 'open by the bridge',
    title: "the same, by its network's gateway",
    address: ({ gateway }) => gateway('open-1', 'front'),
    ...OPEN,
    reachedBy: ['front', 'stranger', 'host'],
    seenAs: { front: byGateway, stranger: byGateway, host: byGateway },
  },
  {
    name: 'open by the bridge of an internal network',
    title: "the same, by an internal network's gateway",
    address: ({ gateway }) => gateway('inner-1', 'back'),
    ...OPEN,
    reachedBy: ['front', 'stranger', 'host'],
  },
  {
    name: 'shut as published',
    title: 'a port published on loopback, by 127.0.0.1 or ::1',
    address: loopback,
    ...SHUT,
    reachedBy: ['host'],
  },
  { name: "shut by the host's address", title: "the same, by the host's address", address: ({ host }) => host, ...SHUT, reachedBy: [] },
  {
    name: 'shut by the bridge',
    title: "the same, by its network's gateway",
    address: ({ gateway }) => gateway('shut-1', 'front'),
    ...SHUT,
    reachedBy: [],
  },
  {
    name: "shut by another stack's bridge",
    title: "the same, by another stack's gateway",
    address: ({ gateway }) => gateway('stranger-1', 'default'),
    ...SHUT,
    reachedBy: [],
  },
];
