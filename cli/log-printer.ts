import type { LogLine } from '../engine/model/engine.ts';
import { paint, type Style } from './style.ts';
import type { TextStream } from './terminal.ts';

export interface LogPrinterOptions {
  readonly stream: TextStream;
  /** Containers that are known beforehand: their names set the width and, in this order, the colors. */
  readonly containers: readonly string[];
  readonly prefix: boolean;
  readonly timestamps: boolean;
  /** One JSON object a line instead. */
  readonly json: boolean;
}

/** Prints until the lines end or the reader is gone. `stop`: at the next line. */
export async function printLogs(lines: AsyncIterable<LogLine>, options: LogPrinterOptions, stop?: AbortSignal): Promise<void> {
  const { stream } = options;
  const format = options.json ? formatJson : logFormatter(options);
  const batch = batched(stream);
  try {
    for await (const line of lines) {
      if (stream.closed.aborted || stop?.aborted === true) break;
      batch.add(`${format(line)}\n`);
    }
  } finally {
    batch.flush();
  }
}

/** `web-1  | text`: aligned to the longest name, a color for each container. */
export function logFormatter({ stream, containers, prefix, timestamps }: LogPrinterOptions): (line: LogLine) => string {
  const styles = new Map<string, Style>();
  let width = 0;
  const meet = (container: string): Style => {
    const style = styles.get(container) ?? PREFIX_STYLES[styles.size % PREFIX_STYLES.length] ?? 'cyan';
    styles.set(container, style);
    width = Math.max(width, container.length);
    return style;
  };
  for (const container of containers) meet(container);
  return ({ container, time, text }) => {
    const style = meet(container);
    const head = prefix ? paint(stream.color, style, `${container.padEnd(width)}  | `) : '';
    return `${head}${timestamps ? `${time} ` : ''}${text}`;
  };
}

function formatJson({ container, stream, time, text }: LogLine): string {
  return JSON.stringify({ container, stream, time, text });
}

/** Lines that are there at once go out in one write; none waits longer than the event loop's turn. */
function batched(stream: TextStream): { add(text: string): void; flush(): void } {
  let pending: string[] = [];
  let size = 0;
  let turn: NodeJS.Immediate | undefined;
  const flush = () => {
    if (turn !== undefined) clearImmediate(turn);
    turn = undefined;
    if (pending.length > 0) stream.write(pending.join(''));
    pending = [];
    size = 0;
  };
  return {
    add(text) {
      pending.push(text);
      size += text.length;
      if (size >= BATCH) flush();
      else turn ??= setImmediate(flush);
    },
    flush,
  };
}

const BATCH = 64 * 1024;
/** Neighbours are easy to tell apart; red is left to errors. */
const PREFIX_STYLES: readonly Style[] = [
  'cyan',
  'yellow',
  'green',
  'magenta',
  'blue',
  'brightCyan',
  'brightYellow',
  'brightGreen',
  'brightMagenta',
  'brightBlue',
];
