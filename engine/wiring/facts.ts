/** What planning must know of this host, gathered in one go before it. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { parseEnvFile } from '../../dsl/env-file.ts';
import type { StackSpec } from '../../dsl/spec.ts';
import { seccompProgram } from '../codec/seccomp.ts';
import { refusedByFirewalld } from '../kernel/firewalld.ts';
import { inspectBindSources } from '../kernel/host-facts-files.ts';
import { isInstalled } from '../kernel/host-facts-firewall.ts';
import { advertisedLinks, hostResolvConf, hostResolver, hostRoutes, listeningSockets } from '../kernel/host-facts-network.ts';
import { usernsUnavailable } from '../kernel/host-facts-userns.ts';
import { unlessErrno } from '../kernel/system-error.ts';
import type { Allocation, EnvFileContent, FirewallDriver, FirewallFacts, HostFacts, Images, ListeningSocket } from '../model/facts.ts';
import type { FirewallSurvey } from '../model/firewall-survey.ts';
import type { ContainerName } from '../model/ids.ts';
import { portsWanted } from '../plan/allocate-ports.ts';
import { chooseFirewall, type FirewallChoice } from '../plan/choose-firewall.ts';
import { readOwnAllocation } from '../store/allocation.ts';
import { readFaults } from '../store/faults.ts';
import { ulaPrefix } from '../store/ula-prefix.ts';
import { withHolders } from './port-holders.ts';
import type { Session } from './session.ts';

export interface FactsOptions {
  /** ifnames of the links that bear this stack's mark. */
  readonly ownLinks: ReadonlySet<string>;
  readonly images: Images;
  readonly hasNameServer: boolean;
  /** As in HostFacts. */
  readonly withoutNameServer: readonly ContainerName[];
  /** Asked for by the user. */
  readonly firewall: FirewallDriver | undefined;
  readonly survey: FirewallSurvey;
  readonly signal: AbortSignal;
}

/** What other stacks hold and share is another matter: it is read under the host's lock. */
export type GatheredFacts = Omit<HostFacts, 'own' | 'others' | 'externals' | 'refusedExternals'>;

export async function gatherFacts(
  spec: StackSpec,
  session: Session,
  { ownLinks, images, hasNameServer, withoutNameServer, firewall, survey, signal }: FactsOptions,
): Promise<GatheredFacts> {
  const { paths, host, stack } = session;
  const services = Object.values(spec.services).filter(({ replicas }) => replicas > 0);
  const ipv6 = hasIpv6();
  return {
    cgroups: session.cgroups,
    usernsUnavailable: services.some(({ userns }) => userns === 'private') ? usernsRefusal(session) : undefined,
    hostRoutes: Object.keys(spec.networks).length > 0 ? foreignRoutes(ownLinks) : [],
    advertisedLinks: Object.values(spec.networks).some(({ ipv6 }) => ipv6) ? advertisedLinks() : [],
    ipv6,
    ulaPrefix: ulaPrefix(host.stateDirectory),
    firewall: firewallFacts({ asked: firewall, survey, stack }),
    faults: readFaults(paths),
    listening: foreignSockets(spec, { own: readOwnAllocation(paths.allocation), ipv6 }),
    envFiles: fromEntries(services.flatMap(({ envFile }) => envFile.map(({ path }) => [path, readEnvFile(path)] as const))),
    bindSources: await inspectBindSources(
      services.flatMap(({ mounts }) => mounts.flatMap((mount) => (mount.type === 'bind' ? [mount.source] : []))),
      signal,
    ),
    resolvConf: hostResolvConf(),
    resolver: hostResolver(),
    hostHosts: readIfThere('/etc/hosts') ?? '',
    hostResolvConf: readIfThere('/etc/resolv.conf') ?? '',
    hasNameServer,
    withoutNameServer,
    images,
    volumesDirectory: paths.volumes,
    containersDirectory: paths.containers,
    hostsDirectory: paths.hosts,
    resolvDirectory: paths.resolv,
    logsDirectory: paths.logs,
    seccompFile: seccompFile(host.stateDirectory),
  };
}

