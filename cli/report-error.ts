/** The one place that turns an error into text and an exit code. */
import { type ErrorCode, TsstackError } from '../engine/model/errors.ts';
import { paint } from './style.ts';

export interface ReportOptions {
  /** Stack traces too. */
  readonly debug: boolean;
  readonly color: boolean;
}

/** `error: …`, its causes, `hint: …`; each line ended. */
export function renderError(error: unknown, { debug, color }: ReportOptions): string {
  const label = paint(color, 'red', 'error:');
  const known = error instanceof TsstackError;
  const lines = [`${label} ${known ? error.message : `something unexpected happened: ${messageOf(error)}`}`];
  // A mistake of the user's is told whole in its message; what reported it to us is noise.
  const causes = known && exitCodeOf(error) === 2 && !debug ? [] : causesOf(error);
  for (const cause of causes) lines.push(`  ${paint(color, 'dim', 'cause:')} ${cause}`);
  const hint = known ? error.hint : debug ? undefined : 'this is a fault of tsstack; `--debug` shows where it happened';
  if (hint !== undefined) lines.push(`  ${paint(color, 'cyan', 'hint:')} ${hint}`);
  if (debug) lines.push(...stacksOf(error).map((stack) => paint(color, 'dim', stack)));
  return lines.map((line) => `${line}\n`).join('');
}

/** As in the table of exit codes. `failureCode`: of a command that has one of its own for all but the user's mistakes. */
export function exitCodeOf(error: unknown, failureCode?: number): number {
  const code = error instanceof TsstackError ? (EXIT_CODES[error.code] ?? 1) : 1;
  return code === 2 ? code : (failureCode ?? code);
}

const EXIT_CODES: { readonly [C in ErrorCode]?: number } = {
  usage: 2,
  'invalid-stack-file': 2,
  'wait-timed-out': 17,
  'service-failed': 18,
  cancelled: 130,
};

/** What the errors below say that those above don't. A cycle of causes ends. */
function causesOf(error: unknown): string[] {
  const texts: string[] = [];
  const seen = new Set<unknown>([error]);
  let above = messageOf(error);
  const visit = (cause: unknown): void => {
    if (cause === undefined || cause === null || seen.has(cause)) return;
    seen.add(cause);
    const text = messageOf(cause);
    if (text !== '' && !above.includes(text)) texts.push(text);
    above += `\n${text}`;
    next(cause);
  };
  const next = (of: unknown): void => {
    if (of instanceof AggregateError) for (const inner of of.errors) visit(inner);
    if (of instanceof Error) visit(of.cause);
  };
  next(error);
  return texts;
}

function stacksOf(error: unknown): string[] {
  const stacks: string[] = [];
  const seen = new Set<unknown>();
  for (let at = error; at instanceof Error && !seen.has(at); at = at.cause) {
    seen.add(at);
    if (at.stack !== undefined) stacks.push(at.stack);
  }
  return stacks;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
