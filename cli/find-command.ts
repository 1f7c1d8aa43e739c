import { ownValue } from '../dsl/own-value.ts';
import { nearest } from '../dsl/suggest.ts';
import { TsstackError } from '../engine/model/errors.ts';
import type { Command } from './command.ts';

/** @throws TsstackError `usage`, with the nearest right name. */
export function findCommand(name: string, commands: readonly Command[]): Command {
  const command = commands.find((candidate) => candidate.name === name);
  if (command !== undefined) return command;
  const names = commands.map((candidate) => candidate.name);
  const near = nearest(name, names);
  const elsewhere = ownValue(ELSEWHERE, name);
  const hint = elsewhere ?? (near === undefined ? 'see `tsstack help`' : `did you mean \`tsstack ${near}\`?`);
  throw new TsstackError(`unknown command \`${name}\``, { code: 'usage', hint });
}

/** What hands that know Compose type, and what does it here. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  rm: '`tsstack down` removes the stack; volumes stay',
  run: "`tsstack exec` runs a command in a running container; a service of `kind: 'job'` runs once",
  rmi: '`tsstack prune --all` removes the images that no stack uses',
  df: '`tsstack system df` shows what all stacks take of the disk',
  login: '`docker login` writes the credentials that are used here, too, to ~/.docker/config.json',
  tag: '`tsstack push IMAGE --to REFERENCE` sends an image under another name',
  version: '`tsstack --version` shows it',
};