function firewallFacts({ survey, ...choice }: Omit<FirewallChoice, 'installed'>): FirewallFacts {
  const installed = { iptables: isInstalled('iptables'), nftables: isInstalled('nft') };
  return { driver: chooseFirewall({ ...choice, survey, installed }), refusedByFirewalld: refusedByFirewalld(survey) };
}

/**
 * Sockets of others, of those on ports that this stack asks for by number with who has them. Its own, which its supervisor holds, are known by
 * what was given out: where it has been taken by somebody since, binding it tells. A stack that has all its ports already looks at none: the
 * kernel goes through its whole table of connections for /proc/net/tcp, which takes milliseconds where there is much memory.
 */
function foreignSockets(spec: StackSpec, held: { readonly own: Allocation; readonly ipv6: boolean }): ListeningSocket[] {
  const { own } = held;
  const ports = portsWanted(spec, held);
  if (ports.length === 0) return [];
  const sockets = listeningSockets().filter(({ protocol, address, port }) => !Object.hasOwn(own.ports, `${protocol} ${address}:${port}`));
  const isAskedFor = (socket: ListeningSocket) =>
    ports.some(
      ({ protocol, hostPorts }) =>
        protocol === socket.protocol && hostPorts !== undefined && hostPorts.first <= socket.port && socket.port <= hostPorts.last,
    );
  return withHolders(sockets, isAskedFor);
}

/** Without an address it is switched off: even loopback has one (ip-sysctl.rst, disable_ipv6). */
function hasIpv6(): boolean {
  return (readIfThere('/proc/net/if_inet6') ?? '') !== '';
}

/** The routes of our own bridges are no obstacle to our own subnets, be it those of a network that was renamed and is about to go. */
function foreignRoutes(ownLinks: ReadonlySet<string>): string[] {
  return hostRoutes()
    .filter(({ ifname }) => !ownLinks.has(ifname))
    .map(({ cidr }) => cidr);
}

/** The launcher tries it once a boot, on the filesystem that matters: what it finds is kept there. */
function usernsRefusal({ host, launcherBinary, bootId }: Session): string | undefined {
  const cache = `${host.stateDirectory}/userns`;
  const [boot, ...words] = (readIfThere(cache) ?? '').trim().split(' ');
  if (boot === bootId) return words.join(' ') || undefined;
  const known = usernsUnavailable();
  if (known !== undefined) return known;
  const result = spawnSync(launcherBinary, ['probe-idmap', host.stateDirectory], { encoding: 'utf8' });
  if (result.error) throw result.error;
  const why = result.status === 0 ? '' : result.stderr.trim().replaceAll('\n', ' ') || `probe ended with ${result.status ?? result.signal}`;
  fs.writeFileSync(cache, `${bootId} ${why}\n`);
  return why || undefined;
}

/** Named by its content, so that a new version of the filter is a new file and old containers keep theirs. */
function seccompFile(stateDirectory: string): string | undefined {
  if (process.arch !== 'x64' && process.arch !== 'arm64') return undefined;
  const program = seccompProgram(process.arch);
  const path = `${stateDirectory}/seccomp-${createHash('sha256').update(program).digest('hex').slice(0, 12)}.bpf`;
  if (!fs.existsSync(path)) {
    fs.writeFileSync(`${path}.${process.pid}`, program);
    fs.renameSync(`${path}.${process.pid}`, path);
  }
  return path;
}

function readEnvFile(path: string): EnvFileContent {
  const text = readIfThere(path);
  return text === undefined ? { error: 'it does not exist' } : parseEnvFile(text);
}

function readIfThere(path: string): string | undefined {
  return unlessErrno(['ENOENT'], () => fs.readFileSync(path, 'utf8'));
}

function fromEntries<T>(entries: readonly (readonly [string, T])[]): Record<string, T> {
  return Object.fromEntries(entries);
}
