import { nearest } from '../dsl/suggest.ts';
import { TsstackError } from '../engine/model/errors.ts';
import type { Command } from './command.ts';

/** @throws TsstackError `usage`, with the nearest right name. */
export function findCommand(name: string, commands: readonly Command[]): Command {
  const command = commands.find((candidate) => candidate.name === name);
  if (command !== undefined) return command;
  const names = commands.map((candidate) => candidate.name);
  const near = nearest(name, names);
  const hint = near === undefined ? 'see `tsstack help`' : `did you mean \`tsstack ${near}\`?`;
  throw new TsstackError(`unknown command \`${name}\``, { code: 'usage', hint });
}
