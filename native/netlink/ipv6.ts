/** `fd00::a` → sixteen bytes: all forms of RFC 4291, 2.2, a zone index (`%eth0`) excepted. Throws RangeError if it isn't one. */
export function encodeIpv6(address: string): Uint8Array {
  const bytes = parse(address);
  if (bytes === undefined) throw new RangeError(`\`${address}\` is not an IPv6 address`);
  return bytes;
}

/** Canonical text (RFC 5952, 4): lower case, no leading zeros, the first longest run of two or more zero groups as `::`, mapped IPv4 as such. */
export function decodeIpv6(bytes: Uint8Array): string {
  if (MAPPED.every((byte, index) => byte === bytes[index])) return `::ffff:${bytes.subarray(MAPPED.length).join('.')}`;
  const groups = Array.from({ length: 8 }, (_, index) => ((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0));
  const { start, length } = longestZeros(groups);
  const text = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':');
  return length < 2 ? text(groups) : `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`;
}

function parse(address: string): Uint8Array | undefined {
  const [head = '', tail, ...rest] = address.split('::');
  if (rest.length > 0) return undefined;
  const before = groupsOf(head, tail === undefined);
  const after = groupsOf(tail ?? '', true);
  if (before === undefined || after === undefined) return undefined;
  const zeros = 8 - before.length - after.length;
  if (tail === undefined ? zeros !== 0 : zeros < 1) return undefined;
  const groups = [...before, ...new Array<number>(zeros).fill(0), ...after];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

/** `atEnd`: the last two groups may be in dotted decimal. Undefined: malformed. */
function groupsOf(text: string, atEnd: boolean): number[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  const dotted = atEnd
    ? /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/
        .exec(parts.at(-1) ?? '')
        ?.slice(1)
        .map(Number)
    : undefined;
  if (dotted?.some((byte) => byte > 255)) return undefined;
  const hex = dotted ? parts.slice(0, -1) : parts;
  if (hex.some((part) => !/^[0-9a-f]{1,4}$/i.test(part))) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = dotted ?? [];
  return [...hex.map((part) => Number.parseInt(part, 16)), ...(dotted ? [(a << 8) | b, (c << 8) | d] : [])];
}

function longestZeros(groups: readonly number[]): { readonly start: number; readonly length: number } {
  let longest = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > longest.length) longest = { start, length };
    start += length;
  }
  return longest;
}

/** ::ffff:0:0/96 (RFC 4291, 2.5.5.2) */
const MAPPED = [...new Array<number>(10).fill(0), 0xff, 0xff];
