/** Where everything of ours on disk is. */
import type { StackIdentity } from '../model/ids.ts';

export interface HostPaths {
  /** Outlives a reboot: volumes, containers' writable layers, logs. `/var/lib/tsstack`. */
  readonly stateDirectory: string;
  /** Does not: locks, sockets, the launcher's mount point. `/run/tsstack`. */
  readonly runDirectory: string;
}

export interface StackPaths {
  readonly directory: string;
  readonly containers: string;
  readonly hosts: string;
  readonly resolv: string;
  readonly logs: string;
  readonly volumes: string;
  /** What of shared things this stack holds; see `allocation.ts`. */
  readonly allocation: string;
  readonly lock: string;
  /** The supervisor's socket, for root alone. */
  readonly socket: string;
  /** What `up` wanted; see `desired-state.ts`. */
  readonly desired: string;
  readonly supervision: string;
  /** Faults on purpose; see `faults.ts`. */
  readonly faults: string;
  /** What the supervisor has to say when nobody listens. */
  readonly supervisorLog: string;
}

export function stackPaths({ stateDirectory, runDirectory }: HostPaths, stack: Pick<StackIdentity, 'id'>): StackPaths {
  const directory = `${stateDirectory}/stacks/${stack.id}`;
  return {
    directory,
    containers: `${directory}/containers`,
    hosts: `${directory}/hosts`,
    resolv: `${directory}/resolv`,
    logs: `${directory}/logs`,
    volumes: `${directory}/volumes`,
    allocation: `${directory}/allocation.json`,
    lock: `${runDirectory}/${stack.id}.lock`,
    socket: `${runDirectory}/${stack.id}.sock`,
    desired: `${directory}/desired.json`,
    supervision: `${directory}/supervision.json`,
    faults: `${directory}/faults.json`,
    supervisorLog: `${runDirectory}/${stack.id}.log`,
  };
}

export function imagesDirectory({ stateDirectory }: Pick<HostPaths, 'stateDirectory'>): string {
  return `${stateDirectory}/images`;
}

/** Empty, and mounted over in each monitor's own mount namespace. */
export function stageDirectory({ runDirectory }: HostPaths): string {
  return `${runDirectory}/stage`;
}
