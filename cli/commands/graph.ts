import fs from 'node:fs';
import path from 'node:path';
import { TsstackError } from '../../engine/model/errors.ts';
import { defineCommand } from '../command.ts';
import type { StackGraph } from '../graph/graph.ts';
import { suggestion } from '../suggest.ts';

export const graph = defineCommand({
  name: 'graph',
  summary: 'draw the services, networks, ports and dependencies of the stack file',
  usage: '',
  options: {
    format: { kind: 'text', value: 'FORMAT', summary: '`svg`, `mermaid` or `json` (default: by the name of the file, else `mermaid`)' },
    output: { kind: 'text', short: 'o', value: 'FILE', summary: 'where to (default, and `-`: standard output)' },
  },
  words: { min: 0, max: 0 },
  details: 'From the stack file alone: nothing need run, and it takes no root.',
  async run(given, _words, { loadStack, terminal, global, paths }) {
    const file = given.output === '-' ? undefined : given.output;
    const format = chooseFormat(given.format ?? (global.json ? 'json' : undefined), file);
    const { spec } = await loadStack();
    const { stackGraph } = await import('../graph/graph.ts');
    const text = await FORMATS[format](stackGraph(spec));
    if (file === undefined) terminal.out.write(text);
    else write(path.resolve(paths.directory, file), text);
    return 0;
  },
});

const FORMATS = {
  svg: async (drawn: StackGraph) => (await import('../graph/svg.ts')).renderSvg(drawn),
  mermaid: async (drawn: StackGraph) => (await import('../graph/mermaid.ts')).renderMermaid(drawn),
  json: async (drawn: StackGraph) => `${JSON.stringify(drawn, undefined, 2)}\n`,
};
type Format = keyof typeof FORMATS;

const BY_EXTENSION: Readonly<Record<string, Format>> = { '.svg': 'svg', '.json': 'json' };

function chooseFormat(wanted: string | undefined, file: string | undefined): Format {
  if (wanted === undefined) return BY_EXTENSION[path.extname(file ?? '').toLowerCase()] ?? 'mermaid';
  if (isFormat(wanted)) return wanted;
  throw new TsstackError(`unknown format \`${wanted}\``, { code: 'usage', hint: suggestion(wanted, Object.keys(FORMATS)) });
}

function isFormat(word: string): word is Format {
  return Object.hasOwn(FORMATS, word);
}

function write(file: string, text: string): void {
  try {
    fs.writeFileSync(file, text);
  } catch (cause) {
    throw new TsstackError(`cannot write \`${file}\`: ${cause instanceof Error ? cause.message : String(cause)}`, { code: 'usage', cause });
  }
}
