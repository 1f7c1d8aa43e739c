import { TsstackError } from '../../engine/model/errors.ts';
import type { NetworkListing } from '../../engine/model/network-listing.ts';
import { defineCommand } from '../command.ts';
import { suggestion } from '../suggest.ts';
import { withRunningEngine } from '../with-engine.ts';

export const network = defineCommand({
  name: 'network',
  summary: 'print all that is known of networks, as JSON (`network inspect NAME`)',
  usage: 'inspect NAME…',
  options: {},
  words: { min: 2, max: Number.POSITIVE_INFINITY },
  details: `A list, in the order asked for: subnets, gateways, options, link, and each container on it with its addresses, MAC, names and published ports.
NAME: a network of this stack, or STACK/NAME for one of any stack on this host.`,
  async run(_given, [what = '', ...names], context) {
    if (what !== 'inspect') {
      const message = `unknown word \`${what}\` of \`tsstack network\``;
      throw new TsstackError(message, { code: 'usage', hint: 'there is only `tsstack network inspect`; `tsstack networks` lists them' });
    }
    const elsewhere = names.some((name) => name.includes('/'))
      ? (await import('../../engine/index.ts')).listHostNetworks(context.paths)
      : [];
    const own = names.every((name) => name.includes('/')) ? [] : await withRunningEngine(context, (engine) => engine.networks());
    const found = names.flatMap((name) => (name.includes('/') ? inspected(name, elsewhere, fullName) : inspected(name, own, shortName)));
    context.terminal.out.write(`${JSON.stringify(found, undefined, 2)}\n`);
    return 0;
  },
});

/** Several, if several stacks of one name have it. */
function inspected(name: string, among: readonly NetworkListing[], nameOf: (network: NetworkListing) => string): readonly NetworkListing[] {
  const found = among.filter((network) => nameOf(network) === name);
  if (found.length > 0) return found;
  const hint = among.length === 0 ? '`tsstack up -d` makes the networks of a stack' : suggestion(name, among.map(nameOf));
  throw new TsstackError(`there is no network \`${name}\``, { code: 'not-found', hint });
}

function shortName({ name }: NetworkListing): string {
  return name;
}

function fullName({ stack, name }: NetworkListing): string {
  return `${stack}/${name}`;
}
