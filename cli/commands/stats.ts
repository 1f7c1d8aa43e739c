import type { ContainerStats } from '../../engine/model/engine.ts';
import { defineCommand } from '../command.ts';
import type { CommandContext } from '../context.ts';
import { alignColumns, columnWidths, formatBytes, formatPercent } from '../format.ts';
import { liveText } from '../live-text.ts';
import { checkKnown } from '../targets.ts';
import { withRunningEngine } from '../with-engine.ts';

export const stats = defineCommand({
  name: 'stats',
  summary: 'show what running containers use',
  usage: '[SERVICE|CONTAINER…]',
  options: {
    'no-stream': { kind: 'flag', summary: 'measure once, for one interval, and end' },
    interval: { kind: 'duration', value: 'SECONDS', summary: 'time between measurements (default: 1)' },
  },
  words: { min: 0, max: Number.POSITIVE_INFINITY },
  details: `CPU: 100 % is one CPU. Memory: without what the page cache could give back. Where the host keeps no account for a container, memory and
disk are added up over its processes. With --json one document a line and container; with --no-stream, one of all.`,
  run: (given, words, context) =>
    withRunningEngine(context, async (engine, stack) => {
      const { terminal, interrupts, global } = context;
      const targets = await checkKnown(words, { engine, stack });
      const follow = !given['no-stream'];
      const signal = AbortSignal.any([interrupts.signal, terminal.out.closed]);
      using show = global.json ? jsonView(context, follow) : tableView(context, follow);
      for await (const moment of engine.stats({ targets, signal, follow, intervalMs: given.interval })) show.moment(moment);
      return interrupts.exitCode() ?? 0;
    }),
});

interface View extends Disposable {
  moment(all: readonly ContainerStats[]): void;
}

function jsonView({ terminal }: CommandContext, follow: boolean): View {
  return {
    moment(all) {
      terminal.out.write(follow ? all.map((each) => `${JSON.stringify(each)}\n`).join('') : `${JSON.stringify(all)}\n`);
    },
    [Symbol.dispose]() {},
  };
}

/** Drawn over on a terminal; one table after the other elsewhere. */
function tableView({ terminal }: CommandContext, follow: boolean): View {
  const { out, err } = terminal;
  const live = follow && out.isTTY ? liveText(out) : undefined;
  // A column that was wide once stays so: it would jump about.
  let widths: readonly number[] = [];
  let shown = 0;
  return {
    moment(all) {
      const rows = [HEADER, ...all.map(rowOf)];
      widths = columnWidths(rows, widths);
      const table = alignColumns(rows, widths);
      if (live !== undefined) live.draw(all.length === 0 ? 'nothing runs\n' : table);
      else if (all.length === 0) err.write('nothing runs\n');
      else out.write(shown++ === 0 ? table : `\n${table}`);
    },
    [Symbol.dispose]() {
      live?.[Symbol.dispose]();
    },
  };
}

const HEADER = ['NAME', 'CPU', 'MEMORY', 'LIMIT', 'MEM', 'RECEIVED', 'SENT', 'READ', 'WRITTEN', 'PIDS'];

function rowOf(each: ContainerStats): string[] {
  const { memoryBytes, memoryLimitBytes } = each;
  return [
    each.container,
    formatPercent(each.cpuPercent),
    formatBytes(memoryBytes),
    memoryLimitBytes === undefined ? '-' : formatBytes(memoryLimitBytes),
    memoryLimitBytes === undefined ? '-' : formatPercent((memoryBytes / memoryLimitBytes) * 100),
    formatBytes(each.receivedBytes),
    formatBytes(each.sentBytes),
    formatBytes(each.readBytes),
    formatBytes(each.writtenBytes),
    each.pidsLimit === undefined ? String(each.pids) : `${each.pids}/${each.pidsLimit}`,
  ];
}
