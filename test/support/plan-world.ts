/** Specs, facts and observed worlds for tests of pure planning. */
import { PLAIN_NETWORK, plainAttachment } from '../../dsl/network-defaults.ts';
import type { NetworkSpec, PortSpec, ServiceSpec, StackSpec } from '../../dsl/spec.ts';
import { limitFiles } from '../../engine/codec/cgroup-writes.ts';
import type { HostFacts } from '../../engine/model/facts.ts';
import type { TableState } from '../../engine/model/firewall.ts';
import type { Policy } from '../../engine/model/plan.ts';
import type { Desired, Observed, ObservedResource, TableSpec } from '../../engine/model/resources.ts';
import { stackIdentity } from '../../engine/plan/names.ts';
import { NO_ALLOCATION } from '../../engine/store/allocation.ts';

export const STACK = stackIdentity('shop', '/srv/shop', undefined);
export const POLICY: Policy = {
  forceRecreate: false,
  deleteVolumes: false,
  services: undefined,
  containers: undefined,
  repair: false,
  restart: [],
  stopped: [],
  returning: [],
  conditions: undefined,
};

export function service(parts: Partial<ServiceSpec> = {}): ServiceSpec {
  return {
    kind: 'service',
    rerun: 'on-change',
    image: { kind: 'rootfs', path: '/srv/rootfs' },
    entrypoint: undefined,
    command: ['/bin/httpd', '-f'],
    environment: {},
    envFile: [],
    workingDir: undefined,
    user: undefined,
    hostname: undefined,
    mounts: [],
    networkMode: { kind: 'own' },
    networks: [plainAttachment('default')],
    dns: { servers: [], search: undefined, options: undefined },
    extraHosts: {},
    ports: [],
    dependsOn: {},
    healthcheck: undefined,
    restart: { policy: 'no', maxRetries: undefined },
    hooks: { postStart: [], preStop: [], host: [], hostTimeoutMs: 30_000 },
    update: { order: 'stop-first', parallelism: 1 },
    watch: [],
    replicas: 1,
    labels: {},
    stopSignal: undefined,
    pullPolicy: 'missing',
    inheritHealthcheck: true,
    stopGracePeriodMs: 10_000,
    init: true,
    readOnly: false,
    limits: {
      cpus: undefined,
      cpuShares: undefined,
      cpuset: undefined,
      memory: undefined,
      memoryReservation: undefined,
      swap: undefined,
      pids: undefined,
    },
    userns: 'private',
    capAdd: [],
    capDrop: [],
    sysctls: {},
    ...parts,
  };
}

export function network(parts: Partial<NetworkSpec> = {}): NetworkSpec {
  return { ...PLAIN_NETWORK, ...parts };
}

export function stack(services: Record<string, ServiceSpec>, parts: Partial<StackSpec> = {}): StackSpec {
  return { name: 'shop', services, networks: { default: network() }, volumes: {}, ...parts };
}

export function attach(...names: string[]): ServiceSpec['networks'] {
  return names.map(plainAttachment);
}

/** A port as a stack file has it: `port('127.0.0.1', 8080, 80)`. */
export function port(hostAddress: string, hostPort: number, containerPort: number, protocol: 'tcp' | 'udp' = 'tcp'): PortSpec {
  return { hostAddresses: [hostAddress], hostPorts: { first: hostPort, last: hostPort }, strict: true, containerPort, protocol };
}

export function facts(parts: Partial<HostFacts> = {}): HostFacts {
  const image = {
    name: 'rootfs:/srv/rootfs',
    digest: '1',
    lowerdirs: ['/srv/rootfs'],
    binds: [],
    entrypoint: [],
    command: [],
    environment: { PATH: '/bin' },
    workingDir: '/',
    user: undefined,
    passwd: 'root:x:0:0:root:/root:/bin/sh\nwww:x:33:34::/:/bin/sh\n',
    groupFile: 'root:x:0:\nwww:x:34:\nlogs:x:40:www\n',
  };
  return {
    cgroups: { mode: 'unified', unified: '/sys/fs/cgroup', controllers: {}, unifiedControllers: ['cpu', 'cpuset', 'memory', 'pids'] },
    usernsUnavailable: undefined,
    hostRoutes: [],
    advertisedLinks: [],
    ipv6: true,
    ulaPrefix: 'fd00:74:73::/48',
    firewall: { driver: 'iptables', refusedByFirewalld: false },
    externals: {},
    refusedExternals: {},
    faults: [],
    others: NO_ALLOCATION,
    own: NO_ALLOCATION,
    listening: [],
    envFiles: {},
    bindSources: {},
    resolvConf: '',
    resolver: { nameservers: [], search: [], options: [] },
    hostHosts: '127.0.0.1\tlocalhost\n',
    hostResolvConf: 'nameserver 127.0.0.53\n',
    hasNameServer: true,
    withoutNameServer: [],
    images: { 'rootfs:/srv/rootfs': image, 'host-rootfs': { ...image, name: 'host-rootfs' } },
    volumesDirectory: '/state/volumes',
    containersDirectory: '/state/containers',
    hostsDirectory: '/state/hosts',
    resolvDirectory: '/state/resolv',
    logsDirectory: '/state/logs',
    seccompFile: '/state/seccomp.bpf',
    ...parts,
  };
}

