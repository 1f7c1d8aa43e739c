/** Asks every driver what is there of one stack. Synchronous reads first; the firewall's process runs beside them. */
import fs from 'node:fs';
import { missingMounts } from '../codec/missing-mounts.ts';
import { connectedAddresses, observeAddresses } from '../kernel/addresses.ts';
import { observeCgroups } from '../kernel/cgroups.ts';
import { observeContainers } from '../kernel/containers.ts';
import { observeFiles } from '../kernel/files.ts';
import { surveyFirewall } from '../kernel/host-facts-firewall.ts';
import { type Inside, observeInside } from '../kernel/inside.ts';
import { observeLinks } from '../kernel/links.ts';
import { observeMounts, targetResolver } from '../kernel/mounts.ts';
import { observeFaults } from '../kernel/qdiscs.ts';
import { observeRoutes } from '../kernel/routes.ts';
import { observeSysctls } from '../kernel/sysctls.ts';
import { unlessErrno } from '../kernel/system-error.ts';
import { observeVolumes } from '../kernel/volumes.ts';
import type { ContainerStatus } from '../model/container.ts';
import type { FirewallSurvey } from '../model/firewall-survey.ts';
import type { ContainerState, LinkState, Observed, ObservedResource, UnownedLink } from '../model/resources.ts';
import { CGROUP_ROOT, nameFromMark } from '../plan/names.ts';
import { readOwnAllocation } from '../store/allocation.ts';
import { observeLanLinks } from './observe-lan.ts';
import { observeRules } from './observe-rules.ts';
import type { Session } from './session.ts';

export interface ObserveOptions {
  /** Also addresses and routes within the containers' network namespaces. They end with these, so `down` need not know them. */
  readonly inside: boolean;
  /** Of this moment. Default: it is made here. */
  readonly survey?: FirewallSurvey;
  readonly signal: AbortSignal;
}

export async function observeStack(session: Session, { inside, survey = surveyFirewall(), signal }: ObserveOptions): Promise<Observed> {
  const firewall = observeRules(session, survey, signal);
  // Should one of the synchronous reads throw, nobody would wait for it.
  firewall.catch(() => undefined);
  const { stack, paths } = session;
  const links = observeLinks(session.namespaces.host);
  const ours = links.flatMap((state) => {
    const name = nameFromMark(stack, state.ifalias);
    return name === undefined ? [] : [{ name, state }];
  });
  const resources: ObservedResource[] = [
    ...ours.map(({ name, state }) => ({ kind: 'link' as const, id: `link:${stack.name}/${name}`, state })),
    ...observeBridges(
      session,
      ours.filter(({ state }) => state.type === 'bridge'),
      links,
    ),
    ...observeAttachedFaults(
      session,
      ours.filter(({ state }) => state.type === 'veth'),
    ),
    ...observeContainerResources(session, { inside, links }),
    ...observeCgroups(`${CGROUP_ROOT}/${stack.id}`, session.cgroups).map((state) => ({
      kind: 'cgroup' as const,
      id: `cgroup:${stack.name}/${state.path.slice(state.path.lastIndexOf('/') + 1)}`,
      state,
    })),
    ...observeVolumes(paths.volumes).map((state) => ({ kind: 'volume' as const, id: `volume:${stack.name}/${state.name}`, state })),
    ...observeFilesIn(session, paths.hosts, 'hosts'),
    ...observeFilesIn(session, paths.resolv, 'resolv.conf'),
  ];
  const { rules, othersFilter, firewalldRefuses } = await firewall;
  return {
    resources: [...resources, ...rules],
    othersFilter,
    firewalldRefuses,
    unownedLinks: unowned(links, new Set(ours.map(({ state }) => state.ifindex))),
  };
}

/** One a container, named for it. */
function observeFilesIn({ stack }: Session, directory: string, what: string): ObservedResource[] {
  return observeFiles(filesIn(directory)).map((state) => ({
    kind: 'file',
    id: `file:${stack.name}/${state.path.slice(state.path.lastIndexOf('/') + 1)}/${what}`,
    state,
  }));
}

