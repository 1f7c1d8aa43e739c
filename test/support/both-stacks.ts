/** A stack by each firewall driver, side by side on one host, and whom they reach: over both families, TCP and UDP. */
import { execFileSync } from 'node:child_process';
import type { ContainerListing } from '../../engine/model/engine.ts';
import { type CommandResult, command, type Outside } from './fake-host.ts';
import { type Attempt, answering, bothProtocols, gatewayOf, proberOf, type Question } from './reachability.ts';
import { idleHost, stackFile } from './stack-file.ts';
import type { Project } from './tsstack.ts';
import { until } from './until.ts';

/** Each publishes a port on all addresses, and one on loopback. */
const STACKS = [
  { driver: 'iptables', directory: '.', open: 18080, shut: 18081 },
  { driver: 'nftables', directory: 'nftables', open: 18082, shut: 18083 },
] as const;

/** Of a project that has both. */
export const bothStacks: Readonly<Record<string, string>> = Object.fromEntries(
  STACKS.map(({ driver, directory, open, shut }) => {
    const ports = [`*:${open}:80`, `*:${open}:53/udp`, `${shut}:80`, `${shut}:53/udp`];
    const services = { web: { ...answering, ports }, db: idleHost };
    return [`${directory}/stack.config.ts`, stackFile({ name: driver, services, networks: { default: { ipv6: true } } })];
  }),
);

const WAYS = ['tcp4', 'udp4', 'tcp6', 'udp6'] as const;
export type Way = (typeof WAYS)[number];

/** In which ways an answer is had. */
export interface Reached {
  readonly containerToOutside: readonly Way[];
  readonly containerToContainer: readonly Way[];
  readonly outsideToPublished: readonly Way[];
  /** To what is published on loopback. */
  readonly outsideToLoopback: readonly Way[];
  /** The same from the host itself. */
  readonly hostToPublished: readonly Way[];
  /** From the DNS server of either gateway. */
  readonly names: readonly ('gateway4' | 'gateway6')[];
}

/** As it should be. */
export const ALL: Reached = {
  containerToOutside: WAYS,
  containerToContainer: WAYS,
  outsideToPublished: WAYS,
  outsideToLoopback: [],
  hostToPublished: WAYS,
  names: ['gateway4', 'gateway6'],
};

export interface BothStacks {
  /** What `up` said on stderr. */
  readonly said: string;
  /** Their names on the host, sorted. */
  readonly bridges: readonly string[];
  /** Those get an answer who should, of either stack. Repairs take a moment, and so do servers that start. */
  reaches(wanted: Reached): Promise<void>;
  /** What `plan` says on stderr. */
  plan(): Promise<string>;
  down(): Promise<void>;
}

/** Brings them up, and takes them down at the end whatever happens. `there` runs `answering`. */
export async function withBothStacks(p: Project, there: Outside, body: (stacks: BothStacks) => Promise<void>): Promise<void> {
  const each = (...argv: readonly string[]) =>
    Promise.all(
      STACKS.map(({ driver, directory }) => p.ok([...argv, '-C', `${p.directory}/${directory}`], { env: { TSSTACK_FIREWALL: driver } })),
    );
  let isDown = false;
  const down = async () => {
    if (!isDown) await each('down', '--volumes', '--timeout', '1');
    isDown = true;
  };
  try {
    const said = (await each('up', '-d')).map(({ stderr }) => stderr).join('');
    const listings = (await each('ps', '--json')).map(({ stdout }) => JSON.parse(stdout) as ContainerListing[]);
    const trials = STACKS.map((stack, index) => trialOf(stack, there, listings[index] ?? []));
    const reaches = async (wanted: Reached) => {
      const all = JSON.stringify(STACKS.map(({ driver }) => ({ driver, ...wanted })));
      const what = `those get an answer who should: ${JSON.stringify(wanted)}`;
      await until(what, () => reached(there, trials), { holds: (seen) => JSON.stringify(seen) === all, timeoutMs: 15_000 });
    };
    const plan = async () => (await each('plan')).map(({ stderr }) => stderr).join('');
    await body({ said, bridges: bridges(), reaches, plan, down });
  } finally {
    await down();
  }
}

function bridges(): readonly string[] {
  const links = JSON.parse(execFileSync('ip', ['-j', 'link', 'show', 'type', 'bridge'], { encoding: 'utf8' })) as { ifname: string }[];
  return links
    .map(({ ifname }) => ifname)
    .filter((ifname) => ifname.startsWith('ts-'))
    .sort();
}

interface Trial {
  readonly driver: string;
  /** Of `db`. */
  readonly pid: number | undefined;
  readonly inside: readonly (Attempt | Question)[];
  readonly outside: readonly Attempt[];
  readonly host: readonly Attempt[];
}

function trialOf({ driver, open, shut }: (typeof STACKS)[number], there: Outside, listings: readonly ContainerListing[]): Trial {
  const [web, db] = ['web-1', 'db-1'].map((name) => listings.find((one) => one.name === name));
  const [four = 'no address', six = 'no address'] = [web?.addresses['default'], web?.addresses6['default']];
  const ask = (address: string): Question => ({ protocol: 'dns', address, name: 'web' });
  const at = (tcp: number, udp: number) => (v4: string, v6: string) => [v4, v6].flatMap((address) => bothProtocols(address, { tcp, udp }));
  const [own, published, loopback] = [at(80, 53), at(open, open), at(shut, shut)];
  return {
    driver,
    pid: db?.pid,
    inside: [...own(there.address, there.address6), ...own(four, six), ask(gatewayOf(four)), ask(gatewayOf(six))],
    outside: [...published(there.hostAddress, there.hostAddress6), ...loopback(there.hostAddress, there.hostAddress6)],
    host: loopback('127.0.0.1', '::1'),
  };
}

/** Two of them ask for both stacks: what is started costs most. */
async function reached(there: Outside, trials: readonly Trial[]): Promise<readonly (Reached & { readonly driver: string })[]> {
  const [fromOutside, fromHost, ...fromContainers] = await Promise.all([
    answers(
      there.run,
      trials.flatMap(({ outside }) => outside),
    ),
    answers(
      command,
      trials.flatMap(({ host }) => host),
    ),
    ...trials.map(({ pid, inside }) => answers((argv) => command(['nsenter', '-t', `${pid}`, '-n', '--', ...argv]), inside)),
  ]);
  return trials.map(({ driver }, index) => {
    const [inside = [], outside] = [fromContainers[index], fromOutside.slice(8 * index)];
    return {
      driver,
      containerToOutside: ways(inside),
      containerToContainer: ways(inside.slice(4)),
      outsideToPublished: ways(outside),
      outsideToLoopback: ways(outside.slice(4)),
      hostToPublished: ways(fromHost.slice(4 * index)),
      names: (['gateway4', 'gateway6'] as const).filter((_, at) => inside[8 + at]),
    };
  });
}

/** Of the first answers, which are in the order of WAYS. */
function ways(answered: readonly unknown[]): readonly Way[] {
  return WAYS.filter((_, index) => answered[index]);
}

/** What whoever runs it is answered, null where nothing came. */
async function answers(
  run: (argv: readonly string[]) => Promise<CommandResult>,
  attempts: readonly (Attempt | Question)[],
): Promise<readonly (string | null)[]> {
  return JSON.parse((await run(proberOf(attempts, 400))).stdout) as (string | null)[];
}
