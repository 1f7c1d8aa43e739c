/**
 * A host on which plans are carried out without a kernel. It knows what the kernel knows: which names clash, what ends with what,
 * and what must be there before. An op that could not be done throws, so that a missing edge in a plan is found.
 */

import type { StackSpec } from '../../dsl/spec.ts';
import type { ContainerExit, ContainerRecord, ContainerStatus } from '../../engine/model/container.ts';
import type { Allocation } from '../../engine/model/facts.ts';
import type { Op, Plan, Policy, Step } from '../../engine/model/plan.ts';
import { nothingDesired, type Observed, type ObservedResource, type VethSpec } from '../../engine/model/resources.ts';
import { lower } from '../../engine/plan/lower.ts';
import { reconcile } from '../../engine/plan/reconcile.ts';
import { NO_ALLOCATION } from '../../engine/store/allocation.ts';
import { facts, POLICY, STACK, tableState } from './plan-world.ts';

type Random = () => number;

interface Container {
  record: ContainerRecord;
  state: 'created' | 'running' | 'stopped';
  /** Of a stopped one. Undefined: nobody saw it. */
  exit: ContainerExit | undefined;
}

export class SimulatedWorld {
  own: Allocation = NO_ALLOCATION;
  /** Everything that is simply there or not, by id. */
  readonly #plain = new Map<string, ObservedResource>();
  readonly #containers = new Map<string, Container>();
  readonly #starts = new Map<string, number>();
  readonly #veths = new Map<string, VethSpec>();
  /** `web-1/eth0` → CIDR. */
  readonly #addresses = new Map<string, string>();
  /** Container → its default route. */
  readonly #routes = new Map<string, { gateway: string; ifname: string }>();
  #nextIfindex = 10;

  plan(spec: StackSpec, policy: Policy = POLICY): Plan {
    const { desired, allocation, obstacles } = lower(spec, STACK, facts({ own: this.own }));
    if (obstacles.length > 0) throw new Error(obstacles.map(({ message }) => message).join('\n'));
    const plan = reconcile(desired, this.observed(), policy);
    if (plan.obstacles.length > 0) throw new Error(plan.obstacles.map(({ message }) => message).join('\n'));
    this.own = allocation;
    return plan;
  }

  planDown(): Plan {
    return reconcile(nothingDesired(STACK.name), this.observed(), { ...POLICY, deleteVolumes: true });
  }

  /**
   * In a random order that its edges allow. `count`: only so many steps, as if killed then. `fails`: steps that fail, which skips what
   * depends on them. `onStep`: called after each. Jobs complete when all is done.
   */
  carryOut(
    { steps }: Plan,
    {
      random,
      count = steps.length,
      fails = () => false,
      onStep = () => undefined,
    }: { random: Random; count?: number; fails?: (step: Step) => boolean; onStep?: (step: Step) => void },
  ): void {
    const done = new Set<number>();
    const left = new Set(steps);
    while (done.size < count && left.size > 0) {
      const ready = [...left].filter(({ dependsOn }) => dependsOn.every((id) => done.has(id)));
      const step = ready[Math.floor(random() * ready.length)];
      if (!step && done.size + left.size < steps.length) break;
      if (!step) throw new Error('no step is ready');
      left.delete(step);
      if (fails(step)) continue;
      this.#carryOut(step);
      done.add(step.id);
      onStep(step);
    }
    for (const container of this.#containers.values()) {
      // A launcher that ends undoes what was never started.
      if (container.state === 'created') this.#end(container, exitedWith(137));
      else if (container.record.kind === 'job' && container.state === 'running') this.#end(container, exitedWith(0));
    }
  }

  /** Names of what is there, to be compared. */
  get names(): string[] {
    return this.observed()
      .resources.filter(({ kind }) => kind !== 'sysctl')
      .map(({ id }) => id)
      .sort();
  }

  isRunning(container: string): boolean {
    return this.#containers.get(container)?.state === 'running';
  }

