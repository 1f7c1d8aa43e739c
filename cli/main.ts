import { readFileSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { TsstackError } from '../engine/model/errors.ts';
import { type Invocation, parseArguments } from './arguments.ts';
import { isCancellation } from './cancellation.ts';
import type { Command } from './command.ts';
import { COMMANDS } from './commands.ts';
import { connect, connectRemembered, findStackFile, loadStack, pathsFor, typeCheck } from './connect.ts';
import type { CommandContext } from './context.ts';
import { renderCommandHelp, renderHelp } from './help-text.ts';
import { listenForInterrupts } from './interrupts.ts';
import { exitCodeOf, renderError } from './report-error.ts';
import { superviseStack } from './supervisor.ts';
import { SUPERVISOR } from './supervisor-word.ts';
import { processTerminal, type Terminal } from './terminal.ts';

export interface Installation {
  readonly packageRoot: string;
  /** Changes whenever tsstack's code does. */
  readonly build: string;
}

/** Runs one command line (without node and script) in this process. Resolves to the exit code; never rejects. */
export async function main(argv: readonly string[], installation: Installation): Promise<number> {
  const { packageRoot } = installation;
  const [word, identity] = argv;
  if (word === SUPERVISOR && identity !== undefined) return superviseStack(identity, installation);
  // Before the arguments are understood, errors in them must be told: these two options are looked for as they stand.
  const debug = argv.includes('--debug');
  const terminal = processTerminal(process.env, argv.includes('--no-color'));
  const report = (error: unknown) => terminal.err.write(renderError(error, { debug, color: terminal.err.color }));
  let invocation: Invocation;
  try {
    invocation = parseArguments(argv, COMMANDS, Date.now());
  } catch (error) {
    report(error);
    return exitCodeOf(error);
  }
  const { command, global } = invocation;
  if (invocation.version) return say(versionText(packageRoot));
  if (command === undefined) return say(renderHelp(COMMANDS));
  if (global.help) return say(renderCommandHelp(command));
  return runCommand({ ...invocation, command }, { terminal, installation, report });
}

interface Surroundings {
  readonly terminal: Terminal;
  readonly installation: Installation;
  readonly report: (error: unknown) => void;
}

async function runCommand(invocation: Invocation & { readonly command: Command }, surroundings: Surroundings): Promise<number> {
  const { command, global, given, words } = invocation;
  const { terminal, installation, report } = surroundings;
  const { packageRoot, build } = installation;
  const { env } = process;
  if (global.directory !== undefined && !isDirectory(global.directory)) {
    report(new TsstackError(`cannot act in \`${global.directory}\`: there is no such directory`, { code: 'usage' }));
    return 2;
  }
  const paths = pathsFor({ packageRoot, cwd: process.cwd(), directory: global.directory, env, uid: process.geteuid?.() ?? -1 });
  const doors = { commandName: command.name, global, paths, env, build };
  const interrupts = listenForInterrupts(process);
  const context: CommandContext = {
    ...doors,
    terminal,
    interrupts,
    now: Date.now,
    findStackFile: () => findStackFile(doors),
    typeCheck: (file) => typeCheck(file, doors),
    loadStack: async () => {
      const stack = await loadStack(doors);
      for (const notice of stack.notices) terminal.err.write(`note: ${notice}\n`);
      return stack;
    },
    connect: (stack) => connect(stack, doors),
    connectRemembered: () => connectRemembered(doors),
  };
  try {
    const code = await command.run(given, words, context);
    return terminal.out.closed.aborted ? EXIT_SIGPIPE : code;
  } catch (error) {
    const interrupted = interrupts.exitCode();
    if (interrupted === undefined) {
      report(error);
      return exitCodeOf(error, command.failureCode);
    }
    // What an abort itself throws says nothing; what else went wrong on the way out does.
    if (isCancellation(error)) terminal.err.write('cancelled\n');
    else report(error);
    return interrupted;
  } finally {
    interrupts[Symbol.dispose]();
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Without `process.stdout`, which costs three times as much as all else that `--version` does. */
function say(text: string): number {
  try {
    writeSync(1, text);
  } catch {
    // A pipe whose reader has gone or that doesn't block and is full: Node's stream knows what to do.
    process.stdout.on('error', () => {}).write(text);
  }
  return 0;
}

function versionText(packageRoot: string): string {
  const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { readonly version: string };
  return `${version}\n`;
}

/** 128 + SIGPIPE, as of any program whose reader has gone. */
const EXIT_SIGPIPE = 141;
