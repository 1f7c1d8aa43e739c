/** Directories that steps share between builds: `RUN --mount=type=cache`. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import type { ImageStore } from '../image/image-store.ts';
import type { RunMount } from '../model/build.ts';
import { ObjectLock } from '../store/object-lock.ts';
import { lockObject } from '../store/store-context.ts';
import { buildDirectory } from './cache.ts';
import type { CacheDirectory } from './run-step.ts';

type CacheMount = Extract<RunMount, { readonly type: 'cache' }>;

/** `<state>/images/build/cache/<name>`, made if it isn't there. @throws TsstackError `image`; the signal's reason. */
export async function openCache(store: ImageStore, mount: CacheMount, signal: AbortSignal): Promise<CacheDirectory> {
  const name = createHash('sha256').update(mount.id).digest('hex').slice(0, 32);
  const { directory, lock } = await take(store, { name, sharing: mount.sharing, signal });
  try {
    makeDirectory(directory, mount);
  } catch (error) {
    lock?.[Symbol.dispose]();
    throw error;
  }
  return { directory, [Symbol.dispose]: () => lock?.[Symbol.dispose]() };
}

interface Wanted extends Pick<CacheMount, 'sharing'> {
  readonly name: string;
  readonly signal: AbortSignal;
}

async function take(store: ImageStore, { name, sharing, signal }: Wanted): Promise<{ directory: string; lock: ObjectLock | undefined }> {
  const directory = `${buildDirectory(store)}/cache/${name}`;
  if (sharing === 'shared') return { directory, lock: undefined };
  if (sharing === 'locked') return { directory, lock: await lockObject(store.context, `cache-${name}`, signal) };
  for (let number = 1; ; number++) {
    const own = number === 1 ? name : `${name}-${number}`;
    const lock = ObjectLock.tryAcquire(`${store.context.paths.locks}/cache-${own}`);
    if (lock !== undefined) return { directory: `${buildDirectory(store)}/cache/${own}`, lock };
  }
}

/** With its attributes before it has its name; one that is there stays as it is. */
function makeDirectory(directory: string, { uid, gid, mode }: CacheMount): void {
  if (fs.existsSync(directory)) return;
  fs.mkdirSync(directory.slice(0, directory.lastIndexOf('/')), { recursive: true, mode: 0o700 });
  const unfinished = fs.mkdtempSync(`${directory}.`);
  fs.chownSync(unfinished, uid, gid);
  fs.chmodSync(unfinished, mode);
  try {
    fs.renameSync(unfinished, directory);
  } catch (error) {
    fs.rmdirSync(unfinished);
    // Another step was faster, and has used it since.
    if (!(error instanceof Error && 'code' in error && (error.code === 'ENOTEMPTY' || error.code === 'EEXIST'))) throw error;
  }
}
