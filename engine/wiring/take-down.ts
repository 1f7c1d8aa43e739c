/** Removes everything of a stack, whoever does it: its supervisor, or a command when there is none. */
import fs from 'node:fs';
import { removeEmptyParents } from '../kernel/cgroups.ts';
import type { UpResult } from '../model/engine.ts';
import type { Plan } from '../model/plan.ts';
import { CGROUP_ROOT } from '../plan/names.ts';
import { removeIfEmpty } from './empty-directory.ts';
import { forgetSharedNames } from './names-shared.ts';
import { planDown } from './prepare.ts';
import type { Session } from './session.ts';

export interface TakeDownOptions {
  readonly volumes: boolean;
  /** Overrides each service's stop grace period, ms. */
  readonly timeoutMs: number | undefined;
  readonly perform: (plan: Plan) => Promise<void>;
  readonly signal: AbortSignal;
}

/** Of a stack whose networks nobody has any more, and nobody joins meanwhile (`takeNetworks`). */
export async function takeDown(session: Session, { volumes, timeoutMs, perform, signal }: TakeDownOptions): Promise<UpResult> {
  const startedAt = Date.now();
  const plan = withGrace(await planDown(session, { deleteVolumes: volumes, signal }), timeoutMs);
  await perform(plan);
  removeFiles(session);
  return { plan, durationMs: Date.now() - startedAt };
}

/** Volumes stay; the stack's folder with them. */
function removeFiles({ paths, host, stack, cgroups }: Session): void {
  forgetSharedNames({ host, stack });
  removeEmptyParents(`${CGROUP_ROOT}/${stack.id}`, cgroups);
  for (const directory of [paths.containers, paths.hosts, paths.resolv, paths.logs]) fs.rmSync(directory, { recursive: true, force: true });
  for (const file of [paths.allocation, paths.desired, paths.supervision, paths.faults]) {
    for (const path of [file, `${file}.new`]) fs.rmSync(path, { force: true });
  }
  for (const directory of [paths.volumes, paths.directory]) removeIfEmpty(directory);
}

export function withGrace(plan: Plan, graceMs: number | undefined): Plan {
  if (graceMs === undefined) return plan;
  const steps = plan.steps.map((step) =>
    step.op.kind === 'container.stop' ? { ...step, op: { ...step.op, stopGracePeriodMs: graceMs } } : step,
  );
  return { ...plan, steps };
}
