/** Restart policies as a pure decision. */
import type { RestartSpec } from '../../dsl/spec.ts';
import type { ContainerExit } from '../model/container.ts';
import { backoffMs } from './backoff.ts';

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
  return restartBackoff(attempts);
}

/** ms before the next restart after so many in a row: 100, 200, 400 … a minute. */
export function restartBackoff(attempts: number): number {
  return backoffMs(attempts + 1, RESTART);
}

const RESTART = { firstMs: 100, maxMs: 60_000 };
