/** A directory, or an archive made one: what both kinds of image archives are read from. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { Descriptor } from '../codec/image-manifest.ts';
import { TsstackError } from '../model/errors.ts';
import { READ_SIZE } from '../store/blob-file.ts';
import { removeDeep } from '../store/launcher-runs.ts';
import type { Lease } from '../store/lease.ts';
import { ObjectLock } from '../store/object-lock.ts';
import { storeError } from '../store/store-error.ts';
import type { ImageStore } from './image-store.ts';
import { extractArchive } from './unpack.ts';

export interface ArchiveDirectory extends AsyncDisposable {
  /** As given by the user, for messages. */
  readonly name: string;
  /** The path of a file in it. @throws TsstackError `image` if it isn't there, or leads out of it. */
  file(relative: string): string;
  has(relative: string): boolean;
}

/** @param source a directory, or a tar archive, compressed or not. @throws TsstackError `image`; the signal's reason. */
export async function openArchive(store: ImageStore, source: string, signal: AbortSignal): Promise<ArchiveDirectory> {
  const stat = fs.statSync(source, { throwIfNoEntry: false });
  if (stat === undefined) throw new TsstackError(`cannot load \`${source}\`: it does not exist`, { code: 'image' });
  if (stat.isDirectory()) return directoryAt(source, source, async () => undefined);
  const { paths, launcherBinary } = store.context;
  const name = createHash('sha256').update(`${process.pid} ${performance.now()} ${source}`).digest('hex').slice(0, 16);
  const scratch = `${paths.scratch}/${name}`;
  const lock = ObjectLock.tryAcquire(`${paths.locks}/scratch-${name}`);
  if (lock === undefined) throw new TsstackError(`cannot load \`${source}\`: somebody else does`, { code: 'image' });
  const close = async () => {
    await removeDeep(launcherBinary, scratch);
    lock[Symbol.dispose]();
  };
  try {
    fs.mkdirSync(scratch, { mode: 0o700 });
    await extractArchive({ launcherBinary, directory: scratch, file: source, mediaType: '', lockFd: lock.fd, signal });
  } catch (error) {
    await close();
    signal.throwIfAborted();
    throw new TsstackError(`cannot load \`${source}\`: ${error instanceof Error ? error.message : String(error)}`, {
      code: 'image',
      cause: error,
    });
  }
  return directoryAt(scratch, source, close);
}

/** Symbolic links in it may lead to other files in it: old archives of Docker share layers so. */
function directoryAt(directory: string, name: string, close: () => Promise<void>): ArchiveDirectory {
  const root = fs.realpathSync(directory);
  const find = (relative: string): string | undefined => {
    try {
      const real = fs.realpathSync(path.join(root, relative));
      return real.startsWith(`${root}/`) && fs.statSync(real).isFile() ? real : undefined;
    } catch (error) {
      if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'ELOOP'))
        return undefined;
      throw storeError(`cannot load \`${name}\``, error);
    }
  };
  return {
    name,
    has: (relative) => find(relative) !== undefined,
    file(relative) {
      const found = find(relative);
      if (found === undefined) throw new TsstackError(`cannot load \`${name}\`: there is no file \`${relative}\` in it`, { code: 'image' });
      return found;
    },
    [Symbol.asyncDispose]: close,
  };
}

/** Copies a file into the store. @throws TsstackError `image` if it isn't what the descriptor says. */
export async function storeFile(
  store: ImageStore,
  file: string,
  descriptor: Descriptor,
  { lease, signal }: { readonly lease: Lease; readonly signal: AbortSignal },
): Promise<void> {
  lease.hold([descriptor.digest]);
  await using writer = await store.writeBlob(descriptor, signal);
  if (writer === undefined) return;
  // What a download has left is as good as any.
  for await (const chunk of fs.createReadStream(file, { start: writer.offset, highWaterMark: READ_SIZE, signal }))
    await writer.write(chunk as Buffer);
  await writer.commit();
}
