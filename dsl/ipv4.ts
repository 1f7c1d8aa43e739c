/** An IPv4 network: the 32-bit numbers of its first and last address. */
export interface Ipv4Range {
  readonly first: number;
  readonly last: number;
  readonly prefix: number;
}

/** Dotted quad without leading zeros (inet_aton(3) would read those as octal) → 32-bit number. */
export function parseIpv4(text: string): number | undefined {
  if (!/^(?:(?:0|[1-9]\d{0,2})(?:\.|$)){4}$/.test(text) || text.endsWith('.')) return undefined;
  let value = 0;
  for (const part of text.split('.')) {
    if (Number(part) > 255) return undefined;
    value = value * 256 + Number(part);
  }
  return value;
}

/** `10.1.0.0/16`. Host bits may be set: the range is that of the network. */
export function parseCidr(text: string): (Ipv4Range & { readonly address: number }) | undefined {
  const [addressText, prefixText, ...rest] = text.split('/');
  const address = parseIpv4(addressText ?? '');
  if (address === undefined || prefixText === undefined || rest.length > 0 || !/^\d{1,2}$/.test(prefixText)) return undefined;
  const prefix = Number(prefixText);
  if (prefix > 32) return undefined;
  const size = 2 ** (32 - prefix);
  const first = Math.floor(address / size) * size;
  return { address, prefix, first, last: first + size - 1 };
}

export function formatIpv4(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

export function rangesOverlap(a: Ipv4Range, b: Ipv4Range): boolean {
  return a.first <= b.last && b.first <= a.last;
}
