/** What a supervisor leaves to the next one: who was stopped on request, who is about to come back, and how often each was restarted. */
import type { ContainerName } from '../model/ids.ts';
import type { RestartCounts } from '../model/restarts.ts';
import { readSupervisionState, type SupervisionState, writeSupervisionState } from '../store/desired-state.ts';
import type { Session } from './session.ts';

export interface Legacy {
  readonly stopped: ReadonlySet<ContainerName>;
  /** To be started now. */
  readonly due: readonly ContainerName[];
  readonly restarts: RestartCounts;
  /** It has nothing to do any more: nobody need take over. */
  readonly ended: boolean;
}

export class Succession {
  /** What the supervisor before has left. State of another boot points to a world that is gone. */
  readonly before: SupervisionState | undefined;
  readonly #session: Session;
  #returning: readonly ContainerName[];
  #saved = '';

  constructor(session: Session) {
    this.#session = session;
    const state = readSupervisionState(session.paths);
    this.before = state?.bootId === session.bootId ? state : undefined;
    this.#returning = this.before?.returning ?? [];
  }

  /** Stopped by nobody's request, to be started again by a plan that may be cut off before. */
  get returning(): readonly ContainerName[] {
    return this.#returning;
  }

  addReturning(names: readonly ContainerName[]): void {
    this.#returning = [...new Set([...this.#returning, ...names])];
  }

  /** They are there. */
  clearReturning(): void {
    this.#returning = [];
  }

  /** If it differs from what was saved last. Throws what writing throws. */
  save({ stopped, due, restarts, ended }: Legacy): void {
    const { paths, bootId } = this.#session;
    const state: SupervisionState = {
      version: 1,
      bootId,
      stopped: [...stopped].sort(),
      returning: [...new Set([...this.#returning, ...due])].sort(),
      restarts,
      ended,
    };
    const text = JSON.stringify(state);
    if (text === this.#saved) return;
    writeSupervisionState(paths, state);
    this.#saved = text;
  }
}
