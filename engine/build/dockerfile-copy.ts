/** COPY and ADD (Dockerfile reference, "COPY" and "ADD"). */
import { posix } from 'node:path';
import type { CopyOrigin, CopySource, CopyStep } from '../model/build.ts';
import { wrong } from './dockerfile-errors.ts';
import { type Flags, type KnownFlags, readFlags } from './dockerfile-flags.ts';
import { expander, jsonList, type ReadContext, type ReadInstruction, type StageState } from './dockerfile-instruction.ts';
import { type Heredoc, heredocOf, heredocText, type Instruction } from './dockerfile-lines.ts';
import { splitWords } from './words.ts';

const SHARED_FLAGS: KnownFlags = { chown: 'value', chmod: 'value', link: 'switch', exclude: 'list' };
const COPY_FLAGS: KnownFlags = { ...SHARED_FLAGS, from: 'value', parents: 'switch' };
const ADD_FLAGS: KnownFlags = {
  ...SHARED_FLAGS,
  checksum: 'value',
  unpack: 'switch',
  'keep-git-dir': { refused: 'Git repositories are not fetched' },
};
const CONTEXT: CopyOrigin = { kind: 'context' };

/** `--link` says how Docker stores it; the files are the same, so it changes nothing here. */
export function readCopy(instruction: Instruction, context: ReadContext): ReadInstruction {
  const flags = readFlags(instruction, COPY_FLAGS, context.escapeChar);
  const fromName = flags.value('from');
  const from = fromName === undefined ? CONTEXT : context.originOf(fromName, instruction.place);
  return readTransfer(instruction, context, { flags, from, sourceOf: (pattern) => ({ kind: 'files', from, pattern, unpack: false }) });
}

export function readAdd(instruction: Instruction, context: ReadContext): ReadInstruction {
  const { place } = instruction;
  const flags = readFlags(instruction, ADD_FLAGS, context.escapeChar);
  const unpack = flags.switch('unpack');
  const sourceOf = (written: string, checksum: string | undefined): CopySource => {
    if (/^(?:git:\/\/|git@|ssh:\/\/)|^https?:\/\/[^?#]+\.git(?:[?#]|$)/.test(written)) {
      throw wrong(place, `\`${written}\` is a Git repository, which \`ADD\` here does not fetch`, 'clone it with `RUN git clone …`');
    }
    if (!/^https?:\/\//.test(written)) {
      if (checksum !== undefined) throw wrong(place, '`--checksum` is only for what is fetched from a URL');
      return { kind: 'files', from: CONTEXT, pattern: written, unpack: unpack ?? true };
    }
    if (unpack) throw wrong(place, '`--unpack` of a URL is not supported', 'fetch and unpack it with `RUN`');
    return { kind: 'url', url: written, checksum };
  };
  return readTransfer(instruction, context, { flags, from: CONTEXT, sourceOf });
}

interface Transfer {
  readonly flags: Flags;
  readonly from: CopyOrigin;
  readonly sourceOf: (written: string, checksum: string | undefined) => CopySource;
}

function readTransfer(instruction: Instruction, context: ReadContext, { flags, from, sourceOf }: Transfer): ReadInstruction {
  const { place, heredocs, keyword } = instruction;
  const { escapeChar } = context;
  const words = jsonList(flags.rest, place) ?? splitWords(flags.rest, escapeChar);
  const target = words.at(-1);
  const sources = words.slice(0, -1);
  if (target === undefined || sources.length === 0) throw wrong(place, `\`${keyword}\` needs at least one source and a target`);
  if (heredocOf(target, escapeChar) !== undefined) throw wrong(place, 'a heredoc can be a source, but not the target');
  const checksum = flags.value('checksum');
  if (checksum !== undefined && sources.length > 1) throw wrong(place, '`--checksum` is for one source');
  const parents = flags.switch('parents') ?? false;
  flags.switch('link');
  const make = (state: StageState): CopyStep & { readonly place: typeof place } => {
    const expand = expander(state, { place, escapeChar });
    const optional = (name: string) => (flags.value(name) === undefined ? undefined : expand(flags.value(name) ?? ''));
    const rest = [...heredocs];
    const expanded = sources.map((word): CopySource => {
      const heredoc = heredocOf(word, escapeChar) && rest.shift();
      if (heredoc !== undefined) return contentSource(heredoc, state, instruction);
      return sourceOf(expand(word), optional('checksum'));
    });
    return {
      place,
      do: 'copy',
      sources: expanded,
      target: targetOf(expand(target), state, { several: sources.length > 1, instruction }),
      owner: optional('chown'),
      mode: modeOf(optional('chmod'), instruction),
      exclude: flags.list('exclude').map(expand),
      parents,
    };
  };
  return { uses: from.kind === 'stage' ? [from.stage] : [], make };
}

/** Variables in it are expanded unless its delimiter is quoted; quotes are text, and it is `\` that escapes, whatever the directive says. */
function contentSource(heredoc: Heredoc, state: StageState, { place }: Instruction): CopySource {
  const text = heredocText(heredoc);
  const expand = expander(state, { place, escapeChar: '\\', keepQuotes: true });
  return { kind: 'content', name: heredoc.name, content: heredoc.expands ? expand(text) : text };
}

function targetOf(written: string, state: StageState, { several, instruction }: { several: boolean; instruction: Instruction }): string {
  if (written === '') throw wrong(instruction.place, 'its target is empty');
  const isDirectory = /(?:^|\/)(?:\.{0,2})$/.test(written);
  if (several && !isDirectory) {
    throw wrong(instruction.place, `with several sources the target is a directory, which ends in \`/\``, `write \`${written}/\``);
  }
  const path = posix.resolve('/', state.workingDir, written);
  return isDirectory && path !== '/' ? `${path}/` : path;
}

function modeOf(written: string | undefined, { place }: Instruction): number | undefined {
  if (written === undefined) return undefined;
  if (!/^0?o?[0-7]{1,4}$/.test(written)) throw wrong(place, `\`--chmod=${written}\` is no mode in octal such as \`755\``);
  return Number.parseInt(written.replace('o', ''), 8);
}
