/** Faults on purpose, by queueing disciplines at the host end of a container's links (tc(8), tc-htb(8), tc-bpf(8), tc-netem(8)). */
import { TC_H_ROOT } from '../../native/abi/pkt_sched.ts';
import type { RtnetlinkConnection } from '../../native/netlink/connection.ts';
import type { Message } from '../../native/netlink/message.ts';
import {
  deleteClass,
  deleteFilters,
  deleteRoot,
  getClasses,
  getFilters,
  getQdiscs,
  newBpfFilter,
  newHtb,
  newHtbClass,
  newQueue,
  probeQdisc,
} from '../../native/netlink/traffic-control-message.ts';
import { decodeHtbClass, decodeQueue, decodeTrafficControl } from '../../native/netlink/traffic-control-record.ts';
import { faultQueue, htbRates } from '../codec/fault-class.ts';
import { faultFilter } from '../codec/fault-filter.ts';
import { classHandle, FAULTS_ROOT, filterPriority, freeGeneration, type Generation } from '../codec/fault-tree.ts';
import { TsstackError } from '../model/errors.ts';
import type { FaultSpec, FaultState } from '../model/faults.ts';
import type { Executors, OpOf } from '../model/plan.ts';
import type { LinkState } from '../model/resources.ts';
import { withIfindex } from './links-ifindex.ts';
import { isRefusal, netlinkFailure } from './netlink-failure.ts';

/** What of ours is on these links. One dump for all, and two more for each that has something. Throws TsstackError. */
export function observeFaults(
  connection: RtnetlinkConnection,
  links: readonly Pick<LinkState, 'ifindex' | 'ifname'>[],
): readonly FaultState[] {
  try {
    const qdiscs = connection.dump(getQdiscs(), decodeTrafficControl);
    const roots = new Set(
      qdiscs.flatMap(({ ifindex, handle, parent }) => (handle === FAULTS_ROOT && parent === TC_H_ROOT ? [ifindex] : [])),
    );
    return links.flatMap(({ ifindex, ifname }) => {
      if (!roots.has(ifindex)) return [];
      const classes = connection.dump(getClasses(ifindex, FAULTS_ROOT), decodeTrafficControl);
      const filters = connection.dump(getFilters(ifindex, FAULTS_ROOT), decodeTrafficControl);
      return {
        ifname,
        filters: filters.filter(({ handle }) => handle !== 0).map(({ priority, handle }) => ({ priority, handle })),
        classes: classes.map(({ handle, options }) => {
          const leaf = qdiscs.find((qdisc) => qdisc.ifindex === ifindex && qdisc.parent === handle);
          return { minor: handle - FAULTS_ROOT, ...decodeHtbClass(options), queue: leaf && decodeQueue(leaf) };
        }),
      };
    });
  } catch (error) {
    throw netlinkFailure('cannot list queueing disciplines', error);
  }
}

/** Whether this kernel has a kind of qdisc. If it is a module, the kernel loads it to answer. */
export async function hasQdisc(connection: RtnetlinkConnection, kind: string): Promise<boolean> {
  try {
    await withIfindex(connection, 'lo', (ifindex) => connection.request(probeQdisc(ifindex, kind)));
  } catch (error) {
    return !isRefusal(error, 'ENOENT', 'EOPNOTSUPP');
  }
  return true;
}

export function faultExecutors({ host }: { readonly host: () => RtnetlinkConnection }): Pick<Executors, 'fault.set' | 'fault.delete'> {
  return {
    async 'fault.set'(op, signal) {
      signal.throwIfAborted();
      await setFaults(host(), op);
    },
    async 'fault.delete'({ ifname }, signal) {
      signal.throwIfAborted();
      const connection = host();
      try {
        await withIfindex(connection, ifname, (ifindex) => connection.request(deleteRoot(ifindex, FAULTS_ROOT)));
      } catch (error) {
        // EINVAL: the root has another handle, so it isn't ours. ENODEV: the link has gone, and has taken it along.
        if (!isRefusal(error, 'ENOENT', 'EINVAL', 'ENODEV')) throw netlinkFailure(`cannot heal link \`${ifname}\``, error);
      }
    },
  };
}

