/** Which proxy a URL is asked through, by the environment: HTTP_PROXY, HTTPS_PROXY, NO_PROXY, as Go's httpproxy and curl(1) read them. */
import { isIP } from 'node:net';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Undefined: directly. Throws `Error` naming the variable if that is not the address of a proxy. */
export function proxyFor(url: URL, environment: Environment): URL | undefined {
  const name = url.protocol === 'https:' ? 'https_proxy' : 'http_proxy';
  const written = either(environment, name);
  if (written === undefined || isLoopback(url.hostname) || isExcepted(url, either(environment, 'no_proxy') ?? '')) return undefined;
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(written) ? written : `http://${written}`;
  if (!URL.canParse(text)) throw new Error(`\`${name.toUpperCase()}\` is not the address of a proxy`);
  const proxy = new URL(text);
  if (proxy.protocol !== 'http:' && proxy.protocol !== 'https:') {
    throw new Error(
      `\`${name.toUpperCase()}\` names a proxy of the kind \`${proxy.protocol.slice(0, -1)}\`; only http and https are supported`,
    );
  }
  return proxy;
}

/** Nobody's proxy can reach what is on our own host. */
export function isLoopback(hostname: string): boolean {
  const host = unbracketed(hostname).toLowerCase();
  return host === 'localhost' || host.endsWith('.localhost') || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function isExcepted(url: URL, list: string): boolean {
  const host = unbracketed(url.hostname).toLowerCase();
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return list.split(',').some((item) => {
    const rule = item.trim().toLowerCase();
    if (rule === '') return false;
    if (rule === '*') return true;
    if (rule.includes('/')) return inRange(host, rule);
    const [, name = '', rulePort] = /^\[?([^\]]*?)\]?(?::(\d+))?$/.exec(isIP(rule) === 6 ? `[${rule}]` : rule) ?? [];
    if (rulePort !== undefined && rulePort !== port) return false;
    const domain = name.replace(/^\*?\./, '');
    // An address matches itself; a name its subdomains too, and only those if it begins with a dot.
    return (host === domain && domain === name) || (isIP(domain) === 0 && host.endsWith(`.${domain}`));
  });
}

/** IPv4 only: `10.0.0.0/8`. */
function inRange(host: string, cidr: string): boolean {
  const [network = '', bits = ''] = cidr.split('/');
  if (isIP(host) !== 4 || isIP(network) !== 4 || !/^\d+$/.test(bits) || Number(bits) > 32) return false;
  const shift = 2 ** (32 - Number(bits));
  return Math.floor(toNumber(host) / shift) === Math.floor(toNumber(network) / shift);
}

function toNumber(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** Small letters first: HTTP_PROXY is what a CGI server sets from a request's Proxy header. */
function either(environment: Environment, name: string): string | undefined {
  return environment[name] || environment[name.toUpperCase()] || undefined;
}

function unbracketed(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}
