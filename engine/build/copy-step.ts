/** `COPY` and `ADD`: what is copied, a hash of it, and how it is put on top of the layers there are. */
import { readImageUsers } from '../image/users.ts';
import type { CopyOrigin, CopySource, CopyStep } from '../model/build.ts';
import { TsstackError } from '../model/errors.ts';
import { type ArchiveFile, openLocalArchive } from './copy-step-archive.ts';
import { resolveOwner } from './copy-step-owner.ts';
import { cleanPath, type Selection, selectPath } from './copy-step-select.ts';
import type { SourceFiles } from './copy-step-sources.ts';
import { type Downloaded, urlKey, urlName } from './copy-step-url.ts';
import { copySelection, type Layering, makeDirectories, setTimes, type WriteOptions, writeContent } from './copy-step-write.ts';
import { type FileTree, findNode } from './layer-tree.ts';

export interface CopyContext {
  readonly open: (origin: CopyOrigin) => Promise<SourceFiles>;
  readonly download: (source: Extract<CopySource, { readonly kind: 'url' }>) => Promise<Downloaded>;
  readonly extract: (archive: ArchiveFile) => Promise<FileTree>;
}

export interface PreparedCopy {
  /** For the step's key: all that is copied, by content. */
  readonly content: readonly string[];
  /** @throws TsstackError `image` */
  readonly write: (layering: Layering) => Promise<void>;
}

interface Source {
  readonly key: string;
  readonly name: string;
  readonly isDirectory: boolean;
  /** To that path, which names it, or for a directory where its content goes. */
  readonly write: (layering: Layering, path: string) => Promise<void>;
  /** Of `--parents`: directories that lead to it. */
  readonly below: string;
}

/** Finds and reads what is copied; nothing is written yet. @throws TsstackError `image` if something isn't there. */
export async function prepareCopy(step: CopyStep, lowerdirs: readonly string[], context: CopyContext): Promise<PreparedCopy> {
  const owner = step.owner === undefined ? undefined : resolveOwner(step.owner, readImageUsers(lowerdirs));
  const sources: Source[] = [];
  for (const source of step.sources) sources.push(...(await SOURCES[source.kind](source as never, { step, owner, context })));
  if (sources.length === 0) throw new TsstackError('no file matches', { code: 'image' });
  return {
    content: sources.map(({ key }) => key),
    async write(layering) {
      for (const source of sources) await source.write(layering, await placeOf(source, step, { layering, count: sources.length, owner }));
      await setTimes(layering);
    },
  };
}

interface SourceOptions {
  readonly step: CopyStep;
  readonly owner: WriteOptions['owner'];
  readonly context: CopyContext;
}

const ROOT = { uid: 0, gid: 0 };

const SOURCES: {
  readonly [K in CopySource['kind']]: (source: Extract<CopySource, { kind: K }>, options: SourceOptions) => Promise<readonly Source[]>;
} = { files: fileSources, content: contentSource, url: urlSource };

async function fileSources(
  { from, pattern, unpack }: Extract<CopySource, { kind: 'files' }>,
  { step, owner, context }: SourceOptions,
): Promise<readonly Source[]> {
  const files = await context.open(from);
  const { isImage } = files;
  const selections = await files.select(pattern, step.exclude);
  const options: WriteOptions = { owner: owner ?? (isImage ? undefined : ROOT), mode: step.mode, attributes: isImage };
  return await Promise.all(
    selections.map(async (selection): Promise<Source> => {
      const name = selection.path.slice(selection.path.lastIndexOf('/') + 1);
      const content = await files.hash(selection);
      const archive = unpack && !selection.isDirectory ? await openLocalArchive(selection.files[0]?.node.file ?? '') : undefined;
      const below = step.parents ? parentsOf(pattern, selection) : '';
      if (archive === undefined) {
        const write = (layering: Layering, path: string) => copySelection(layering, selection, path, options);
        return { key: `${below}:${content}`, name, isDirectory: selection.isDirectory, write, below };
      }
      return { key: `unpack:${content}`, name, isDirectory: true, write: unpacker(archive, { step, owner, context }), below };
    }),
  );
}

/** Owners are those of the archive. */
function unpacker(archive: ArchiveFile, { step, owner, context }: SourceOptions): Source['write'] {
  return async (layering, path) => {
    const tree = await context.extract(archive);
    await copySelection(layering, await selectPath(tree, '/'), path, { owner, mode: step.mode, attributes: true });
  };
}

async function contentSource(
  { name, content }: Extract<CopySource, { kind: 'content' }>,
  { step, owner }: SourceOptions,
): Promise<readonly Source[]> {
  const options: WriteOptions = { owner: owner ?? ROOT, mode: step.mode, attributes: false };
  const write = (layering: Layering, path: string) => writeContent(layering, path, content, options);
  return [{ key: `content:${name}:${content}`, name, isDirectory: false, write, below: '' }];
}

async function urlSource(
  source: Extract<CopySource, { kind: 'url' }>,
  { step, owner, context }: SourceOptions,
): Promise<readonly Source[]> {
  // Without a checksum only what is there now says whether it has changed.
  const known = source.checksum === undefined ? await context.download(source) : undefined;
  const options: WriteOptions = { owner: owner ?? ROOT, mode: step.mode ?? 0o600, attributes: false };
  const write = async (layering: Layering, path: string) => {
    const { tree, name } = known ?? (await context.download(source));
    await copySelection(layering, await selectPath(tree, name), path, options);
  };
  return [{ key: urlKey(source, known), name: urlName(source.url), isDirectory: false, write, below: '' }];
}

/** Of `a/./b/c` only what is below the `.` counts (Dockerfile reference, `COPY --parents`). */
function parentsOf(pattern: string, { path, isDirectory }: Selection): string {
  const pivot = pattern.indexOf('/./');
  const skipped = pivot < 0 ? 0 : cleanPath(pattern.slice(0, pivot)).length;
  const names = path.split('/').slice(skipped);
  return (isDirectory ? names : names.slice(0, -1)).join('/');
}

interface PlaceOptions {
  readonly layering: Layering;
  readonly count: number;
  readonly owner: WriteOptions['owner'];
}

/** Where a source goes (Dockerfile reference, `COPY`, "Destination"): into a directory, or to be that file. */
async function placeOf(source: Source, { target, parents }: CopyStep, { layering, count, owner }: PlaceOptions): Promise<string> {
  const clean = `/${cleanPath(target).join('/')}`;
  const into = source.below === '' ? clean : `${clean === '/' ? '' : clean}/${source.below}`;
  if (source.isDirectory) {
    await makeDirectories(layering, into, owner);
    return into;
  }
  const there = await findNode(layering.tree, clean);
  const isDirectory = target.endsWith('/') || parents || there?.stat.isDirectory() === true;
  if (!isDirectory && count > 1)
    throw new TsstackError(`cannot copy several files to \`${target}\`: it is no directory`, { code: 'image', hint: 'end it with a `/`' });
  return isDirectory ? `${into === '/' ? '' : into}/${source.name}` : clean;
}
