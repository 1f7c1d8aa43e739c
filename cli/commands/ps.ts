import type { ContainerListing } from '../../engine/model/engine.ts';
import { defineCommand } from '../command.ts';
import { alignColumns, count, formatAge } from '../format.ts';
import { signalText } from '../progress/happenings.ts';
import { oncePerPair } from '../published.ts';
import { checkKnown, isNamed } from '../targets.ts';
import { withRunningEngine } from '../with-engine.ts';

export const ps = defineCommand({
  name: 'ps',
  summary: 'list the containers of the stack',
  usage: '[SERVICE|CONTAINER…]',
  options: { all: { kind: 'flag', short: 'a', summary: 'those too that ended as they should (exit code 0)' } },
  words: { min: 0, max: Number.POSITIVE_INFINITY },
  details: `SINCE: how long it has run, or how long ago it ended. RESTARTS: by its policy, its health or repair since it was last brought up. WHY: why
something doesn't run, or not as it should.`,
  run: (given, words, context) =>
    withRunningEngine(context, async (engine, stack) => {
      const names = await checkKnown(words, { engine, stack });
      const all = (await engine.ps()).filter((listing) => isNamed(listing, names));
      const listings = all.filter((listing) => given.all || !endedWell(listing));
      const { out, err } = context.terminal;
      if (context.global.json) out.write(`${JSON.stringify(listings)}\n`);
      else if (listings.length > 0) out.write(renderListings(listings, context.now()));
      if (listings.length === 0) err.write(`${whyNone(all.length)}\n`);
      return 0;
    }),
});

function whyNone(ended: number): string {
  if (ended === 0) return 'there are no containers; `tsstack up -d` makes them';
  return `nothing runs; \`tsstack ps -a\` shows ${count(ended, 'container')} that ended`;
}

/** `now`: ms since the epoch. The last column is there if it has something to say. */
function renderListings(listings: readonly ContainerListing[], now: number): string {
  const header = ['NAME', 'STATE', 'SINCE', 'RESTARTS', 'ADDRESS', 'PORTS'];
  const rows = listings.map((listing) => [
    listing.fullName,
    stateText(listing),
    sinceText(listing, now),
    String(listing.restarts),
    addressText(listing),
    oncePerPair(listing.ports).join(', '),
  ]);
  const reasons = listings.map(({ reason, exit }) => reason ?? exit?.error ?? '');
  if (reasons.every((reason) => reason === '')) return alignColumns([header, ...rows]);
  return alignColumns([[...header, 'WHY'], ...rows.map((row, i) => [...row, reasons[i] ?? ''])]);
}

/** `10.128.3.2, 10.128.4.2`; `10.128.3.2 of web-1`; `the host's`. */
function addressText({ addresses, network }: ContainerListing): string {
  if (network?.kind === 'host') return "the host's";
  const text = Object.values(addresses).join(', ');
  return network === undefined ? text : `${text} of ${network.container}`.trim();
}

/** `running (healthy)`, `paused`, `exited 1`, `exited 137 (SIGKILL)`, `exited 137 (out of memory)`. */
function stateText({ state, health, paused, exit }: ContainerListing): string {
  if (state === 'running') return paused ? 'paused' : health === undefined ? 'running' : `running (${health})`;
  if (state !== 'stopped') return state;
  // Nobody saw its end: the machine or its monitor was killed.
  if (exit === undefined) return 'ended';
  const how = exit.oomKilled ? 'out of memory' : exit.signal === undefined ? undefined : signalText(exit.signal);
  return how === undefined ? `exited ${exit.code}` : `exited ${exit.code} (${how})`;
}

function sinceText({ state, startedAt, finishedAt }: ContainerListing, now: number): string {
  if (state === 'running') return startedAt === undefined ? '' : formatAge(now - startedAt);
  return state !== 'stopped' || finishedAt === undefined ? '' : `${formatAge(now - finishedAt)} ago`;
}

/** As it should: whoever waits to be started again has not. */
function endedWell({ state, exit, reason }: ContainerListing): boolean {
  return state === 'stopped' && exit?.code === 0 && reason === undefined;
}
