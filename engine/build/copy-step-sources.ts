/** Where files are copied from, whichever it is: the file system of an image or a stage, or a context. */
import { lstatSync } from 'node:fs';
import type { BuildContext } from './context.ts';
import type { ContextEntry } from './context-entry.ts';
import { hashSelection, type SelectedFile, type Selection, selectFiles, selectPath } from './copy-step-select.ts';
import { ignoreRules } from './ignore.ts';
import type { FileTree } from './layer-tree.ts';

export interface SourceFiles {
  /** What a pattern of `COPY` means. @throws TsstackError if it names something that isn't there. */
  readonly select: (pattern: string, exclude: readonly string[]) => Promise<readonly Selection[]>;
  /** The file or directory of that path. @throws TsstackError if it isn't there. */
  readonly selectPath: (path: string) => Promise<Selection>;
  /** Of what a selection is, not of when it was made. */
  readonly hash: (selection: Selection) => Promise<string>;
  /** Made in a container: owners and extended attributes mean something. */
  readonly isImage: boolean;
}

export function imageFiles(tree: FileTree): SourceFiles {
  return {
    select: async (pattern, exclude) => await selectFiles(tree, pattern, await ignoreRules(exclude)),
    selectPath: (path) => selectPath(tree, path),
    hash: hashSelection,
    isImage: true,
  };
}

export function contextFiles(context: BuildContext): SourceFiles {
  const entries = new WeakMap<Selection, readonly ContextEntry[]>();
  const select = async (pattern: string, exclude: readonly string[]): Promise<readonly Selection[]> => {
    const byRoot = new Map<string, ContextEntry[]>();
    for (const entry of await context.select([pattern], exclude)) {
      const found = byRoot.get(entry.root);
      if (found === undefined) byRoot.set(entry.root, [entry]);
      else found.push(entry);
    }
    return [...byRoot].map(([root, found]) => {
      const isDirectory = found.some(({ path, type }) => path === root && type === 'directory');
      const selection: Selection = { path: root, isDirectory, files: found.map(fileOf) };
      entries.set(selection, found);
      return selection;
    });
  };
  return {
    select,
    async selectPath(path) {
      const [selection] = await select(literally(path), []);
      if (selection === undefined) throw new Error(`nothing was selected of ${path}`);
      return selection;
    },
    hash: (selection) => context.hash(entries.get(selection) ?? []),
    isImage: false,
  };
}

function fileOf({ path, root, source, type }: ContextEntry): SelectedFile {
  const stat = lstatSync(source, { bigint: true });
  const below = path.slice(root.length).replace(/^\//, '');
  return { node: { path, file: source, stat, parts: type === 'directory' ? [source] : [] }, path: below };
}

/** As a pattern that means nothing else. */
function literally(path: string): string {
  return path.replace(/[*?[\\]/g, '\\$&');
}
