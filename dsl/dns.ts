/** How a container looks names up. */
import { canonicalAddress } from './addresses.ts';
import type { IssuePath } from './issues.ts';
import { DOMAIN, HOSTNAME } from './names.ts';
import type { ServiceShape } from './schema.ts';
import type { ExtraHostsShape } from './schema-network.ts';
import type { Scope } from './scope.ts';
import type { DnsSpec } from './spec.ts';

export function readDns({ dns, dnsSearch, dnsOpt }: ServiceShape, path: IssuePath, scope: Scope): DnsSpec {
  const servers = entriesOf(dns, [...path, 'dns']).flatMap(({ text, at }) => {
    const address = canonicalAddress(text);
    if (address !== undefined) return [address];
    scope.log.add(at, text, 'must be an IPv4 or IPv6 address');
    return [];
  });
  // resolv.conf(5) has no word for an empty list; `.`, the root, is what other tools take for it.
  const search = entriesOf(dnsSearch, [...path, 'dnsSearch']).filter(({ text }) => text !== '.');
  for (const { text, at } of search) if (!DOMAIN.test(text)) scope.log.add(at, text, 'must be a domain such as `example.com`');
  const options = entriesOf(dnsOpt, [...path, 'dnsOpt']);
  for (const { text, at } of options) {
    if (!/^[a-z0-9-]+(?::\d+)?$/.test(text)) scope.log.add(at, text, 'must be an option of resolv.conf(5), such as `ndots:2`');
  }
  return {
    servers,
    search: dnsSearch === undefined ? undefined : search.map(({ text }) => text),
    options: dnsOpt === undefined ? undefined : options.map(({ text }) => text),
  };
}

/** Name → addresses; a name that is there twice has all of them. */
export function readExtraHosts(
  written: ExtraHostsShape | undefined,
  path: IssuePath,
  scope: Scope,
): Readonly<Record<string, readonly string[]>> {
  const result = new Map<string, string[]>();
  for (const { name, address, at } of Array.isArray(written) ? textHosts(written, path, scope) : recordHosts(written ?? {}, path)) {
    const canonical = address === 'host-gateway' ? address : canonicalAddress(address);
    if (!HOSTNAME.test(name)) scope.log.add(at, name, 'is no hostname');
    else if (canonical === undefined) scope.log.add(at, address, 'must be an IPv4 or IPv6 address, or `host-gateway`');
    else result.set(name, [...new Set([...(result.get(name) ?? []), canonical])]);
  }
  return Object.fromEntries(result);
}

interface ExtraHost {
  readonly name: string;
  readonly address: string;
  readonly at: IssuePath;
}

/** `name:address`; no name has a colon, so that the rest may. Compose's newer `name=address` is the same. */
function textHosts(written: readonly string[], path: IssuePath, scope: Scope): readonly ExtraHost[] {
  return written.flatMap((text, index) => {
    const at = [...path, index];
    const [, name, address] = /^([^:=]+)[:=](.+)$/.exec(text) ?? [];
    if (name !== undefined && address !== undefined) return [{ name, address, at }];
    scope.log.add(at, text, 'must be `name:address`, such as `db.example:192.0.2.1` or `db.example:[2001:db8::1]`');
    return [];
  });
}

function recordHosts(written: Readonly<Record<string, string | readonly string[]>>, path: IssuePath): readonly ExtraHost[] {
  return Object.entries(written).flatMap(([name, addresses]) =>
    entriesOf(addresses, [...path, name]).map(({ text, at }) => ({ name, address: text, at })),
  );
}

function entriesOf(written: string | readonly string[] | undefined, path: IssuePath): readonly { text: string; at: IssuePath }[] {
  if (written === undefined) return [];
  return typeof written === 'string' ? [{ text: written, at: path }] : written.map((text, index) => ({ text, at: [...path, index] }));
}