  get running(): string[] {
    return [...this.#containers.keys()].filter((name) => this.isRunning(name)).sort();
  }

  /** What it was made from. */
  recordOf(container: string): ContainerRecord | undefined {
    return this.#containers.get(container)?.record;
  }

  /** How often a container of that name was started. */
  startsOf(container: string): number {
    return this.#starts.get(container) ?? 0;
  }

  /** Its process ends. `unseen`: its monitor is killed with it. */
  end(container: string, how: 'by itself' | 'killed from outside' | 'unseen'): void {
    const found = this.#containers.get(container);
    if (!found) throw new Error(`there is no ${container}`);
    const killed = { ...exitedWith(137), signal: 9, initKilled: true };
    this.#end(found, how === 'unseen' ? undefined : how === 'by itself' ? exitedWith(1) : killed);
  }

  /** Somebody else deletes or spoils the thing of that id, as far as that can be done to it. Whatever ends with it does. */
  spoil(id: string): void {
    const resource = this.#plain.get(id);
    const container = nameOf(id);
    if (id.startsWith('link:')) this.#deleteLink(id);
    else if (id.startsWith('address:') && id.includes('@')) this.#emptyLink(container, this.own.interfaces[attachmentKey(id)] ?? '');
    else if (id.startsWith('route:')) this.#routes.delete(container);
    else if (resource?.kind === 'sysctl') this.#plain.set(id, { ...resource, state: { ...resource.state, value: '0' } });
    else if (resource?.kind === 'cgroup') {
      const values = Object.fromEntries(Object.keys(resource.state.values).map((file) => [file, '4096']));
      this.#plain.set(id, { ...resource, state: { ...resource.state, values } });
    } else if (resource) this.#plain.delete(id);
    else throw new Error(`nobody can spoil ${id}`);
  }

  /** As `engine/wiring/observe.ts` names things: interfaces within containers by what was last given out. */
  observed(): Observed {
    const names = new Map(
      Object.entries(this.own.interfaces).map(([key, ifname]) => [`${key.split('/')[0]}/${ifname}`, key.replace('/', '@')]),
    );
    const resources = [...this.#plain.values()];
    for (const [key, cidr] of this.#addresses) {
      const [container = '', ifname = ''] = key.split('/');
      const name = names.get(key);
      if (name === undefined) continue;
      resources.push({ kind: 'address', id: `address:shop/${name}`, state: { netns: { in: 'container', container }, ifname, cidr } });
    }
    for (const [container, { gateway, ifname }] of this.#routes) {
      const name = names.get(`${container}/${ifname}`);
      if (name === undefined) continue;
      const state = { netns: { in: 'container', container } as const, destination: 'default', gateway, ifname };
      resources.push({ kind: 'route', id: `route:shop/${name}`, state });
    }
    for (const [name, { record, state, exit }] of this.#containers) {
      const status = statusOf(state, exit);
      resources.push({ kind: 'container', id: `container:shop/${name}`, state: { name, record, status } });
      const { stopSignal, stopGracePeriodMs } = record;
      resources.push({ kind: 'process', id: `process:shop/${name}`, state: { name, status, stopSignal, stopGracePeriodMs } });
    }
    return { resources, unownedLinks: {} };
  }

  #carryOut({ resource: id, op }: Step): void {
    switch (op.kind) {
      case 'sysctl.write':
        this.#plain.set(id, { kind: 'sysctl', id, state: op.sysctl });
        return;
      case 'firewall.replace':
        this.#plain.set(id, { kind: 'firewall', id, state: tableState(op.table) });
        return;
      case 'volume.create':
        this.#plain.set(id, { kind: 'volume', id, state: op.volume });
        return;
      case 'cgroup.create':
      case 'cgroup.update': {
        const before = this.#plain.get(id);
        const values = Object.fromEntries(op.cgroup.writes.map(({ controller, file, value }) => [`${controller}/${file}`, value]));
        const state = { path: op.cgroup.path, values: { ...(before?.kind === 'cgroup' ? before.state.values : {}), ...values } };
        this.#plain.set(id, { kind: 'cgroup', id, state });
        return;
      }
      case 'file.write':
        this.#plain.set(id, { kind: 'file', id, state: op.file });
        return;
      case 'firewall.delete':
      case 'volume.delete':
      case 'file.delete':
        this.#plain.delete(id);
        return;
      case 'cgroup.delete':
        if (this.#alive(nameOf(id))) throw new Error(`${id} is deleted under a running container`);
        this.#plain.delete(id);
        return;
      case 'link.create':
      case 'link.update':
      case 'link.delete':
      case 'link.delete-group':
        this.#changeLink(id, op);
        return;
      case 'address.add':
      case 'address.delete':
        this.#changeAddress(id, op);
        return;
      case 'route.add': {
        const container = nameOf(id);
        const there = this.#routes.get(container);
        // As in kernel/routes.ts: the very same one is what was wanted.
        if (there && (there.gateway !== op.route.gateway || there.ifname !== op.route.ifname))
          throw new Error(`${id}: ${container} has another default route`);
        if (!this.#addresses.has(`${container}/${op.route.ifname}`)) throw new Error(`${id}: its gateway cannot be reached`);
        this.#routes.set(container, op.route);
        return;
      }
      case 'route.delete':
        this.#routes.delete(nameOf(id));
        return;
      default:
        this.#changeContainer(id, op);
        return;
    }
  }

  #changeLink(id: string, op: Extract<Op, { kind: `link.${string}` }>): void {
    if (op.kind === 'link.delete-group') {
      for (const [known, { kind }] of this.#plain) if (kind === 'link') this.#deleteLink(known);
      return;
    }
    if (op.kind === 'link.delete') {
      this.#deleteLink(id);
      return;
    }
    const { link } = op;
    if (op.kind === 'link.create') this.#refuseClash(id, link.ifname);
    const masterName = link.type === 'veth' ? link.master : undefined;
    if (masterName !== undefined && !this.#hasLink(masterName)) throw new Error(`${id}: there is no bridge ${masterName}`);
    if (link.type === 'veth') {
      if (!this.#alive(link.container)) throw new Error(`${id}: ${link.container} has no network namespace`);
      const clash = [...this.#veths].find(
        ([other, veth]) => other !== id && veth.container === link.container && veth.peerIfname === link.peerIfname,
      );
      if (clash) throw new Error(`${id}: ${link.container} has ${link.peerIfname} already, of ${clash[0]}`);
      this.#veths.set(id, link);
    }
    const state = { ...link, ifindex: this.#nextIfindex++, mtu: link.mtu ?? 1500, master: 0, masterName, up: true, address: undefined };
    this.#plain.set(id, { kind: 'link', id, state });
  }

  #refuseClash(id: string, ifname: string): void {
    if (this.#hasLink(ifname)) throw new Error(`${id}: there is a link ${ifname} already`);
  }

  #hasLink(ifname: string): boolean {
    return [...this.#plain.values()].some((resource) => resource.kind === 'link' && resource.state.ifname === ifname);
  }

  #deleteLink(id: string): void {
    const veth = this.#veths.get(id);
    const bridge = this.#plain.get(id);
    this.#plain.delete(id);
    this.#veths.delete(id);
    if (veth) {
      this.#emptyLink(veth.container, veth.peerIfname);
      return;
    }
    this.#plain.delete(id.replace('link:', 'address:'));
    this.#plain.delete(`${id.replace('link:', 'sysctl:')}/route_localnet`);
    for (const [other, resource] of this.#plain) {
      if (resource.kind !== 'link' || bridge?.kind !== 'link' || resource.state.masterName !== bridge.state.ifname) continue;
      this.#plain.set(other, { ...resource, state: { ...resource.state, master: 0, masterName: undefined } });
    }
  }

  #emptyLink(container: string, ifname: string): void {
    this.#addresses.delete(`${container}/${ifname}`);
    // With its last address a link loses its routes (fib_disable_ip, net/ipv4/fib_frontend.c).
    if (this.#routes.get(container)?.ifname === ifname) this.#routes.delete(container);
  }

  #changeAddress(id: string, op: Extract<Op, { kind: 'address.add' | 'address.delete' }>): void {
    const { netns, ifname, cidr } = op.address;
    if (op.kind === 'address.delete') {
      if (netns.in === 'host') this.#plain.delete(id);
      else this.#emptyLink(netns.container, ifname);
      return;
    }
    if (netns.in === 'host') {
      if (!this.#hasLink(ifname)) throw new Error(`${id}: there is no link ${ifname}`);
      const clash = [...this.#plain.values()].find(
        ({ kind, id: other, state }) => kind === 'address' && other !== id && 'cidr' in state && state.cidr === cidr,
      );
      if (clash) throw new Error(`${id}: ${cidr} is ${clash.id}'s still`);
      this.#plain.set(id, { kind: 'address', id, state: op.address });
      return;
    }
    const veths = [...this.#veths.values()];
    const link = veths.find((veth) => veth.container === netns.container && veth.peerIfname === ifname);
    if (!link) throw new Error(`${id}: ${netns.container} has no ${ifname}`);
    const clash = veths.find(
      (veth) => veth !== link && veth.master === link.master && this.#addresses.get(`${veth.container}/${veth.peerIfname}`) === cidr,
    );
    if (clash) throw new Error(`${id}: ${cidr} is ${clash.container}'s still`);
    this.#addresses.set(`${netns.container}/${ifname}`, cidr);
  }

  #changeContainer(id: string, op: Op): void {
    const name = nameOf(id);
    const container = this.#containers.get(name);
    switch (op.kind) {
      case 'container.create':
        if (this.#alive(name)) throw new Error(`${id} is made while it runs`);
        if (
          !this.#plain.has(`cgroup:shop/${name}`) ||
          !this.#plain.has(`file:shop/${name}/hosts`) ||
          !this.#plain.has(`file:shop/${name}/resolv.conf`)
        )
          throw new Error(`${id} is made too early`);
        this.#containers.set(name, { record: op.container.record, state: 'created', exit: undefined });
        return;
      case 'container.update':
        if (!container) throw new Error(`${id} is not there`);
        container.record = op.container.record;
        return;
      case 'container.delete':
        if (this.#alive(name)) throw new Error(`${id} is deleted while it runs`);
        this.#containers.delete(name);
        return;
      case 'container.start':
        this.#start(id, container);
        return;
      case 'container.stop':
        if (!container) throw new Error(`${id} is not there`);
        this.#end(container, exitedWith(143));
        return;
      case 'container.await':
        if (op.until === 'completed' && container) this.#end(container, exitedWith(0));
        return;
      default:
        throw new Error(`nobody knows ${op.kind}`);
    }
  }

  #start(id: string, container: Container | undefined): void {
    if (container?.state !== 'created') throw new Error(`${id} was not created`);
    const { addresses, name, launch } = container.record;
    for (const network of Object.keys(addresses)) {
      if (!this.#veths.has(`link:shop/${name}@${network}`)) throw new Error(`${id} starts without its link to ${network}`);
      if (!this.#plain.has(`address:shop/${network}`)) throw new Error(`${id} starts before ${network} has its gateway`);
    }
    for (const other of this.#containers.values()) {
      if (other.state !== 'running' || other.record.service === container.record.service) continue;
      if (
        isSelfish(
          other.record,
          launch.mounts.flatMap((mount) => (mount.type === 'bind' && !mount.readOnly ? [mount.source] : [])),
        ) &&
        !this.#wanted.has(other.record.name)
      )
        throw new Error(`${id} starts while ${other.record.name}, which must go, uses its volume`);
    }
    container.state = 'running';
    this.#starts.set(name, this.startsOf(name) + 1);
  }

  /** Who the stack file declares: others must go. Told by the test. */
  readonly #wanted = new Set<string>();
  declare(containers: Iterable<string>): void {
    this.#wanted.clear();
    for (const name of containers) this.#wanted.add(name);
  }

  #alive(name: string): boolean {
    const state = this.#containers.get(name)?.state;
    return state === 'running' || state === 'created';
  }

  #end(container: Container, exit: ContainerExit | undefined): void {
    container.state = 'stopped';
    container.exit = exit;
    for (const [id, veth] of [...this.#veths]) if (veth.container === container.record.name) this.#deleteLink(id);
  }
}

function isSelfish({ launch }: ContainerRecord, sources: readonly string[]): boolean {
  return launch.mounts.some((mount) => mount.type === 'bind' && !mount.readOnly && sources.includes(mount.source));
}

function exitedWith(code: number): ContainerExit {
  return { code, signal: undefined, oomKilled: false, initKilled: false, error: undefined };
}

function statusOf(state: Container['state'], exit: ContainerExit | undefined): ContainerStatus {
  const process = { pid: 100, startTime: 1 };
  const times = { createdAt: 1, startedAt: 2, finishedAt: undefined };
  if (state === 'stopped') {
    return { state, monitor: process, init: undefined, ...times, finishedAt: 3, exit };
  }
  return { state, monitor: process, init: process, ...times, exit: undefined };
}

/** `address:shop/web-1@front` → `web-1/front`, as in Allocation.interfaces. */
function attachmentKey(id: string): string {
  return id.slice(id.indexOf('/') + 1).replace('@', '/');
}

function nameOf(id: string): string {
  return id.slice(id.indexOf('/') + 1).split(/[@/]/, 1)[0] ?? '';
}
