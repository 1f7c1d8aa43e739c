/** Options of commands as data. */

export interface OptionValues {
  flag: boolean;
  text: string;
  texts: readonly string[];
  /** A whole number, 0 or more. */
  count: number;
  /** Milliseconds; written in seconds (`10`) or with units (`1m30s`). */
  duration: number;
  /** Milliseconds since the epoch; written as RFC 3339 or as a time ago (`10m`). */
  moment: number;
}
export type OptionKind = keyof OptionValues;

export interface OptionSpec {
  readonly kind: OptionKind;
  readonly short?: string;
  /** What stands for the value in help: `FILE`. */
  readonly value?: string;
  readonly summary: string;
}
export type OptionTable = Readonly<Record<string, OptionSpec>>;

/** What was given of a table's options. A flag not given is false. */
export type Given<T extends OptionTable> = {
  readonly [K in keyof T]: T[K]['kind'] extends 'flag' ? boolean : OptionValues[T[K]['kind']] | undefined;
};

/** Options of every command. May stand before the command's name too. */
export const GLOBAL_OPTIONS = {
  file: { kind: 'text', short: 'f', value: 'FILE', summary: 'stack file (default: stack.config.ts here or in a directory above)' },
  directory: { kind: 'text', short: 'C', value: 'DIR', summary: 'act as if started in this directory' },
  instance: { kind: 'text', value: 'NAME', summary: 'a copy of the stack with its own containers, networks and volumes' },
  mode: { kind: 'text', value: 'MODE', summary: 'handed to the stack file as `mode`' },
  profile: { kind: 'texts', value: 'NAME', summary: 'handed to the stack file in `profiles`; may be repeated' },
  json: { kind: 'flag', summary: 'print JSON: one document, or one a line for a stream' },
  'no-color': { kind: 'flag', summary: 'no colors (also: NO_COLOR; FORCE_COLOR for the contrary)' },
  debug: { kind: 'flag', summary: 'show stack traces of errors' },
  help: { kind: 'flag', short: 'h', summary: 'show help' },
} as const satisfies OptionTable;
export type GlobalOptions = Given<typeof GLOBAL_OPTIONS>;

/** An option of who stops containers. */
export const STOP_TIMEOUT = {
  kind: 'duration',
  short: 't',
  value: 'SECONDS',
  summary: 'time between the stop signal and SIGKILL (default: that of each service)',
} as const satisfies OptionSpec;
