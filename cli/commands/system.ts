import { TsstackError } from '../../engine/model/errors.ts';
import type { DiskUsage, PlaceUsage } from '../../engine/model/images.ts';
import { defineCommand } from '../command.ts';
import { alignColumns, formatBytes } from '../format.ts';
import { hostImages } from '../host-images.ts';

export const system = defineCommand({
  name: 'system',
  summary: 'show what all stacks take of the disk (`system df`)',
  usage: 'df',
  options: { verbose: { kind: 'flag', short: 'v', summary: 'each image, container and volume too' } },
  words: { min: 1, max: 1 },
  details: `RECLAIMABLE: what \`tsstack prune --all --volumes\` would free. LAYERS are counted uncompressed, BLOBS as they were fetched; images consist
of both. A layer that several images share is there once.`,
  async run(given, [what = ''], { paths, terminal, global, interrupts }) {
    if (what !== 'df') {
      throw new TsstackError(`unknown word \`${what}\` of \`tsstack system\``, {
        code: 'usage',
        hint: 'there is only `tsstack system df`',
      });
    }
    const usage = await (await hostImages(paths)).diskUsage(interrupts.signal);
    if (global.json) terminal.out.write(`${JSON.stringify(usage)}\n`);
    else terminal.out.write(given.verbose ? `${renderKinds(usage)}${renderEach(usage)}` : renderKinds(usage));
    return 0;
  },
});

export function renderKinds({ kinds }: DiskUsage): string {
  const rows = kinds.map(({ kind, count, inUse, bytes, reclaimable }) => [
    kind,
    String(count),
    String(inUse),
    bytes === undefined ? '-' : formatBytes(bytes),
    bytes === undefined ? '-' : formatBytes(reclaimable),
  ]);
  return alignColumns([['KIND', 'COUNT', 'IN USE', 'SIZE', 'RECLAIMABLE'], ...rows]);
}

/** A table each, where there is something to say. */
function renderEach({ images, containers, volumes }: DiskUsage): string {
  const imageRows = images.map(({ name, bytes, shared, usedBy }) => [
    name,
    formatBytes(bytes),
    formatBytes(shared),
    formatBytes(bytes - shared),
    usedBy.join(', '),
  ]);
  return [
    table(['IMAGE', 'SIZE', 'SHARED', 'UNIQUE', 'USED BY'], imageRows),
    table(['CONTAINER', 'SIZE', 'RUNS'], placeRows(containers)),
    table(['VOLUME', 'SIZE', 'IN USE'], placeRows(volumes)),
  ].join('');
}

function placeRows(places: readonly PlaceUsage[]): string[][] {
  return places.map(({ name, bytes, inUse }) => [name, formatBytes(bytes), inUse ? 'yes' : 'no']);
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  return rows.length === 0 ? '' : `\n${alignColumns([header, ...rows])}`;
}
