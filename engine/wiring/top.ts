/** The processes in containers. */
import { observeProcesses, type ProcessState } from '../kernel/processes.ts';
import type { ContainerRecord } from '../model/container.ts';
import type { ProcessListing } from '../model/engine.ts';
import type { ContainerState } from '../model/resources.ts';
import { cgroupPath } from '../plan/names.ts';
import type { Session } from './session.ts';
import { runningTargets } from './stats.ts';

/** Kernel default of `kernel.overflowuid`: what an id that isn't mapped looks like (user_namespaces(7)). */
const OVERFLOW_UID = 65_534;

/** By container, then by their number in it. Throws TsstackError `not-found` for a target that is none. */
export function listProcesses(session: Session, options: { readonly targets?: readonly string[] | undefined }): readonly ProcessListing[] {
  return runningTargets(session, options.targets).flatMap((container) => listingsOf(session, container));
}

function listingsOf({ stack, cgroups }: Session, { name, record }: ContainerState): ProcessListing[] {
  const processes = observeProcesses(cgroups, cgroupPath(stack, name));
  const containerPids = new Map(processes.map(({ pid, containerPid }) => [pid, containerPid]));
  return processes.map((process) => ({
    container: name,
    pid: process.pid,
    containerPid: process.containerPid,
    parentPid: containerPids.get(process.parentPid) ?? 0,
    uid: uidInside(process, record),
    cpuMs: process.cpuMs,
    memoryBytes: process.memoryBytes,
    startedAt: process.startedAt,
    command: process.command,
  }));
}

function uidInside({ uid }: ProcessState, record: ContainerRecord | undefined): number {
  const idMap = record?.launch.idMap;
  if (idMap === undefined) return uid;
  const inside = uid - idMap.base;
  return inside >= 0 && inside < idMap.size ? inside : OVERFLOW_UID;
}