export const EMPTY: Observed = { resources: [], unownedLinks: {} };

/** The world as it is when `desired` has been made: every container runs. */
export function settled(desired: Desired): Observed {
  const ifindexes = new Map<string, number>();
  const resources: ObservedResource[] = [];
  for (const resource of desired.resources) {
    const { id } = resource;
    switch (resource.kind) {
      case 'link': {
        const { spec } = resource;
        const ifindex = ifindexes.size + 10;
        ifindexes.set(spec.ifname, ifindex);
        const masterName = spec.type === 'veth' ? spec.master : undefined;
        const master = masterName === undefined ? 0 : (ifindexes.get(masterName) ?? 0);
        const macvlan = spec.type === 'macvlan' ? { inside: spec.container } : {};
        const state = { address: undefined, ...spec, ...macvlan, ifindex, mtu: spec.mtu ?? 1500, master, masterName, up: true };
        resources.push({ kind: 'link', id, state });
        break;
      }
      case 'firewall': {
        resources.push({ kind: 'firewall', id, state: tableState(resource.spec) });
        break;
      }
      case 'cgroup': {
        const values = Object.fromEntries([
          ...limitFiles('unified').map((file) => [
            `unified/${file}`,
            { 'cpu.max': 'max 100000', 'cpu.weight': '100', 'memory.low': '0', 'cpuset.cpus': '' }[file] ?? 'max',
          ]),
          ...resource.spec.writes.map(({ controller, file, value }) => [`${controller}/${file}`, value]),
        ]);
        resources.push({ kind: 'cgroup', id, state: { path: resource.spec.path, values } });
        break;
      }
      case 'container':
        resources.push({ kind: 'container', id, state: { name: resource.spec.name, record: resource.spec.record, status: running(100) } });
        break;
      case 'process':
        resources.push({ kind: 'process', id, state: { ...resource.spec, status: running(100) } });
        break;
      default:
        resources.push({ kind: resource.kind, id, state: resource.spec } as ObservedResource);
    }
  }
  return { resources, unownedLinks: { eth0: { type: '', group: 0 } } };
}

/** What iptables-save shows of a table that is as it must be. */
export function tableState({ table, chains, jumps }: TableSpec): TableState {
  return {
    table,
    chains: chains.map(({ name, rules }) => ({ name, marks: rules.map(({ mark }) => mark) })),
    jumps: jumps.map(({ builtin, chain, match, mark }) => {
      const rule = `${match} -m comment --comment "tsstack:${mark}" -j ${chain}`.trim();
      return { builtin, chain, rule, mark, number: 1, afterOthers: false };
    }),
    refusals: {},
  };
}

function running(pid: number) {
  return {
    state: 'running' as const,
    monitor: { pid, startTime: 1 },
    init: { pid: pid + 1, startTime: 1 },
    createdAt: 1,
    startedAt: 2,
    finishedAt: undefined,
    exit: undefined,
  };
}

/** The same world after a container has ended with `code`: its namespaces, and the links in them, are gone. */
export function ended(observed: Observed, container: string, code: number): Observed {
  const exit = { code, signal: undefined, oomKilled: false, initKilled: false, error: undefined };
  const resources = observed.resources
    .filter(({ id, kind }) => !(['link', 'address', 'route'].includes(kind) && id.includes(`/${container}@`)))
    .map((resource) => {
      if (resource.kind !== 'container' && resource.kind !== 'process') return resource;
      if (!resource.id.endsWith(`/${container}`)) return resource;
      const status = { ...resource.state.status, state: 'stopped' as const, finishedAt: 3, exit };
      return { ...resource, state: { ...resource.state, status } } as ObservedResource;
    });
  return { ...observed, resources };
}
