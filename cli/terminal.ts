import { wantsColor } from './style.ts';

/** Where a command writes. Data goes to `out`, talk to `err`: `tsstack ps | …` and `tsstack logs > file` see data only. */
export interface Terminal {
  readonly out: TextStream;
  readonly err: TextStream;
  readonly stdinIsTTY: boolean;
}

export interface TextStream {
  /** Adds nothing: the text ends with its own newline. */
  write(text: string): void;
  readonly isTTY: boolean;
  readonly color: boolean;
  /** Of a terminal that has one, in characters. It may change. */
  readonly size?: () => { readonly columns: number; readonly rows: number } | undefined;
  /** Aborted when the reader has gone (EPIPE). */
  readonly closed: AbortSignal;
}

/** This process's own. Its streams are opened when first used: `help` needs none. */
export function processTerminal(env: NodeJS.ProcessEnv, noColorOption: boolean): Terminal {
  let out: TextStream | undefined;
  let err: TextStream | undefined;
  return {
    get out() {
      out ??= textStream(process.stdout, wantsColor(process.stdout, env, noColorOption));
      return out;
    },
    get err() {
      err ??= textStream(process.stderr, wantsColor(process.stderr, env, noColorOption));
      return err;
    },
    get stdinIsTTY() {
      return process.stdin.isTTY === true;
    },
  };
}

function textStream(stream: NodeJS.WriteStream, color: boolean): TextStream {
  const closed = new AbortController();
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // The reader left (`tsstack logs | head`): no failure of ours. Anything else, a full disk say, is one.
    if (error.code !== 'EPIPE') throw error;
    closed.abort();
  });
  return {
    write(text) {
      if (!closed.signal.aborted) stream.write(text);
    },
    isTTY: stream.isTTY === true,
    color,
    // A pseudo-terminal that nobody gave a size has 0 columns.
    size: () => (stream.columns > 0 && stream.rows > 0 ? { columns: stream.columns, rows: stream.rows } : undefined),
    closed: closed.signal,
  };
}