function observeAttachedFaults({ stack, namespaces }: Session, veths: readonly { name: string; state: LinkState }[]): ObservedResource[] {
  const byIfname = new Map(veths.map(({ name, state }) => [state.ifname, name]));
  return observeFaults(
    namespaces.host,
    veths.map(({ state }) => state),
  ).map((state) => ({ kind: 'fault', id: `fault:${stack.name}/${byIfname.get(state.ifname)}`, state }));
}

function filesIn(directory: string): string[] {
  return (unlessErrno(['ENOENT'], () => fs.readdirSync(directory)) ?? []).map((name) => `${directory}/${name}`);
}

function unowned(links: readonly LinkState[], ours: ReadonlySet<number>): Record<string, UnownedLink> {
  return Object.fromEntries(links.filter(({ ifindex }) => !ours.has(ifindex)).map(({ ifname, type, group }) => [ifname, { type, group }]));
}

function observeBridges(
  { stack, namespaces }: Session,
  bridges: readonly { name: string; state: LinkState }[],
  links: readonly LinkState[],
): ObservedResource[] {
  const byIfname = new Map(bridges.map(({ name, state }) => [state.ifname, name]));
  const host = { in: 'host' } as const;
  const connected = connectedAddresses(observeAddresses(namespaces.host, host, links), observeRoutes(namespaces.host, host, links));
  const addresses = connected.flatMap((state) => {
    const name = byIfname.get(state.ifname);
    return name === undefined ? [] : [{ kind: 'address' as const, id: `address:${stack.name}/${name}${bridgeEnd(state.cidr)}`, state }];
  });
  const localnets = bridges.map(({ name, state }) => ({
    id: `${name}/route_localnet`,
    path: `net/ipv4/conf/${state.ifname}/route_localnet`,
  }));
  const wanted = [
    { id: 'ip_forward', path: 'net/ipv4/ip_forward' },
    { id: 'ipv6_forward', path: 'net/ipv6/conf/all/forwarding' },
    ...links
      .filter(({ master, type }) => master === 0 && type !== 'bridge' && type !== 'veth')
      .map(({ ifname }) => ({ id: `accept_ra/${ifname}`, path: `net/ipv6/conf/${ifname}/accept_ra` })),
    ...localnets,
  ];
  const idByPath = new Map(wanted.map(({ id, path }) => [path, id]));
  const sysctls = observeSysctls(wanted.map(({ path }) => path)).map((state) => ({
    kind: 'sysctl' as const,
    id: `sysctl:${stack.name}/${idByPath.get(state.path) ?? state.path}`,
    state,
  }));
  return [...addresses, ...sysctls];
}

/** What an id ends with. */
function bridgeEnd(cidr: string): string {
  return cidr.startsWith('fe80:') ? '/link-local' : familyEnd(cidr);
}

function familyEnd(cidr: string): string {
  return cidr.includes(':') ? '/6' : '';
}

function observeContainerResources(
  session: Session,
  { inside: withInside, links }: { readonly inside: boolean; readonly links: readonly LinkState[] },
): ObservedResource[] {
  const { stack, paths, bootId } = session;
  const { interfaces, onLan } = withInside ? interfacesOf(session) : NO_INTERFACES;
  const containers = observeContainers(paths.containers, bootId);
  return containers.flatMap((state) => {
    const { name, status, record } = state;
    const stopSignal = record?.stopSignal ?? 'SIGTERM';
    const stopGracePeriodMs = record?.stopGracePeriodMs ?? 10_000;
    const resources: ObservedResource[] = [
      {
        kind: 'container',
        id: `container:${stack.name}/${name}`,
        state: withInside ? { ...state, lostMounts: lostMounts(state, paths.directory), ...leftBehind(state, containers) } : state,
      },
      { kind: 'process', id: `process:${stack.name}/${name}`, state: { name, status, stopSignal, stopGracePeriodMs } },
    ];
    if (status.state === 'running' && status.init) session.knowInit(name, status.init.pid);
    if (!withInside) return resources;
    const lanLinks = onLan.has(name) && status.state === 'running' && status.init ? observeLanLinks(session, name, links) : [];
    return [...resources, ...lanLinks, ...inside(stack.name, state, interfaces)];
  });
}

