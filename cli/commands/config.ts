import { bracketed } from '../../dsl/addresses.ts';
import type { NetworkSpec, PortSpec, ServiceSpec, StackSpec } from '../../dsl/spec.ts';
import { defineCommand } from '../command.ts';
import { formatBytes } from '../format.ts';

export const config = defineCommand({
  name: 'config',
  summary: 'print what the stack file means, with every default filled in',
  usage: '',
  options: {
    services: { kind: 'flag', summary: 'only the names of the services, one a line' },
    summary: { kind: 'flag', summary: 'a short form for people instead of JSON' },
  },
  words: { min: 0, max: 0 },
  async run(given, _words, context) {
    const { spec } = await context.loadStack();
    const { out } = context.terminal;
    if (given.services)
      out.write(
        Object.keys(spec.services)
          .map((name) => `${name}\n`)
          .join(''),
      );
    else if (given.summary && !context.global.json) out.write(renderSummary(spec));
    else out.write(`${JSON.stringify(spec, undefined, 2)}\n`);
    return 0;
  },
});

function renderSummary(spec: StackSpec): string {
  const lines = [`stack ${spec.name}`];
  for (const [name, service] of Object.entries(spec.services)) {
    lines.push(`  ${service.kind} ${name}${service.replicas === 1 ? '' : ` × ${service.replicas}`}`);
    for (const [label, text] of serviceFacts(service)) if (text !== '') lines.push(`    ${label}: ${text}`);
  }
  for (const [name, network] of Object.entries(spec.networks)) lines.push(`  ${[`network ${name}`, ...networkFacts(network)].join(', ')}`);
  for (const name of Object.keys(spec.volumes)) lines.push(`  volume ${name}`);
  return lines.map((line) => `${line}\n`).join('');
}

function networkFacts({ external, macvlan, internal, hostAccess, shared, subnet, ipv6, mtu }: NetworkSpec): readonly string[] {
  const owner = external?.kind === 'stack' ? [`of ${external.stack}/${external.network}`] : external ? [`bridge ${external.ifname}`] : [];
  return [
    ...owner,
    ...(macvlan === undefined ? [] : [`macvlan on ${macvlan.parent}`]),
    ...(internal ? [hostAccess ? 'internal with host' : 'internal'] : []),
    ...(shared ? ['shared'] : []),
    ...(subnet === undefined ? [] : [subnet]),
    ...(ipv6 === undefined ? [] : [`IPv6 ${ipv6.subnet ?? 'of this host'} (${ipv6.way})`]),
    ...(mtu === undefined ? [] : [`mtu ${mtu}`]),
  ];
}

function modeText({ networkMode }: ServiceSpec): string {
  return networkMode.kind === 'service' ? `that of ${networkMode.service}` : networkMode.kind === 'host' ? 'that of the host' : '';
}

function serviceFacts(service: ServiceSpec): readonly (readonly [string, string])[] {
  const { image, limits } = service;
  const imageText = image.kind === 'reference' ? image.reference : image.kind === 'rootfs' ? image.path : 'the host’s userland';
  const limitTexts = Object.entries(limits).flatMap(([name, value]) => {
    if (value === undefined) return [];
    return [`${name} ${typeof value === 'number' && BYTES.has(name) ? formatBytes(value) : value}`];
  });
  return [
    ['image', imageText],
    ['command', [...(service.entrypoint ?? []), ...(service.command ?? [])].map(quoted).join(' ')],
    ['networks', service.networks.map(({ network }) => network).join(', ')],
    ['network', modeText(service)],
    ['ports', service.ports.map(portText).join(', ')],
    [
      'mounts',
      service.mounts.map((mount) => ('source' in mount ? `${mount.source} → ${mount.target}` : `tmpfs → ${mount.target}`)).join(', '),
    ],
    [
      'depends on',
      Object.entries(service.dependsOn)
        .map(([name, { condition }]) => `${name} (${condition})`)
        .join(', '),
    ],
    ['limits', limitTexts.join(', ')],
    ['restart', service.restart.policy === 'no' ? '' : service.restart.policy],
  ];
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

const BYTES = new Set(['memory', 'memoryReservation', 'swap']);

function portText({ hostAddresses, hostPorts, containerPort, protocol }: PortSpec): string {
  const port = hostPorts === undefined ? 'any' : [...new Set([hostPorts.first, hostPorts.last])].join('-');
  return hostAddresses.map((address) => `${bracketed(address)}:${port} → ${containerPort}/${protocol}`).join(', ');
}
