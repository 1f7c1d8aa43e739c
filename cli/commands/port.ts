import { socketText } from '../../dsl/addresses.ts';
import { groupBy } from '../../dsl/multimap.ts';
import type { PortListing } from '../../engine/model/engine.ts';
import { TsstackError } from '../../engine/model/errors.ts';
import { defineCommand } from '../command.ts';
import { alignColumns } from '../format.ts';
import { oncePerPair } from '../published.ts';
import { checkKnown } from '../targets.ts';
import { withRunningEngine } from '../with-engine.ts';

export const port = defineCommand({
  name: 'port',
  summary: 'print where published ports are reached',
  usage: '[SERVICE|CONTAINER] [PORT[/udp]]',
  options: {},
  words: { min: 0, max: 2 },
  details: `PORT is the one in the container. With it, only addresses are printed, one a line: \`curl "$(tsstack port web 80)"\`. What is published on both
127.0.0.1 and ::1, or on both 0.0.0.0 and ::, is printed once; \`--json\` has all.`,
  run: (_given, words, context) =>
    withRunningEngine(context, async (engine, stack) => {
      const asked = readWords(words);
      const targets = await checkKnown(asked.target === undefined ? [] : [asked.target], { engine, stack });
      const all = await engine.ports({ targets });
      const ports = all.filter((one) => asked.port === undefined || portText(one) === asked.port);
      if (ports.length === 0) throw notPublished(asked, all, engine.identity.name);
      const { out } = context.terminal;
      if (context.global.json) out.write(`${JSON.stringify(ports)}\n`);
      else out.write(asked.port === undefined ? renderPorts(ports) : `${oncePerPair(ports.map(addressText)).join('\n')}\n`);
      return 0;
    }),
});

interface Asked {
  readonly target: string | undefined;
  /** `80/tcp` */
  readonly port: string | undefined;
}

/** A word alone that is a number is a port: services are rarely called that. */
function readWords([first, second]: readonly string[]): Asked {
  const isPort = (word: string | undefined) => word !== undefined && /^\d+(\/|$)/.test(word);
  if (second !== undefined) return { target: first, port: readPort(second) };
  return isPort(first) ? { target: undefined, port: readPort(first ?? '') } : { target: first, port: undefined };
}

function readPort(word: string): string {
  const [, number, protocol = 'tcp'] = /^(\d{1,5})(?:\/(tcp|udp))?$/.exec(word) ?? [];
  if (number === undefined || Number(number) < 1 || Number(number) > 65535)
    throw new TsstackError(`\`${word}\` is no port`, { code: 'usage', hint: 'ports are written as `80` or `53/udp`' });
  return `${Number(number)}/${protocol}`;
}

function renderPorts(ports: readonly PortListing[]): string {
  const rows = groupBy(ports, (one) => `${one.service} ${portText(one)}`);
  const cells = [...rows.values()].map((same) => [
    same[0]?.service ?? '',
    same[0] ? portText(same[0]) : '',
    oncePerPair(same.map(addressText)).join(', '),
  ]);
  return alignColumns([['SERVICE', 'PORT', 'REACHED AT'], ...cells]);
}

function notPublished({ target, port: wanted }: Asked, all: readonly PortListing[], stack: string): TsstackError {
  const whose = target === undefined ? `stack \`${stack}\`` : `\`${target}\``;
  const published = [...new Set(all.map(portText))];
  const hint = published.length > 0 ? `published are: ${published.join(', ')}` : '`tsstack ps` shows what is there';
  const message = wanted === undefined ? `no port of ${whose} is published` : `port ${wanted} of ${whose} is not published`;
  return new TsstackError(message, { code: 'not-found', hint });
}

function portText({ containerPort, protocol }: PortListing): string {
  return `${containerPort}/${protocol}`;
}

function addressText({ hostAddress, hostPort }: PortListing): string {
  return socketText(hostAddress, hostPort);
}
