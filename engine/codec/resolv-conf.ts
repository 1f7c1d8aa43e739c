/** What Docker falls back to when the host has only resolvers on its own loopback, which a container cannot reach. */
const FALLBACK = ['8.8.8.8', '8.8.4.4'];

/**
 * The host's resolv.conf (resolv.conf(5)) as a container should see it: without nameservers on the host's loopback, which in the container
 * is another one, and without IPv6 ones, which its networks have no way to. None left: public ones, as Docker documents.
 * `upstream`: nameservers that a local stub (systemd-resolved: /run/systemd/resolve/resolv.conf) forwards to, tried before those.
 */
export function containerResolvConf(host: string, upstream: string | undefined): string {
  const lines = host.split('\n').map((line) => line.trim());
  const nameservers = [reachable(host), reachable(upstream ?? ''), FALLBACK].find((list) => list.length > 0) ?? FALLBACK;
  const others = lines.filter((line) => /^(search|domain|options|sortlist)\s/.test(line) && line !== 'search .');
  return [...nameservers.map((address) => `nameserver ${address}`), ...others, ''].join('\n');
}

function reachable(text: string): string[] {
  const addresses = [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map((match) => match[1] ?? '');
  return addresses.filter((address) => /^\d+\.\d+\.\d+\.\d+$/.test(address) && !address.startsWith('127.') && address !== '0.0.0.0');
}
