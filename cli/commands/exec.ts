import { TsstackError } from '../../engine/model/errors.ts';
import { defineCommand } from '../command.ts';
import { checkKnown } from '../targets.ts';
import { withRunningEngine } from '../with-engine.ts';

export const exec = defineCommand({
  name: 'exec',
  summary: 'run a command in a running container',
  usage: 'SERVICE|CONTAINER [--] COMMAND [ARGUMENT…]',
  options: {
    'no-tty': { kind: 'flag', short: 'T', summary: 'no terminal (default: one if stdin and stdout are terminals)' },
    env: {
      kind: 'texts',
      short: 'e',
      value: 'NAME=VALUE',
      summary: 'set a variable; without a value, take the one from here; may be repeated',
    },
    workdir: { kind: 'text', short: 'w', value: 'DIR', summary: 'run it in this directory of the container' },
    user: { kind: 'text', short: 'u', value: 'USER', summary: 'run it as this user: `name`, `uid`, `name:group` or `uid:gid`' },
    index: { kind: 'count', value: 'N', summary: 'which of the containers of a service, from 1' },
  },
  words: { min: 2, max: Number.POSITIVE_INFINITY },
  wordsPassThrough: true,
  failureCode: 125,
  details: `Exit code: the command's own; 125 if tsstack could not do it, 126 if the command can't be invoked, 127 if it isn't there, 128 + n if
signal n ended it.`,
  run: (given, [target = '', ...argv], context) =>
    withRunningEngine(context, async (engine, stack) => {
      const [checked = target] = (await checkKnown([target], { engine, stack })) ?? [];
      const environment = parseEnvironment(given.env ?? [], context.env);
      const ending = new AbortController();
      // A terminal sends Ctrl-C to the command as well: it is for the command to decide what it means.
      context.interrupts.forwardTo((name) => {
        if (name !== 'SIGINT') ending.abort(name);
      });
      const { stdinIsTTY, out } = context.terminal;
      const tty = !given['no-tty'] && stdinIsTTY && out.isTTY;
      return engine.exec({
        target: checked,
        index: given.index,
        argv,
        tty,
        interactive: true,
        // What is at the other end of its terminal is ours to say.
        environment: tty ? { TERM: context.env['TERM'] || 'xterm', ...environment } : environment,
        workingDir: given.workdir,
        user: given.user,
        signal: ending.signal,
      });
    }),
});

/** `A=b` → `{ A: 'b' }`; `A` takes the value it has here, and is left out if it has none. */
function parseEnvironment(assignments: readonly string[], env: NodeJS.ProcessEnv): Record<string, string> {
  const values: Record<string, string> = {};
  for (const assignment of assignments) {
    const at = assignment.indexOf('=');
    const name = at < 0 ? assignment : assignment.slice(0, at);
    if (name === '') throw new TsstackError(`invalid value \`${assignment}\` for \`--env\`: it must be \`NAME=VALUE\``, { code: 'usage' });
    const value = at < 0 ? env[name] : assignment.slice(at + 1);
    if (value !== undefined) values[name] = value;
  }
  return values;
}
