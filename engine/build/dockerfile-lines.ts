/** The text of a Dockerfile as instructions: comments gone, lines joined, heredocs taken in (Dockerfile reference, "Format" and "Here-documents"). */
import type { DockerfileParser } from 'dockerfile-ast';
import type { BuildPlace } from '../model/build.ts';
import { wrong } from './dockerfile-errors.ts';
import { expand, splitWords } from './words.ts';

export type AstParser = typeof DockerfileParser;

export interface Instruction {
  /** In upper case. */
  readonly keyword: string;
  /** What follows it, heredocs left out. */
  readonly rest: string;
  readonly heredocs: readonly Heredoc[];
  readonly place: BuildPlace;
}

export interface Heredoc {
  readonly name: string;
  /** As written, each line with its end. */
  readonly content: string;
  /** Its delimiter was not quoted. */
  readonly expands: boolean;
  /** `<<-`: tabs at the start of lines don't count. */
  readonly chomps: boolean;
}

export interface DockerfileText {
  readonly instructions: readonly Instruction[];
  /** `\` or `` ` ``. */
  readonly escapeChar: string;
  /** Of `# syntax=`. */
  readonly syntax: string | undefined;
}

/** A parser costs time to load, and only builds need one. */
export async function loadAstParser(): Promise<AstParser> {
  return (await import('dockerfile-ast')).DockerfileParser;
}

/**
 * The package says where instructions begin, and what the directives are. What it takes for a heredoc differs from Docker's in corners
 * (`3<<EOF`, a name in quotes, a `<<` inside quotes), and it keeps no line ends that a heredoc escapes, so each instruction is read here;
 * where the package thinks that it ends elsewhere, what follows is parsed anew.
 */
export function readDockerfile(parser: AstParser, text: string, file: string): DockerfileText {
  const lines = text
    .replace(/^\uFEFF/, '')
    .replace(/\r\n?/g, '\n')
    .split('\n');
  const document = parser.parse(lines.join('\n'));
  const directives = new Map(document.getDirectives().map((directive) => [directive.getName().toLowerCase(), directive.getValue()]));
  const escapeChar = document.getEscapeCharacter();
  const written = directives.get('escape') ?? escapeChar;
  if (written !== escapeChar)
    throw wrong({ file, line: 1, text: `# escape=${written}` }, 'only `\\` and `` ` `` can be the escape character');
  const instructions: Instruction[] = [];
  let ranges = rangesIn(document);
  for (let next = 0; ; ) {
    const range = ranges.find(({ start }) => start.line >= next);
    if (range === undefined) return { instructions, escapeChar, syntax: directives.get('syntax') };
    const { instruction, end } = readInstruction(lines, range.start.line, { file, escapeChar });
    instructions.push(instruction);
    next = end;
    if (range.end.line + 1 === end) continue;
    ranges = rangesIn(parser.parse([`# escape=${escapeChar}`, ...Array<string>(end - 1).fill(''), ...lines.slice(end)].join('\n')));
  }
}

function rangesIn(document: ReturnType<AstParser['parse']>) {
  return document.getInstructions().map((instruction) => instruction.getRange());
}

interface ReadOptions {
  readonly file: string;
  readonly escapeChar: string;
}

/** `end`: index of the line after it. */
function readInstruction(
  lines: readonly string[],
  start: number,
  { file, escapeChar }: ReadOptions,
): { instruction: Instruction; end: number } {
  const joined = joinLines(lines, start, escapeChar);
  const logical = joined.text.trim();
  const [, keyword = '', rest = ''] = /^(\S+)\s*([\s\S]*)$/.exec(logical) ?? [];
  const place: BuildPlace = { file, line: start + 1, text: logical.replace(/\s+/g, ' ') };
  let end = joined.end;
  const heredocs = heredocsIn(keyword.toUpperCase(), rest, escapeChar).map((heredoc) => {
    const body = readHeredoc(lines, end, heredoc);
    if (body === undefined) throw wrong(place, `its heredoc is not closed: no line is \`${heredoc.name}\``);
    end = body.end;
    return { ...heredoc, content: body.content };
  });
  return { instruction: { keyword: keyword.toUpperCase(), rest, heredocs, place }, end };
}

/** An escape at the end of a line, perhaps with blanks after it, goes on in the next; comments and empty lines between are skipped. */
function joinLines(lines: readonly string[], start: number, escapeChar: string): { readonly text: string; readonly end: number } {
  const goesOn = new RegExp(`(?:^|[^\\${escapeChar}])\\${escapeChar}[ \\t]*$`);
  let text = '';
  for (let index = start; index < lines.length; index++) {
    const line = lines[index] ?? '';
    if (index > start && /^\s*(?:#.*)?$/.test(line)) continue;
    if (!goesOn.test(line)) return { text: text + line, end: index + 1 };
    text += line.trimEnd().slice(0, -1);
  }
  return { text, end: lines.length };
}

function heredocsIn(keyword: string, rest: string, escapeChar: string): readonly Omit<Heredoc, 'content'>[] {
  const [, trigger = '', triggered = ''] = keyword === 'ONBUILD' ? (/^(\S+)\s*([\s\S]*)$/.exec(rest) ?? []) : ['', keyword, rest];
  if (!['ADD', 'COPY', 'RUN'].includes(trigger.toUpperCase()) || /^\s*\[/.test(triggered)) return [];
  return splitWords(triggered, escapeChar).flatMap((word) => heredocOf(word, escapeChar) ?? []);
}

/** `<<EOF`, `3<<-"EOF"`. Undefined: it is none. */
export function heredocOf(word: string, escapeChar: string): Omit<Heredoc, 'content'> | undefined {
  const [, dash, written] = /^\d*<<(-?)([^<]+)$/.exec(word) ?? [];
  if (written === undefined) return undefined;
  try {
    const name = expand(written, { escapeChar, variable: () => undefined });
    return name === '' ? undefined : { name, expands: name === written, chomps: dash === '-' };
  } catch {
    // A quote that isn't closed: then it is text for the shell.
    return undefined;
  }
}

function readHeredoc(
  lines: readonly string[],
  start: number,
  { name, chomps }: Omit<Heredoc, 'content'>,
): { readonly content: string; readonly end: number } | undefined {
  const length = lines.slice(start).findIndex((line) => (chomps ? line.replace(/^\t+/, '') : line) === name);
  if (length < 0) return undefined;
  const content = lines.slice(start, start + length).map((line) => `${line}\n`);
  return { content: content.join(''), end: start + length + 1 };
}

/** What the heredoc holds: without the tabs that `<<-` takes away. */
export function heredocText({ content, chomps }: Heredoc): string {
  return chomps ? content.replace(/^\t+/gm, '') : content;
}