async function setFaults(connection: RtnetlinkConnection, { fault, observed }: OpOf<'fault.set'>): Promise<void> {
  try {
    await withIfindex(connection, fault.ifname, (ifindex) => {
      const generation = observed && freeGeneration(observed);
      if (observed && generation !== undefined) return replaceFaults(connection, { ifindex, fault, observed, generation });
      return makeFaults(connection, { ifindex, fault, isThere: observed !== undefined });
    });
  } catch (error) {
    throw netlinkFailure(`cannot put faults on link \`${fault.ifname}\``, unsupported(error), {
      EEXIST: `somebody else has put a queueing discipline on it; \`tc qdisc delete dev ${fault.ifname} root\` removes it`,
    });
  }
}

async function makeFaults(
  connection: RtnetlinkConnection,
  { ifindex, fault, isThere }: { readonly ifindex: number; readonly fault: FaultSpec; readonly isThere: boolean },
): Promise<void> {
  if (isThere) await connection.request(deleteRoot(ifindex, FAULTS_ROOT));
  const made = connection.request(newHtb(ifindex, FAULTS_ROOT));
  const rest = sendAll(connection, contents(ifindex, fault, 0));
  const [root, inner] = await Promise.allSettled([made, rest]);
  if (root.status === 'rejected') throw root.reason;
  if (inner.status === 'fulfilled') return;
  await connection.request(deleteRoot(ifindex, FAULTS_ROOT));
  throw inner.reason;
}

interface Replacement {
  readonly ifindex: number;
  readonly fault: FaultSpec;
  readonly observed: FaultState;
  readonly generation: Generation;
}

async function replaceFaults(connection: RtnetlinkConnection, { ifindex, fault, observed, generation }: Replacement): Promise<void> {
  try {
    await sendAll(connection, contents(ifindex, fault, generation));
  } catch (error) {
    const half = {
      filters: fault.filters.map((_, place) => ({ priority: filterPriority(generation, place) })),
      classes: fault.classes.map((_, place) => ({ minor: classHandle(generation, place) - FAULTS_ROOT })),
    };
    await withdraw(connection, ifindex, half);
    throw error;
  }
  await withdraw(connection, ifindex, observed);
}

/** What isn't there any more needn't be. */
async function withdraw(
  connection: RtnetlinkConnection,
  ifindex: number,
  {
    filters,
    classes,
  }: { readonly filters: readonly { readonly priority: number }[]; readonly classes: readonly { readonly minor: number }[] },
): Promise<void> {
  const priorities = new Set(filters.map(({ priority }) => priority));
  await sendAll(
    connection,
    [
      ...[...priorities].map((priority) => deleteFilters(ifindex, FAULTS_ROOT, priority)),
      ...classes.map(({ minor }) => deleteClass(ifindex, FAULTS_ROOT + minor)),
    ],
    (error) => isRefusal(error, 'ENOENT'),
  );
}

/** In this order, in one send. Throws what went wrong first, when nothing is under way any more. */
async function sendAll(connection: RtnetlinkConnection, messages: readonly Message[], isFine: (error: unknown) => boolean = () => false) {
  const results = await Promise.allSettled(messages.map((message) => connection.request(message)));
  for (const result of results) if (result.status === 'rejected' && !isFine(result.reason)) throw result.reason;
}

/** Classes with their queues before the filters that lead to them. */
function contents(ifindex: number, { classes, filters, hash }: FaultSpec, generation: Generation): Message[] {
  const handleOf = (place: number | undefined) => (place === undefined ? 0 : classHandle(generation, place));
  return [
    ...classes.flatMap((one, place) => {
      const handle = handleOf(place);
      return [newHtbClass({ ifindex, handle, parent: FAULTS_ROOT }, htbRates(one)), newQueue(ifindex, handle, faultQueue(one))];
    }),
    ...filters.map(({ sources, loss, lost, passed }, place) =>
      newBpfFilter({
        ifindex,
        parent: FAULTS_ROOT,
        priority: filterPriority(generation, place),
        handle: hash,
        program: faultFilter({ sources, loss, lost: handleOf(lost), passed: handleOf(passed) }),
      }),
    ),
  ];
}

/** ENOENT and a name the kernel doesn't know: neither built in nor a module. */
function unsupported(error: unknown): unknown {
  if (!isRefusal(error, 'ENOENT', 'EOPNOTSUPP')) return error;
  const missing = Object.entries(MODULES).find(([kind]) => error.message.includes(`(${kind})`));
  if (!missing) return error;
  return new TsstackError(`this kernel has no \`${missing[0]}\``, { code: 'kernel', hint: `load the module ${missing[1]}`, cause: error });
}

/** What this takes of the kernel. */
const MODULES: Readonly<Record<string, string>> = { htb: 'sch_htb', netem: 'sch_netem', bpf: 'cls_bpf' };
