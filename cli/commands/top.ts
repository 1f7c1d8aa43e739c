import type { ProcessListing } from '../../engine/model/engine.ts';
import { defineCommand } from '../command.ts';
import { alignColumns, formatAge, formatBytes, formatDuration } from '../format.ts';
import { fitLines } from '../live-text.ts';
import { checkKnown } from '../targets.ts';
import { withRunningEngine } from '../with-engine.ts';

export const top = defineCommand({
  name: 'top',
  summary: 'list the processes in running containers',
  usage: '[SERVICE|CONTAINER…]',
  options: {},
  words: { min: 0, max: Number.POSITIVE_INFINITY },
  details: 'PID and USER are those in the container; HOST-PID is what `ps` and `kill` on the host know the process by.',
  run: (_given, words, context) =>
    withRunningEngine(context, async (engine, stack) => {
      const { out, err } = context.terminal;
      const targets = await checkKnown(words, { engine, stack });
      const processes = await engine.top({ targets });
      if (context.global.json) out.write(`${JSON.stringify(processes)}\n`);
      else if (processes.length === 0) err.write('nothing runs\n');
      else out.write(fitLines(renderProcesses(processes, context.now()), out.size?.()?.columns));
      return 0;
    }),
});

/** `now`: ms since the epoch. */
function renderProcesses(processes: readonly ProcessListing[], now: number): string {
  const rows = processes.map((each) => [
    each.container,
    String(each.containerPid),
    String(each.pid),
    String(each.uid),
    formatDuration(each.cpuMs),
    formatBytes(each.memoryBytes),
    formatAge(now - each.startedAt),
    each.command,
  ]);
  return alignColumns([['CONTAINER', 'PID', 'HOST-PID', 'USER', 'CPU', 'MEMORY', 'SINCE', 'COMMAND'], ...rows]);
}
