/** Why a step has failed, with the lines of its file around it. */
import type { BuildPlace } from '../model/build.ts';
import { TsstackError } from '../model/errors.ts';
import type { RunEnd } from './runner.ts';

/** Lines of output that a failure tells. */
export const OUTPUT_LINES = 20;
/** Of the file, before and after the step. */
const AROUND = 2;

export interface FailureOptions {
  /** As people know it. */
  readonly image: string;
  readonly place: BuildPlace;
  /** The text of the file. Undefined: it isn't one of steps. */
  readonly source: string | undefined;
}

/** A command that ran, and failed. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
  readonly end: RunEnd;
  /** Its last lines. */
  readonly output: readonly string[];
  constructor(end: RunEnd, output: readonly string[]) {
    super(endText(end));
    this.end = end;
    this.output = output;
  }
}

/** What is no business of the user's stays as it is. */
export function stepFailure(cause: unknown, options: FailureOptions): unknown {
  if (cause instanceof CommandFailed) return commandFailure(cause, options);
  if (!(cause instanceof TsstackError) || cause.code === 'cancelled') return cause;
  const message = [`cannot build \`${options.image}\`: ${placeText(options.place)}: ${cause.message}`, ...excerpt(options)].join('\n');
  return new TsstackError(message, { code: cause.code, hint: cause.hint, cause });
}

function commandFailure({ end, output }: CommandFailed, options: FailureOptions): TsstackError {
  const { image, place } = options;
  const words = output.length === 0 ? [] : ['it said last:', ...output.slice(-OUTPUT_LINES).map((line) => `  ${line}`)];
  const message = [`cannot build \`${image}\`: ${placeText(place)} ${endText(end)}`, ...excerpt(options), ...words].join('\n');
  return new TsstackError(message, { code: 'image' });
}

/** `Dockerfile:12: `RUN npm ci``; `stack.config.ts: `run npm ci``. */
function placeText({ file, line, text }: BuildPlace): string {
  return `${file.slice(file.lastIndexOf('/') + 1)}${line > 0 ? `:${line}` : ''}: \`${text}\``;
}

function endText({ code, oomKilled, error }: RunEnd): string {
  if (error !== undefined) return `could not be started: ${error}`;
  if (oomKilled) return 'was killed: it ran out of memory';
  return `exited with ${code}`;
}

function excerpt({ place: { line }, source }: FailureOptions): readonly string[] {
  if (source === undefined || line === 0) return [];
  const lines = source.replace(/\n$/, '').split('\n');
  const first = Math.max(1, line - AROUND);
  const last = Math.min(lines.length, line + AROUND);
  const width = String(last).length;
  return lines.slice(first - 1, last).map((text, index) => {
    const number = first + index;
    return `${number === line ? '>' : ' '} ${String(number).padStart(width)} | ${text.replace(/\r$/, '')}`.trimEnd();
  });
}