/**
 * What is mounted of ours (its hosts file, its volumes) and was deleted on the host counts as lost: what is made in its place is another
 * inode, which this mount will never show. Of a user's own file that is nobody's mistake: editors save by renaming.
 */
function lostMounts({ record, status }: ContainerState, stackDirectory: string): readonly string[] {
  if (!record || status.state !== 'running' || !status.init) return [];
  const { pid } = status.init;
  const ours = new Set(
    record.launch.mounts.flatMap((mount) => (mount.type === 'bind' && mount.source.startsWith(`${stackDirectory}/`) ? mount.target : [])),
  );
  const mounts = observeMounts(pid)?.filter(({ target, root }) => !(root.endsWith('//deleted') && ours.has(target)));
  return mounts === undefined ? [] : missingMounts(record.launch, mounts, targetResolver(pid));
}

/** One that has ended left its network namespace to those that have joined it: until it has another one, they have what they had. */
function leftBehind({ record, status }: ContainerState, all: readonly ContainerState[]): Pick<ContainerState, 'leftBehind'> {
  const network = record?.launch.network;
  if (network?.kind !== 'join') return {};
  const joined = all.find(({ name }) => name === network.container)?.status;
  const [own, other] = [networkNamespaceOf(status), joined && networkNamespaceOf(joined)];
  return own === undefined || other === undefined || own === other ? {} : { leftBehind: network.container };
}

/** Which it is (namespaces(7)). Undefined: it doesn't run, or has ended since. */
function networkNamespaceOf({ state, init }: ContainerStatus): string | undefined {
  if (state !== 'running' || !init) return undefined;
  return unlessErrno(['ENOENT', 'ESRCH'], () => fs.readlinkSync(`/proc/${init.pid}/ns/net`));
}

interface Interfaces {
  /** `web-1/eth0` → `web-1@front`, as it was given out. */
  readonly interfaces: ReadonlyMap<string, string>;
  /** Containers that have a link on one of the host's. */
  readonly onLan: ReadonlySet<string>;
}
const NO_INTERFACES: Interfaces = { interfaces: new Map(), onLan: new Set() };

function interfacesOf({ paths }: Session): Interfaces {
  const { interfaces, joined } = readOwnAllocation(paths.allocation);
  const given = Object.entries(interfaces).map(([key, ifname]) => {
    const [container = '', network = ''] = key.split('/');
    return { container, network, ifname };
  });
  return {
    interfaces: new Map(given.map(({ container, network, ifname }) => [`${container}/${ifname}`, `${container}@${network}`])),
    onLan: new Set(given.filter(({ network }) => joined[network]?.startsWith('macvlan:')).map(({ container }) => container)),
  };
}

function inside(stackName: string, { name: container, status }: ContainerState, names: ReadonlyMap<string, string>): ObservedResource[] {
  if (status.state !== 'running' || !status.init) return [];
  const { ipv4, ipv6 } = observeInside(status.init.pid, { in: 'container', container });
  const idOf = (kind: string, ifname: string, end: string) => {
    const name = names.get(`${container}/${ifname}`);
    return name === undefined ? undefined : `${kind}:${stackName}/${name}${end}`;
  };
  const ofFamily = ({ addresses, routes }: Inside, end: string): ObservedResource[] => [
    ...addresses.flatMap((state) => {
      const id = idOf('address', state.ifname, end);
      return id === undefined ? [] : [{ kind: 'address' as const, id, state }];
    }),
    ...routes.flatMap((state) => {
      const id = idOf('route', state.ifname, end);
      return id === undefined ? [] : [{ kind: 'route' as const, id, state }];
    }),
  ];
  return [...ofFamily(ipv4, ''), ...ofFamily(ipv6, '/6')];
}
