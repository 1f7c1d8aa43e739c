import { TsstackError } from '../../engine/model/errors.ts';
import { defineCommand } from '../command.ts';
import { hostImages } from '../host-images.ts';

export const load = defineCommand({
  name: 'load',
  summary: 'take the images of an archive into the store',
  usage: '',
  options: { input: { kind: 'text', short: 'i', value: 'FILE', summary: 'where from (default, and `-`: standard input)' } },
  words: { min: 0, max: 0 },
  details: `FILE: an OCI image layout, as a directory or a tar archive, or an archive of \`docker save\`; compressed or not. Prints the references,
a line each. A name without a tag gets \`latest\`; an image without a name can be told by its digest.`,
  async run(given, _words, { paths, terminal, global, interrupts }) {
    const file = given.input === '-' ? undefined : given.input;
    if (file === undefined && terminal.stdinIsTTY) {
      throw new TsstackError('cannot load an archive from a terminal', { code: 'usage', hint: '`-i FILE` names a file' });
    }
    const images = await hostImages(paths);
    const loaded = await images.load(file ?? process.stdin, interrupts.signal);
    if (global.json) terminal.out.write(`${JSON.stringify(loaded)}\n`);
    else for (const { name } of loaded) terminal.out.write(`${name}\n`);
    return 0;
  },
});
