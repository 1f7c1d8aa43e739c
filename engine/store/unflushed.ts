/**
 * Nothing waits for the disk while an image is pulled: a blob or layer gets its name as soon as it is whole, and a mark says that it
 * may not be on the disk yet. `flush` has all of it written, and then the marks are taken away. If the machine goes down before that, the marks
 * are of an earlier boot: then those blobs are checked by their digest, those layers are extracted anew, and records that aren't whole are gone.
 * INVARIANT: the mark is made before the name. Both are changes of directories of one file system, and journalling ones (ext4, XFS,
 * Btrfs) never keep the later without the earlier: so what has a name and isn't on the disk has a mark.
 */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { verifyBlobFile } from './blob-file.ts';
import { parseDigest } from './digest.ts';
import { UNFINISHED } from './image-paths.ts';
import { flushFileSystem, flushFileSystemAside, removeDeep } from './launcher-runs.ts';
import { lockObject, type StoreContext } from './store-context.ts';

/** Of a record, the digest is that of its reference. */
export type ObjectKind = 'blob' | 'layer' | 'record';

export function markUnflushed({ paths, bootId }: StoreContext, kind: ObjectKind, digest: string): void {
  // One that is removed and made again while a flush goes on has a mark of its own.
  fs.writeFileSync(`${paths.unflushed}/${bootId} ${kind} ${digest} ${randomBytes(6).toString('hex')}`, '');
}

/** Waits for the disk. What comes meanwhile keeps its mark. */
export async function flush(context: StoreContext): Promise<void> {
  const marks = ownMarks(context);
  if (marks.length > 0) await flushFileSystem(context.launcherBinary, context.paths.unflushed, marks);
}

/**
 * Has it done, and waits for nothing. To be called now and then when what was to be started runs. Only of what was written a while ago: the
 * kernel has most of that on the disk by then (vm.dirty_expire_centisecs in sysctl/vm.rst: 30 s), while 300 MB just pulled would keep the
 * disk from the next pull (a second one took twice as long, measured).
 */
export function flushAside(context: StoreContext): void {
  const marks = ownMarks(context).filter((mark) => ageMs(`${context.paths.unflushed}/${mark}`) >= SETTLED_MS);
  if (marks.length > 0) flushFileSystemAside(context.launcherBinary, context.paths.unflushed, marks);
}

const SETTLED_MS = 60_000;

/** 0: it is gone. */
function ageMs(path: string): number {
  const stat = fs.statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? 0 : Date.now() - stat.mtimeMs;
}

/** As many as fit on a command line (execve(2): 2 MiB); the next flush takes the rest. */
const MARKS_MAX = 10_000;

function ownMarks({ paths, bootId }: StoreContext): string[] {
  const marks = fs.readdirSync(paths.unflushed).filter((name) => name.startsWith(bootId));
  return marks.slice(0, MARKS_MAX);
}

/** Removes what the machine's last end has left broken. To be done before anything in the store is relied on. */
export async function checkAfterCrash(context: StoreContext, signal: AbortSignal): Promise<void> {
  if (earlierMarks(context).length === 0) return;
  using _lock = await lockObject(context, 'check-after-crash', signal);
  for (const mark of earlierMarks(context)) {
    const [, kind, digest = ''] = mark.split(' ');
    if (kind === 'layer') await removeLayerDirectory(context, digest);
    else if (kind === 'record') checkRecord(context, digest);
    else await checkBlob(context, digest);
    fs.rmSync(`${context.paths.unflushed}/${mark}`, { force: true });
  }
}

function earlierMarks({ paths, bootId }: StoreContext): string[] {
  return fs.readdirSync(paths.unflushed).filter((name) => !name.startsWith(bootId));
}

async function removeLayerDirectory({ paths, launcherBinary }: StoreContext, digest: string): Promise<void> {
  const { hex } = parseDigest(digest);
  const unfinished = `${paths.layers}/${UNFINISHED}broken-${hex}`;
  if (!fs.existsSync(`${paths.layers}/${hex}`)) return;
  fs.renameSync(`${paths.layers}/${hex}`, unfinished);
  await removeDeep(launcherBinary, unfinished);
}

async function checkBlob({ paths }: StoreContext, digest: string): Promise<void> {
  const { algorithm, hex } = parseDigest(digest);
  const file = `${paths.blobs}/${algorithm}/${hex}`;
  if (fs.existsSync(file) && !(await verifyBlobFile(file, digest))) fs.rmSync(file);
}

function checkRecord({ paths }: StoreContext, digest: string): void {
  const file = `${paths.records}/${parseDigest(digest).hex}.json`;
  if (!fs.existsSync(file)) return;
  try {
    JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    fs.rmSync(file);
  }
}
