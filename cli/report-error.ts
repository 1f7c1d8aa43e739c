/** The one place that turns an error into text and an exit code. */
import { type ErrorCode, TsstackError } from '../engine/model/errors.ts';
import { paint } from './style.ts';

export interface ReportOptions {
  /** Stack traces too. */
  readonly debug: boolean;
  readonly color: boolean;
}

/** `error: …`, its causes, `hint: …`; each line ended. */
export function renderError(error: unknown, options: ReportOptions): string {
  return partsOf(error)
    .map((part) => renderOne(part, options))
    .join('');
}

/** Failures of several steps, each of which has its own causes and hint. */
function partsOf(error: unknown): readonly unknown[] {
  if (!(error instanceof TsstackError) || !(error.cause instanceof AggregateError)) return [error];
  const { errors } = error.cause;
  return error.message === errors.map(messageOf).join('\n') ? errors : [error];
}

function renderOne(error: unknown, { debug, color }: ReportOptions): string {
  const label = paint(color, 'red', 'error:');
  const known = error instanceof TsstackError ? error : asRefusal(error);
  const message = known?.message ?? `something unexpected happened: ${messageOf(error)}`;
  // Several things in the way are several errors.
  const texts = known?.code === 'obstacle' ? message.split('\n') : [message];
  const lines = texts.map((text) => `${label} ${text}`);
  // A mistake of the user's is told whole in its message; what reported it to us is noise.
  const causes = known && exitCodeOf(error) === 2 && !debug ? [] : causesOf(error);
  for (const cause of causes) lines.push(`  ${paint(color, 'dim', 'cause:')} ${cause}`);
  const hint = known ? known.hint : debug ? undefined : 'this is a fault of tsstack; `--debug` shows where it happened';
  if (hint !== undefined) lines.push(`  ${paint(color, 'cyan', 'hint:')} ${hint}`);
  if (debug) lines.push(...stacksOf(error).map((stack) => paint(color, 'dim', stack)));
  return lines.map((line) => `${line}\n`).join('');
}

/**
 * What the system refused is no fault of ours, wherever it happened. Undefined: it is none of these refusals.
 * Node's message is `EACCES: permission denied, open '/path'` (lib/internal/errors.js, `uvException`).
 */
function asRefusal(error: unknown): TsstackError | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  // In a read-only directory a recursive mkdir fails with ENOENT (Node 20 to 26).
  const code = error.code === 'ENOENT' && 'syscall' in error && error.syscall === 'mkdir' ? 'EROFS' : error.code;
  if (!Object.hasOwn(REFUSALS, code)) return undefined;
  const [, why = code, call = '', path] = /^\w+: ([^,]+), (\w+)(?: '([^']*)')?/.exec(error.message) ?? [];
  const what = path === undefined ? call || error.message : `${call} \`${path}\``;
  return new TsstackError(`cannot ${what}: ${why}`, { code: 'permission', hint: REFUSALS[code] });
}

const REFUSALS: Readonly<Record<string, string>> = {
  EACCES: 'run it with sudo, or see who owns that path',
  EPERM: 'run it with sudo, or see who owns that path',
  EROFS: 'is the filesystem read-only? `TSSTACK_STATE_DIR`, `TSSTACK_RUN_DIR` and `TSSTACK_CACHE_DIR` name other places',
  ENOSPC: 'the disk is full: free some space, or set `TSSTACK_STATE_DIR` to a larger one; then the same command goes on',
  EDQUOT: 'the disk quota is used up: free some space; then the same command goes on',
  EMFILE: 'too many files are open: raise `ulimit -n`',
  ENFILE: 'too many files are open on this machine: raise the sysctl `fs.file-max`',
};

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
