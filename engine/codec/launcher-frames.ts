/**
 * Frames between engine and launcher: u32 length, little endian, then NUL-terminated strings (`native/launcher/PROTOCOL.md`).
 */

/** @throws RangeError if a string holds a NUL, which would end it early and shift all that follows. */
export function encodeFrame(strings: readonly string[]): Buffer {
  for (const text of strings)
    if (text.includes('\0')) throw new RangeError(`a string for the launcher holds a NUL: ${JSON.stringify(text)}`);
  const body = Buffer.from(strings.map((text) => `${text}\0`).join(''), 'utf8');
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(body.length);
  return Buffer.concat([header, body]);
}

/** Cuts the frames off the front of received bytes; `rest` is the beginning of the next one. */
export function decodeFrames(bytes: Buffer): { readonly frames: readonly (readonly string[])[]; readonly rest: Buffer } {
  const frames: string[][] = [];
  let rest = bytes;
  while (rest.length >= HEADER_BYTES) {
    const end = HEADER_BYTES + rest.readUInt32LE(0);
    if (rest.length < end) break;
    frames.push(rest.toString('utf8', HEADER_BYTES, end).split('\0').slice(0, -1));
    rest = rest.subarray(end);
  }
  return { frames, rest };
}

const HEADER_BYTES = 4;
