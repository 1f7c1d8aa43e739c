import { createWriteStream, renameSync, rmSync, statSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { TsstackError } from '../../engine/model/errors.ts';
import { defineCommand } from '../command.ts';
import { hostImages } from '../host-images.ts';

export const save = defineCommand({
  name: 'save',
  summary: 'write images to an archive',
  usage: 'IMAGE…',
  options: { output: { kind: 'text', short: 'o', value: 'FILE', summary: 'where to (default, and `-`: standard output)' } },
  words: { min: 1, max: Number.POSITIVE_INFINITY },
  details: `An OCI image layout as a tar archive, which \`tsstack load\`, \`docker load\`, podman and skopeo (oci-archive:) read. The same images
make the same archive. IMAGE: a reference, or the beginning of a digest. FILE is there when it is whole.`,
  async run(given, words, { paths, terminal, interrupts }) {
    const file = given.output === '-' ? undefined : given.output;
    if (file === undefined && terminal.out.isTTY) {
      throw new TsstackError('cannot write an archive to a terminal', { code: 'usage', hint: '`-o FILE` names a file' });
    }
    const images = await hostImages(paths);
    const write = (output: Writable, signal: AbortSignal) => images.save(words, output, signal);
    if (file === undefined) await toStdout(write, AbortSignal.any([interrupts.signal, terminal.out.closed]));
    else await toFile(file, write, interrupts.signal);
    return 0;
  },
});

type Write = (output: Writable, signal: AbortSignal) => Promise<void>;

/** Under its name when it is whole; what isn't a file (`/dev/null`, a named pipe) is written to as it is. */
async function toFile(file: string, write: Write, signal: AbortSignal): Promise<void> {
  const there = statSync(file, { throwIfNoEntry: false });
  if (there?.isDirectory()) throw new TsstackError(`cannot write \`${file}\`: it is a directory`, { code: 'usage' });
  const direct = there !== undefined && !there.isFile();
  const unfinished = direct ? file : `${file}.${process.pid}.part`;
  const output = createWriteStream(unfinished);
  const written = finished(output);
  // Told by `write`, or below: it must not be nobody's meanwhile.
  written.catch(() => undefined);
  try {
    await write(output, signal);
    output.end();
    await written;
    if (!direct) renameSync(unfinished, file);
  } catch (error) {
    output.destroy();
    if (!direct) rmSync(unfinished, { force: true });
    throw output.errored === null || error !== output.errored ? error : cannotWrite(file, output.errored);
  }
}

function cannotWrite(file: string, cause: Error): TsstackError {
  const why = cause.message.replace(/^\w+: /, '').replace(/, \w+( '.*)?$/, '');
  return new TsstackError(`cannot write \`${file}\`: ${why}`, { code: 'image', cause });
}

async function toStdout(write: Write, signal: AbortSignal): Promise<void> {
  await write(process.stdout, signal);
  // What is still in Node's own memory would be lost at the end of the process.
  await new Promise<void>((resolve, reject) => process.stdout.write('', (error) => (error ? reject(error) : resolve())));
}
