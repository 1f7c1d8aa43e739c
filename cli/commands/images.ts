import type { ImageListing } from '../../engine/model/engine.ts';
import { defineCommand } from '../command.ts';
import { alignColumns, formatAge, formatBytes } from '../format.ts';

export const images = defineCommand({
  name: 'images',
  summary: 'list the images that are on this host',
  usage: '',
  options: {},
  words: { min: 0, max: 0 },
  details: 'Of all stacks. SIZE: of its layers as they were fetched, those included that other images share.',
  async run(_given, _words, { terminal, global, paths, now }) {
    const { listImages } = await import('../../engine/index.ts');
    const listings = listImages(paths);
    if (global.json) terminal.out.write(`${JSON.stringify(listings)}\n`);
    else if (listings.length === 0) terminal.err.write('there are no images; `tsstack up`, `pull` and `load` bring them\n');
    else terminal.out.write(renderImages(listings, now()));
    return 0;
  },
});

/** `now`: ms since the epoch. */
function renderImages(listings: readonly ImageListing[], now: number): string {
  const rows = listings.map(({ name, tag, digest, size, pulledAt, usedBy }) => [
    name,
    tag ?? '',
    digest.slice(0, 'sha256:'.length + 12),
    formatBytes(size),
    `${formatAge(now - pulledAt)} ago`,
    usedBy.join(', '),
  ]);
  return alignColumns([['NAME', 'TAG', 'DIGEST', 'SIZE', 'PULLED', 'USED BY'], ...rows]);
}
