/** Instructions that change what the image says, and nothing in its files but for WORKDIR (Dockerfile reference). */
import { posix } from 'node:path';
import type { BuildStep, ConfigChange } from '../model/build.ts';
import { wrong } from './dockerfile-errors.ts';
import {
  commandForm,
  type Expand,
  expander,
  jsonList,
  type ReadContext,
  type ReadInstruction,
  type StageState,
  simple,
} from './dockerfile-instruction.ts';
import type { Instruction } from './dockerfile-lines.ts';
import { splitWords } from './words.ts';

export function readEnv(instruction: Instruction, context: ReadContext): ReadInstruction {
  const pairs = readPairs(instruction, context);
  return config(instruction, context, (expand, state) => {
    // One that is set in this instruction counts from the next one on.
    const environment = Object.fromEntries(pairs.map(([name, value]) => [expand(name), expand(value)]));
    if (Object.hasOwn(environment, '')) throw wrong(instruction.place, 'a variable has no name');
    state.environment = { ...state.environment, ...environment };
    return { environment };
  });
}

export function readLabel(instruction: Instruction, context: ReadContext): ReadInstruction {
  const pairs = readPairs(instruction, context);
  return config(instruction, context, (expand) => {
    return { labels: Object.fromEntries(pairs.map(([name, value]) => [expand(name), expand(value)])) };
  });
}

/** Deprecated; a label says the same since. */
export function readMaintainer(instruction: Instruction, context: ReadContext): ReadInstruction {
  return config(instruction, context, () => ({ labels: { 'org.opencontainers.image.authors': instruction.rest } }));
}

/** What ARG sets is in scope until the end of the stage, and in stages that are built on it. */
export function readArg(instruction: Instruction, context: ReadContext): ReadInstruction {
  const declared = argumentsIn(instruction, context.escapeChar);
  return simple(instruction, (state) => {
    const expand = expander(state, { place: instruction.place, escapeChar: context.escapeChar });
    for (const { name, value } of declared) {
      const given = context.givenArgs[name] ?? (value === undefined ? context.globalArgs[name] : expand(value));
      state.args = { ...state.args, [name]: given };
    }
    return undefined;
  });
}

/** `name` or `name=default`, several of them. */
export function argumentsIn(
  { rest, place }: Instruction,
  escapeChar: string,
): readonly { readonly name: string; readonly value: string | undefined }[] {
  return splitWords(rest, escapeChar).map((word) => {
    const [, name = '', value] = /^([^=]*)(?:=([\s\S]*))?$/.exec(word) ?? [];
    if (!/^[A-Za-z_][\w.-]*$/.test(name)) throw wrong(place, `\`${name}\` is no name of an argument`);
    return { name, value };
  });
}

export function readWorkdir(instruction: Instruction, context: ReadContext): ReadInstruction {
  const { place } = instruction;
  return simple(instruction, (state): BuildStep => {
    const path = expander(state, { place, escapeChar: context.escapeChar })(instruction.rest);
    if (path === '') throw wrong(place, 'its path is empty');
    state.workingDir = posix.resolve('/', state.workingDir, path);
    return { place, do: 'workdir', path: state.workingDir };
  });
}

export function readUser(instruction: Instruction, context: ReadContext): ReadInstruction {
  return config(instruction, context, (expand) => {
    const user = expand(instruction.rest);
    if (!/^[^\s:]+(?::[^\s:]+)?$/.test(user)) throw wrong(instruction.place, `\`${user}\` is no \`user\` or \`user:group\``);
    return { user };
  });
}

export function readShell(instruction: Instruction, context: ReadContext): ReadInstruction {
  const shell = jsonList(instruction.rest, instruction.place);
  if (shell === undefined || shell.length === 0) throw wrong(instruction.place, '`SHELL` needs a JSON list: `SHELL ["/bin/bash", "-c"]`');
  return config(instruction, context, (_, state) => {
    state.shell = shell;
    return { shell };
  });
}

export function readCommand(instruction: Instruction, context: ReadContext): ReadInstruction {
  const form = commandForm(instruction);
  return config(instruction, context, (_, { shell }) => {
    const argv = 'exec' in form ? form.exec : [...shell, form.shell];
    return instruction.keyword === 'CMD' ? { command: argv } : { entrypoint: argv };
  });
}

/** A name with or without SIG, or a number (signal(7)). */
export function readStopSignal(instruction: Instruction, context: ReadContext): ReadInstruction {
  return config(instruction, context, (expand) => {
    const stopSignal = expand(instruction.rest);
    const isNumber = /^\d+$/.test(stopSignal) && Number(stopSignal) >= 1 && Number(stopSignal) <= 64;
    if (!isNumber && !/^(?:SIG)?[A-Z][A-Z0-9]+(?:[+-]\d+)?$/i.test(stopSignal)) {
      throw wrong(instruction.place, `\`${stopSignal}\` is no signal`);
    }
    return { stopSignal };
  });
}

export function readExpose(instruction: Instruction, context: ReadContext): ReadInstruction {
  return config(instruction, context, (expand) => {
    const words = splitWords(instruction.rest, context.escapeChar).flatMap((word) => expand(word).split(/\s+/));
    return { exposedPorts: words.filter((word) => word !== '').flatMap((word) => portsIn(word, instruction)) };
  });
}

/** `80`, `53/udp`, `7000-7010`. */
function portsIn(word: string, { place }: Instruction): readonly string[] {
  const [, first = '', last = first, protocol = 'tcp'] = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(word) ?? [];
  const [low, high] = [Number(first), Number(last)];
  if (first === '' || low < 1 || high > 65_535 || low > high) {
    throw wrong(place, `\`${word}\` is no port such as \`80\`, \`53/udp\` or \`7000-7010\``);
  }
  return Array.from({ length: high - low + 1 }, (_, index) => `${low + index}/${protocol.toLowerCase()}`);
}

export function readVolume(instruction: Instruction, context: ReadContext): ReadInstruction {
  const words = jsonList(instruction.rest, instruction.place) ?? instruction.rest.split(/\s+/);
  return config(instruction, context, (expand) => {
    const volumes = words.map(expand);
    if (volumes.length === 0 || volumes.includes('')) throw wrong(instruction.place, 'a volume has no path');
    return { volumes: volumes.map((path) => posix.resolve('/', path)) };
  });
}

/** `name=value`, several of them, or the old form of one, whose value is the rest of the line. */
function readPairs(instruction: Instruction, { escapeChar }: ReadContext): readonly (readonly [string, string])[] {
  const { rest, place, keyword } = instruction;
  const words = splitWords(rest, escapeChar);
  const [first = ''] = words;
  if (words.length > 0 && !first.includes('=')) {
    const value = rest.slice(first.length).trim();
    if (value === '') throw wrong(place, `\`${first}\` has no value`, `write \`${keyword} ${first}=…\``);
    return [[first, value]];
  }
  return words.map((word) => {
    const equals = word.indexOf('=');
    if (equals < 0) throw wrong(place, `\`${word}\` has no \`=\``, 'a value with blanks is in quotes');
    return [word.slice(0, equals), word.slice(equals + 1)];
  });
}

/** A step that changes the config. */
function config(
  instruction: Instruction,
  { escapeChar }: ReadContext,
  change: (expand: Expand, state: StageState) => ConfigChange,
): ReadInstruction {
  const { place } = instruction;
  return simple(instruction, (state) => ({ place, do: 'config', change: change(expander(state, { place, escapeChar }), state) }));
}
