import { statSync } from 'node:fs';
import { TsstackError } from '../../engine/model/errors.ts';
import { defineCommand } from '../command.ts';
import type { CommandContext } from '../context.ts';
import { type LookAt, missingOnHost } from '../host-files.ts';

export const check = defineCommand({
  name: 'check',
  summary: 'check the stack file: its types, what types cannot see, and what it needs of this host',
  usage: '',
  options: {},
  words: { min: 0, max: 0 },
  details: 'Tells everything that is wrong at once. Exit code: 0 valid, 2 not.',
  async run(_given, _words, context) {
    const { file, problems } = await problemsOf(context);
    const { out, err } = context.terminal;
    if (context.global.json) out.write(`${JSON.stringify({ valid: problems.length === 0, file, problems })}\n`);
    else if (problems.length === 0) err.write(`\`${file}\` is valid\n`);
    else out.write(problems.map((problem) => `${problem}\n`).join(''));
    return problems.length === 0 ? 0 : 2;
  },
});

function lookAt(path: string): ReturnType<LookAt> {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat && (stat.isDirectory() ? 'directory' : 'file');
  } catch {
    // Not to be seen by this user: `up`, which is root, will see.
    return 'directory';
  }
}

/** Both checks run even if one fails: a wrong name is told by either, a wrong subnet only by the second. */
async function problemsOf(context: CommandContext): Promise<{ readonly file: string; readonly problems: readonly string[] }> {
  const file = await context.findStackFile();
  const types = await context.typeCheck(file);
  try {
    const { spec } = await context.loadStack();
    return { file, problems: [...types, ...missingOnHost(spec, lookAt)] };
  } catch (error) {
    if (!(error instanceof TsstackError) || error.code !== 'invalid-stack-file') throw error;
    return { file, problems: [...types, error.message] };
  }
}
