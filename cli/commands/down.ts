import type { Plan } from '../../engine/model/plan.ts';
import { defineCommand } from '../command.ts';
import { count, formatDuration } from '../format.ts';
import { groupSteps, removedContainers } from '../progress/groups.ts';
import { startProgress } from '../progress/start.ts';
import { withRunningEngine } from '../with-engine.ts';

export const down = defineCommand({
  name: 'down',
  summary: 'stop and remove everything of the stack; volumes stay',
  usage: '',
  options: {
    volumes: { kind: 'flag', short: 'v', summary: 'remove its volumes too, with all that is in them' },
    timeout: { kind: 'duration', short: 't', value: 'SECONDS', summary: 'time between the stop signal and SIGKILL, for every service' },
    verbose: { kind: 'flag', summary: 'show every step' },
  },
  words: { min: 0, max: 0 },
  details: 'Containers, networks, firewall rules, cgroups and files are then as they were before `up`.',
  run: (given, _words, context) =>
    withRunningEngine(context, async (engine) => {
      const { terminal, interrupts, global } = context;
      const progress = startProgress(terminal, { verbose: given.verbose, env: context.env });
      const { signal } = interrupts;
      const downing = engine.down({ signal, onEvent: progress.onEvent, volumes: given.volumes, timeoutMs: given.timeout });
      const { plan, durationMs } = await downing.finally(() => progress.close());
      if (global.json) terminal.out.write(`${JSON.stringify({ stack: plan.stack, changes: plan.steps.length, durationMs })}\n`);
      if (plan.steps.length === 0) terminal.err.write('nothing to remove\n');
      else terminal.err.write(`down: ${whatWent(plan)} removed in ${formatDuration(durationMs)}\n`);
      return 0;
    }),
});

/** Of an `up` that was cut off there may be no containers yet, or after `down` only volumes. */
function whatWent(plan: Plan): string {
  const containers = removedContainers(plan);
  return containers > 0
    ? count(containers, 'container')
    : groupSteps(plan)
        .map(({ label }) => label)
        .join(', ');
}
