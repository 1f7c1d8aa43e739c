import { TsstackError } from '../../engine/model/errors.ts';
import type { PrunedKind } from '../../engine/model/images.ts';
import { defineCommand } from '../command.ts';
import { confirm } from '../confirm.ts';
import { alignColumns, formatBytes } from '../format.ts';
import { hostImages } from '../host-images.ts';

export const prune = defineCommand({
  name: 'prune',
  summary: 'remove what no stack of this host uses',
  usage: '',
  options: {
    all: { kind: 'flag', short: 'a', summary: 'images that no stack uses too, and all of the build cache' },
    volumes: { kind: 'flag', summary: 'volumes of stacks that are down too, with all that is in them' },
    'build-cache': { kind: 'flag', summary: 'all of the build cache, not only what was not used for seven days' },
    'dry-run': { kind: 'flag', summary: 'only say what would be removed' },
    force: { kind: 'flag', short: 'f', summary: 'do not ask' },
  },
  words: { min: 0, max: 0 },
  details: `Layers and blobs that belong to no image, what has come of pulls that were cut off, and builds' steps that were long not used.
A stack uses the images of its containers, whatever their state, and those that its last \`up\` names. What a running \`up\`, pull, build, save
or push needs stays. Asks before it removes anything, on a terminal; elsewhere it wants --force or --dry-run.`,
  async run(given, _words, { paths, terminal, global, interrupts }) {
    const { out, err } = terminal;
    const interactive = terminal.stdinIsTTY && err.isTTY;
    if (!given.force && !given['dry-run'] && !interactive) {
      throw new TsstackError('cannot ask whether to remove anything: this is no terminal', {
        code: 'usage',
        hint: '`--force` removes without being asked, `--dry-run` shows what that would be',
      });
    }
    const images = await hostImages(paths);
    const { signal } = interrupts;
    const options = { all: given.all, volumes: given.volumes, buildCache: given['build-cache'], signal };
    if (!given.force) {
      const found = await images.prune({ ...options, dryRun: true });
      if (given['dry-run'] && global.json) out.write(`${JSON.stringify(found)}\n`);
      else (given['dry-run'] ? out : err).write(renderPruned(found, 'nothing to remove\n'));
      if (given['dry-run'] || found.length === 0) return 0;
      if (!(await confirm('Remove all of this?', interrupts))) return 1;
    }
    const removed = await images.prune({ ...options, dryRun: false });
    if (global.json) out.write(`${JSON.stringify(removed)}\n`);
    else out.write(given.force ? renderPruned(removed, 'nothing to remove\n') : `${formatBytes(total(removed))} freed\n`);
    return 0;
  },
});

/** A line a kind; of what people have named, the names. */
export function renderPruned(kinds: readonly PrunedKind[], none: string): string {
  if (kinds.length === 0) return none;
  const rows = kinds.map(({ kind, names, bytes }) => [
    kind,
    String(names.length),
    bytes === undefined ? '' : formatBytes(bytes),
    kind === 'images' || kind === 'volumes' ? names.join(', ') : '',
  ]);
  return alignColumns([['KIND', 'COUNT', 'SIZE', ''], ...rows, ['total', '', formatBytes(total(kinds)), '']]);
}

function total(kinds: readonly PrunedKind[]): number {
  return kinds.reduce((sum, { bytes = 0 }) => sum + bytes, 0);
}
