/** What an image has at a path → a new volume (as Docker does when a volume is first used). */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { decodeFrames } from '../codec/launcher-frames.ts';
import { TsstackError } from '../model/errors.ts';
import type { VolumeContent } from '../model/resources.ts';
import { READ_SIZE } from '../store/blob-file.ts';
import { entryError } from './entry-error.ts';
import { unpackStream } from './unpack.ts';

export interface FillOptions {
  readonly launcherBinary: string;
  /** An empty directory that is mounted over in a namespace of its own. */
  readonly stageDirectory: string;
  readonly signal: AbortSignal;
}

/**
 * Copies the first of `contents` that its image has, with modes, owners, times and extended attributes, those of the directory itself,
 * too. Ids are the image's: a volume is idmapped when it is mounted. None of them has it: the directory stays empty.
 * @param directory empty. What of it is there after an error is the caller's to remove.
 */
export async function fillVolume(contents: readonly VolumeContent[], directory: string, options: FillOptions): Promise<void> {
  for (const content of contents) if (mayHave(content) && (await copy(content, directory, options))) return;
}

/** Without its first component it has no path: that is seen without mounting anything. */
function mayHave({ lowerdirs, path }: VolumeContent): boolean {
  const first = path.split('/')[1] ?? '';
  return lowerdirs.some((lowerdir) => fs.lstatSync(`${lowerdir}/${first}`, { throwIfNoEntry: false }) !== undefined);
}

/** The launcher's answer that no directory is there (PROTOCOL.md, `pack-merged`). */
const NOT_THERE = 3;

async function copy(content: VolumeContent, directory: string, { launcherBinary, stageDirectory, signal }: FillOptions): Promise<boolean> {
  signal.throwIfAborted();
  const args = ['pack-merged', stageDirectory, content.path, ...content.lowerdirs];
  const child = spawn(launcherBinary, args, { stdio: ['ignore', 'pipe', 'pipe'], signal, killSignal: 'SIGKILL' });
  const ended = Promise.all([once(child, 'close'), buffer(child.stderr)]);
  const chunks = child.stdout.iterator({ destroyOnReturn: false });
  try {
    const first = await chunks.next();
    if (first.done !== true) await unpack(Readable.from(rest(first.value as Buffer, chunks), { highWaterMark: READ_SIZE }), directory);
  } catch (error) {
    child.kill('SIGKILL');
    await ended.catch(() => undefined);
    signal.throwIfAborted();
    throw error;
  }
  const [[code], said] = await ended;
  if (code === NOT_THERE) return false;
  if (code !== 0) throw packError(content, said);
  return true;

  async function unpack(archive: Readable, target: string): Promise<void> {
    const fd = fs.openSync(target, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
    try {
      await unpackStream({ launcherBinary, directory: target, lockFd: fd, signal, archive });
    } finally {
      fs.closeSync(fd);
    }
  }
}

async function* rest(first: Buffer, chunks: AsyncIterable<unknown>): AsyncGenerator<Buffer> {
  yield first;
  for await (const chunk of chunks) yield chunk as Buffer;
}

function packError({ path }: VolumeContent, said: Buffer): TsstackError {
  const [frame] = decodeFrames(said).frames;
  const why = frame === undefined ? 'the launcher ended early' : entryError(frame.slice(1)).message;
  return new TsstackError(`cannot copy what the image has in \`${path}\`: ${why}`, { code: 'image' });
}
