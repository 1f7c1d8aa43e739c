/** An IPv4 network: the 32-bit numbers of its first and last address. */
export interface Ipv4Range {
  readonly first: number;
  readonly last: number;
  readonly prefix: number;
}

/**
 * Dotted quad without leading zeros (inet_aton(3) would read those as octal) → 32-bit number. Character by character: where there are a thousand
 * networks, each plan reads thousands of them.
 */
export function parseIpv4(text: string): number | undefined {
  let [value, part, digits, dots] = [0, 0, 0, 0];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT) {
      if (digits === 0 || dots === 3) return undefined;
      value = value * 256 + part;
      dots++;
      [part, digits] = [0, 0];
      continue;
    }
    const digit = code - ZERO;
    if (digit < 0 || digit > 9 || (digits > 0 && part === 0)) return undefined;
    part = part * 10 + digit;
    digits++;
    if (part > 255) return undefined;
  }
  return digits > 0 && dots === 3 ? value * 256 + part : undefined;
}

const [DOT, ZERO] = [0x2e, 0x30];

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
