/** A command as data: its options are a table, from which it is parsed and its help is written. */
import type { CommandContext } from './context.ts';
import type { Given, OptionTable } from './options.ts';

export interface CommandDefinition<T extends OptionTable> {
  readonly name: string;
  readonly summary: string;
  /** After the name, in help: `[SERVICE…]`. */
  readonly usage: string;
  readonly options: T;
  /** How many words may follow. */
  readonly words: { readonly min: number; readonly max: number };
  /** Everything after the first word belongs to somebody else: `exec`'s command. */
  readonly wordsPassThrough?: boolean;
  /** Exit code when it fails, unless the command line or the stack file was wrong. Undefined: by the table of exit codes. */
  readonly failureCode?: number;
  /** Further paragraphs of its help. */
  readonly details?: string;
  /** Resolves to the exit code. */
  readonly run: (given: Given<T>, words: readonly string[], context: CommandContext) => Promise<number>;
}

export type Command = CommandDefinition<OptionTable>;

/** Checks `run` against the table and forgets the table's type: parsing by that same table is what makes the values fit. */
export function defineCommand<const T extends OptionTable>(definition: CommandDefinition<T>): Command {
  return { ...definition, run: (given, words, context) => definition.run(given as Given<T>, words, context) };
}
