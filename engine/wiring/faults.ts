/** Faults on purpose, as the supervisor puts them in force and heals them. */
import type { ParamsOf } from '../control/calls.ts';
import type { CallContext } from '../control/server.ts';
import { hasQdisc } from '../kernel/qdiscs.ts';
import { TsstackError } from '../model/errors.ts';
import type { Fault, FaultEffects } from '../model/faults.ts';
import type { Plan } from '../model/plan.ts';
import { healed, withFault } from '../plan/faults.ts';
import { withFaults } from '../plan/lower-faults.ts';
import { reconcile } from '../plan/reconcile.ts';
import { type DesiredState, writeDesiredState } from '../store/desired-state.ts';
import { readFaults, writeFaults } from '../store/faults.ts';
import { observeStack } from './observe.ts';
import { DEFAULT_POLICY } from './prepare.ts';
import type { Session } from './session.ts';
import { perform, surroundings } from './supervision.ts';
import type { Supervisor } from './supervisor.ts';
import { command } from './supervisor-up.ts';

export async function setFault(supervisor: Supervisor, change: ParamsOf<'setFault'>, context: CallContext): Promise<void> {
  await command(supervisor, context.signal, async (signal) => {
    const before = wanted(supervisor);
    const faults = withFault(readFaults(supervisor.session.paths), change, before.spec);
    await requireQdiscs(supervisor.session, change.effects);
    await enforce(supervisor, { before, faults, context: { ...context, signal } });
  });
}

export async function heal(supervisor: Supervisor, { pair }: ParamsOf<'heal'>, context: CallContext): Promise<void> {
  await command(supervisor, context.signal, async (signal) => {
    const before = wanted(supervisor);
    const faults = healed(readFaults(supervisor.session.paths), pair, before.spec);
    await enforce(supervisor, { before, faults, context: { ...context, signal } });
  });
}

function wanted({ desired, session }: Supervisor): DesiredState {
  if (desired) return desired;
  throw new TsstackError(`nothing is known of stack \`${session.stack.name}\``, { code: 'not-found', hint: '`tsstack up` brings it up' });
}

interface Enforcing {
  readonly before: DesiredState;
  readonly faults: readonly Fault[];
  readonly context: CallContext;
}

/** If it fails, what was wanted before is wanted again, and the repair that follows each command sees to it. */
async function enforce(supervisor: Supervisor, { before, faults, context }: Enforcing): Promise<void> {
  const { session } = supervisor;
  using _turn = await supervisor.changes.take(context.signal);
  const after = { ...before, desired: { ...before.desired, resources: withFaults(before.desired.resources, faults) } };
  supervisor.desired = after;
  try {
    const observed = await observeStack(session, { inside: true, signal: context.signal });
    const policy = { ...DEFAULT_POLICY, repair: true, ...surroundings(supervisor), conditions: supervisor.containers.conditions() };
    await perform(supervisor, onlyFaults(reconcile(after.desired, observed, policy)), context);
    writeFaults(session.paths, faults);
    writeDesiredState(session.paths, after);
  } catch (error) {
    supervisor.desired = before;
    throw error;
  }
}

/** Of links that are there. The rest is repair's: it comes with links and containers that are made again. */
function onlyFaults(plan: Plan): Plan {
  const steps = plan.steps.filter(({ op, dependsOn }) => (op.kind === 'fault.set' || op.kind === 'fault.delete') && dependsOn.length === 0);
  return { ...plan, steps };
}

/** Before anything is changed. Throws `kernel` with what is missing, and where it comes from. */
async function requireQdiscs(session: Session, { delay }: Partial<FaultEffects>): Promise<void> {
  const { host } = session.namespaces;
  for (const [kind, purpose] of [['htb', 'make faults'], ...(delay ? [['netem', 'delay packets'] as const] : [])] as const) {
    if (await hasQdisc(host, kind)) continue;
    throw new TsstackError(`cannot ${purpose}: this kernel lacks the queueing discipline \`${kind}\``, {
      code: 'kernel',
      hint: `it is the module sch_${kind} (CONFIG_NET_SCH_${kind.toUpperCase()}); \`modprobe sch_${kind}\` loads it where the distribution has it`,
    });
  }
}
