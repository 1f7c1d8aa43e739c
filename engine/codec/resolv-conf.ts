/** What a resolv.conf says, as far as we understand it (resolv.conf(5)). */
export interface ResolvConf {
  /** IPv4 and IPv6, the latter perhaps with a zone: `fe80::1%eth0`. In the order in which they are asked. */
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
}

/** Of several `search` or `domain` lines the last one counts. A search for the root is none. */
export function parseResolvConf(text: string): ResolvConf {
  const lines = text.split('\n').map((line) =>
    line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/),
  );
  const after = (...keywords: string[]) => lines.filter(([word]) => keywords.includes(word ?? '')).map(([, ...rest]) => rest);
  return {
    nameservers: after('nameserver').flatMap(([address]) => address ?? []),
    search: (after('search', 'domain').at(-1) ?? []).filter((domain) => domain !== '.'),
    options: after('options').flat(),
  };
}

export function renderResolvConf({ nameservers, search, options }: ResolvConf): string {
  return [
    ...nameservers.map((address) => `nameserver ${address}`),
    ...(search.length > 0 ? [`search ${search.join(' ')}`] : []),
    ...(options.length > 0 ? [`options ${options.join(' ')}`] : []),
    '',
  ].join('\n');
}

/** What Docker falls back to when the host has only resolvers on its own loopback, which a container cannot reach. */
const FALLBACK = ['8.8.8.8', '8.8.4.4'];

/**
 * The host's resolv.conf as a container should see it that has no DNS server of ours: without nameservers on the host's loopback, which in
 * the container is another one, and without IPv6 ones, which its networks have no way to. None left: public ones, as Docker documents.
 * `upstream`: nameservers that a local stub (systemd-resolved: /run/systemd/resolve/resolv.conf) forwards to, tried before those.
 */
export function containerResolvConf(host: string, upstream: string | undefined): string {
  const lines = host.split('\n').map((line) => line.trim());
  const nameservers = [reachable(host), reachable(upstream ?? ''), FALLBACK].find((list) => list.length > 0) ?? FALLBACK;
  const others = lines.filter((line) => /^(search|domain|options|sortlist)\s/.test(line) && line !== 'search .');
  return [...nameservers.map((address) => `nameserver ${address}`), ...others, ''].join('\n');
}

function reachable(text: string): string[] {
  const { nameservers } = parseResolvConf(text);
  return nameservers.filter((address) => /^\d+\.\d+\.\d+\.\d+$/.test(address) && !address.startsWith('127.') && address !== '0.0.0.0');
}
