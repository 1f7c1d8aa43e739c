import type { NetworkListing } from '../../engine/model/network-listing.ts';
import { defineCommand } from '../command.ts';
import { alignColumns } from '../format.ts';
import { withRunningEngine } from '../with-engine.ts';

export const networks = defineCommand({
  name: 'networks',
  summary: 'list the networks of the stack',
  usage: '',
  options: { all: { kind: 'flag', short: 'a', summary: 'those of all stacks of this host' } },
  words: { min: 0, max: 0 },
  details: `KIND: internal has no way out, shared may be joined by other stacks, of STACK/NETWORK is another stack's. LINK: its bridge, or the host's link
that a macvlan is on. \`tsstack network inspect NAME\` tells who is on it.`,
  async run(given, _words, context) {
    const { terminal, global, paths } = context;
    const listings = given.all
      ? (await import('../../engine/index.ts')).listHostNetworks(paths)
      : await withRunningEngine(context, (engine) => engine.networks());
    if (global.json) terminal.out.write(`${JSON.stringify(listings)}\n`);
    else if (listings.length > 0) terminal.out.write(renderNetworks(listings, { withStack: given.all }));
    else terminal.err.write('there are no networks; `tsstack up -d` makes them\n');
    return 0;
  },
});

export function renderNetworks(listings: readonly NetworkListing[], { withStack }: { readonly withStack: boolean }): string {
  const rows = listings.map((network) => [
    ...(withStack ? [stackText(network)] : []),
    network.name,
    network.driver,
    network.subnets.map(({ subnet }) => subnet).join(', '),
    kindText(network),
    String(network.members.length),
    linkText(network),
  ]);
  return alignColumns([[...(withStack ? ['STACK'] : []), 'NAME', 'DRIVER', 'SUBNETS', 'KIND', 'CONTAINERS', 'LINK'], ...rows]);
}

function stackText({ stack, instance }: NetworkListing): string {
  return instance === undefined ? stack : `${stack} (${instance})`;
}

function kindText({ external, internal, hostAccess, shared }: NetworkListing): string {
  const words = [
    ...(external === undefined ? [] : [`of ${external}`]),
    ...(internal ? [hostAccess ? 'internal with host' : 'internal'] : []),
    ...(shared && external === undefined ? ['shared'] : []),
  ];
  return words.length === 0 ? '-' : words.join(', ');
}

function linkText({ link, present }: NetworkListing): string {
  if (link === undefined) return '-';
  return present ? link : `${link} (missing)`;
}
