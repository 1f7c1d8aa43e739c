/** RUN (Dockerfile reference, "RUN" and "Here-documents"). */
import type { RunStep } from '../model/build.ts';
import { wrong } from './dockerfile-errors.ts';
import { type KnownFlags, readFlags } from './dockerfile-flags.ts';
import { commandForm, expander, type ReadContext, type ReadInstruction, type StageState } from './dockerfile-instruction.ts';
import { heredocOf, heredocText, type Instruction } from './dockerfile-lines.ts';
import { readMount } from './dockerfile-mounts.ts';

const FLAGS: KnownFlags = {
  mount: 'list',
  network: 'value',
  security: { refused: 'a step of a build has no more privileges than a container' },
  device: { refused: 'a step of a build has no devices' },
};
const NETWORKS = ['default', 'none', 'host'] as const;
/** No script has a line that is this. */
const END_OF_SCRIPT = '__tsstack_end_of_script__';

export function readRun(instruction: Instruction, context: ReadContext): ReadInstruction {
  const { place, heredocs } = instruction;
  const flags = readFlags(instruction, FLAGS, context.escapeChar);
  const form = commandForm(instruction, flags.rest);
  if ('exec' in form ? form.exec.length === 0 : form.shell === '') throw wrong(place, '`RUN` needs a command');
  const mounts = flags.list('mount').map((text) => readMount(text, place, context));
  const argv = (shell: readonly string[]) =>
    'exec' in form ? form.exec : scriptArgv(scriptOf(form.shell, instruction, context.escapeChar), shell);
  if (heredocs.length > 0 && 'exec' in form) throw wrong(place, 'the exec form has no heredocs');
  const make = (state: StageState): RunStep & { readonly place: typeof place } => {
    const expand = expander(state, { place, escapeChar: context.escapeChar });
    const network = expand(flags.value('network') ?? 'default');
    if (!isNetwork(network)) throw wrong(place, `\`--network=${network}\` is none of \`default\`, \`none\` and \`host\``);
    return {
      place,
      do: 'run',
      argv: argv(state.shell),
      environment: argumentsOf(state),
      proxies: context.proxies,
      mounts: mounts.map((mount) => mount.make(expand, state.workingDir)),
      network,
    };
  };
  return { uses: mounts.flatMap(({ uses }) => uses), make };
}

function isNetwork(text: string): text is (typeof NETWORKS)[number] {
  return NETWORKS.some((name) => name === text);
}

/** Build arguments that are no variables of the image. */
function argumentsOf({ args, environment }: StageState): Readonly<Record<string, string>> {
  const entries = Object.entries(args).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(entries.filter(([name]) => !Object.hasOwn(environment, name)));
}

/** `RUN <<EOF` runs what the heredoc holds; anything with more on its line goes to the shell as it is written. */
function scriptOf(text: string, { heredocs }: Instruction, escapeChar: string): { readonly script: string; readonly isFile: boolean } {
  const [first] = heredocs;
  if (first === undefined) return { script: text, isFile: false };
  if (heredocs.length === 1 && heredocOf(text, escapeChar) !== undefined) return { script: heredocText(first), isFile: true };
  return { script: [text, ...heredocs.map(({ content, name }) => `${content}${name}`)].join('\n'), isFile: false };
}

/** A script with `#!` is given to its interpreter as a file, the others to the stage's shell as text. */
function scriptArgv(
  { script, isFile }: { readonly script: string; readonly isFile: boolean },
  shell: readonly string[],
): readonly string[] {
  const [, interpreter, argument] = (isFile && /^#![ \t]*(\S+)(?:[ \t]+(.*?))?[ \t]*\n/.exec(script)) || [];
  if (interpreter === undefined) return [...shell, script];
  // execve(2): all that follows the interpreter is one argument.
  const words = [interpreter, ...(argument === undefined || argument === '' ? [] : [argument])].map(quote).join(' ');
  return ['/bin/sh', '-c', `exec ${words} /dev/fd/3 3<<'${END_OF_SCRIPT}'\n${script}${END_OF_SCRIPT}\n`];
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
