/** Restart policies as a pure decision. */
import type { RestartSpec } from '../../dsl/spec.ts';
import type { ContainerExit } from '../model/container.ts';

const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 60_000;
/** A run this long makes the next failure the first again; Docker's figure. */
export const STABLE_AFTER_MS = 10_000;

export interface Ending {
  readonly kind: 'service' | 'job';
  readonly policy: RestartSpec;
  /** Undefined: nobody saw it. Counts as a failure. */
  readonly exit: ContainerExit | undefined;
  /** Restarts in a row before this one. */
  readonly attempts: number;
}

/** ms to wait before the restart; undefined: it stays stopped. */
export function restartDelay({ kind, policy, exit, attempts }: Ending): number | undefined {
  const failed = exit?.code !== 0;
  const wanted = policy.policy === 'on-failure' ? failed : policy.policy !== 'no';
  if (!wanted || (kind === 'job' && !failed)) return undefined;
  if (policy.policy === 'on-failure' && policy.maxRetries !== undefined && attempts >= policy.maxRetries) return undefined;
  return Math.min(FIRST_DELAY_MS * 2 ** attempts, MAX_DELAY_MS);
}
