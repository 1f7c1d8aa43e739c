import type { ContainerListing } from '../../engine/model/engine.ts';
import { defineCommand } from '../command.ts';
import { alignColumns, count, formatAge } from '../format.ts';
import { checkServices } from '../services.ts';
import { withEngine } from '../with-engine.ts';

export const ps = defineCommand({
  name: 'ps',
  summary: 'list the containers of the stack',
  usage: '[SERVICE…]',
  options: { all: { kind: 'flag', short: 'a', summary: 'those too that ended as they should (exit code 0)' } },
  words: { min: 0, max: Number.POSITIVE_INFINITY },
  run: (given, words, context) =>
    withEngine(context, async (engine, stack) => {
      const services = checkServices(words, stack.spec);
      const all = (await engine.ps()).filter(({ service }) => services === undefined || services.includes(service));
      const listings = all.filter((listing) => given.all || !endedWell(listing));
      const { out, err } = context.terminal;
      out.write(context.global.json ? `${JSON.stringify(listings)}\n` : renderListings(listings, context.now()));
      if (listings.length === 0) err.write(`${whyNone(all.length)}\n`);
      return 0;
    }),
});

function whyNone(ended: number): string {
  if (ended === 0) return 'there are no containers; `tsstack up -d` makes them';
  return `nothing runs; \`tsstack ps -a\` shows ${count(ended, 'container')} that ended`;
}

/** `now`: ms since the epoch. */
export function renderListings(listings: readonly ContainerListing[], now: number): string {
  const header = ['NAME', 'SERVICE', 'STATUS', 'ADDRESS', 'PORTS', 'IMAGE'];
  const rows = listings.map((listing) => [
    listing.fullName,
    listing.service,
    statusText(listing, now),
    Object.values(listing.addresses).join(', '),
    listing.ports.join(', '),
    listing.image,
  ]);
  return alignColumns([header, ...rows]);
}

/** `running 3 min`, `exited (1) 5 s ago`, `out of memory 5 s ago`. */
export function statusText({ state, startedAt, finishedAt, exit }: ContainerListing, now: number): string {
  if (state === 'running') return startedAt === undefined ? 'running' : `running ${formatAge(now - startedAt)}`;
  if (state !== 'stopped') return state;
  const ago = finishedAt === undefined ? '' : ` ${formatAge(now - finishedAt)} ago`;
  // Nobody saw its end: the machine or its monitor was killed.
  if (exit === undefined) return `ended${ago}`;
  if (exit.oomKilled) return `out of memory${ago}`;
  return `exited (${exit.code})${ago}`;
}

function endedWell({ state, exit }: ContainerListing): boolean {
  return state === 'stopped' && exit?.code === 0;
}
