/** One address and the names that resolve to it, the canonical one first. */
export interface HostsEntry {
  readonly address: string;
  readonly names: readonly string[];
}

/**
 * /etc/hosts of a container (hosts(5)): localhost, then the entries in the order given.
 * A name that several entries bear (the replicas of a service) has a line for each: resolvers return all of them, the first one first.
 */
export function renderHosts(entries: readonly HostsEntry[]): string {
  const lines = entries.filter((entry) => entry.names.length > 0).map((entry) => `${entry.address}\t${unique(entry.names).join(' ')}`);
  return [...LOCALHOST, ...lines, ''].join('\n');
}

function unique(names: readonly string[]): readonly string[] {
  return names.filter((name, i) => names.indexOf(name) === i);
}

const LOCALHOST = [
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::0\tip6-localnet',
  'ff00::0\tip6-mcastprefix',
  'ff02::1\tip6-allnodes',
  'ff02::2\tip6-allrouters',
];
