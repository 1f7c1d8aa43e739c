/** One published port that is held: nobody else on this host can have it, and who arrives there is passed on. */
import type { ContainerName } from '../model/ids.ts';
import type { PortLead, PortTarget } from '../model/ports.ts';

export interface PortReservation extends AsyncDisposable {
  /** Where who arrives from now on is led. */
  lead: PortLead;
  /** Of the socket that holds it. */
  readonly fd: number;
}

/** What is done to sockets; see kernel/port-sockets.ts. */
export interface PortSockets {
  readonly bind: (lead: PortLead) => number;
  readonly setRefusing: (fd: number, refusing: boolean) => void;
}

export interface PortReservationOptions {
  readonly isRunning: (container: ContainerName) => boolean;
  readonly sockets: PortSockets;
  /** What went wrong afterwards; it goes on. */
  readonly onError: (error: Error) => void;
}

/** Targets to try, the one whose turn it is first; those that don't run are left out. */
export function inTurn({ targets }: PortLead, turn: number, isRunning: PortReservationOptions['isRunning']): readonly PortTarget[] {
  const running = targets.filter(({ container }) => isRunning(container));
  const first = running.length === 0 ? 0 : turn % running.length;
  return [...running.slice(first), ...running.slice(0, first)];
}
