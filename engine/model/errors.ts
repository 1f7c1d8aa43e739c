/**
 * An error whose text is for the user: what could not be done, to which thing, why. Lower case, no full stop, names in backticks.
 * `hint`: what to do next. `code` sorts it for exit codes and tests.
 */
export class TsstackError extends Error {
  override readonly name = 'TsstackError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  constructor(message: string, options: { readonly code: ErrorCode; readonly hint?: string | undefined; readonly cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code;
    this.hint = options.hint;
  }
}

export type ErrorCode =
  | 'invalid-stack-file'
  | 'usage'
  | 'obstacle'
  | 'locked'
  | 'kernel'
  | 'launch'
  | 'image'
  | 'wait-timed-out'
  | 'service-failed'
  | 'not-found'
  | 'permission'
  | 'cancelled';
