/** Tar archives byte by byte: what no tool would write. Layout: tar(5), "POSIX ustar Archives". */

export interface TarEntry {
  readonly name: string;
  /** `0` */
  readonly type?: string;
  readonly content?: string | Buffer;
  readonly link?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** s since the epoch */
  readonly mtime?: number;
  readonly device?: readonly [major: number, minor: number];
  /** Records of an extended header before it. */
  readonly pax?: Readonly<Record<string, string | Buffer>>;
  /** In the header, if not that of the content. */
  readonly size?: number;
  /** `ustar\0` and `00` */
  readonly magic?: string;
  /** Bytes put into the header, by offset. */
  readonly raw?: Readonly<Record<number, string>>;
}

export function tar(entries: readonly TarEntry[]): Buffer {
  return Buffer.concat([...entries.map(tarEntry), Buffer.alloc(1024)]);
}

export function tarEntry(entry: TarEntry): Buffer {
  const content = Buffer.from(entry.content ?? '');
  const parts = [header(entry, content.length), padded(content)];
  if (entry.pax === undefined) return Buffer.concat(parts);
  const records = Buffer.concat(Object.entries(entry.pax).map(([key, value]) => paxRecord(key, value)));
  return Buffer.concat([header({ name: 'pax', type: 'x' }, records.length), padded(records), ...parts]);
}

/** The length counts its own digits. */
export function paxRecord(key: string, value: string | Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from('\n')]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

export function padded(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

function header(entry: TarEntry, contentSize: number): Buffer {
  const block = Buffer.alloc(512);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, '0');
  block.write(entry.name, 0, 100, 'utf8');
  block.write(octal(entry.mode ?? (entry.type === '5' ? 0o755 : 0o644), 7), 100);
  block.write(octal(entry.uid ?? 0, 7), 108);
  block.write(octal(entry.gid ?? 0, 7), 116);
  block.write(octal(entry.size ?? contentSize, 11), 124);
  block.write(octal(entry.mtime ?? 1_000_000_000, 11), 136);
  block.write('        ', 148);
  block.write(entry.type ?? '0', 156, 1, 'latin1');
  block.write(entry.link ?? '', 157, 100, 'utf8');
  block.write(entry.magic ?? 'ustar\x0000', 257, 8, 'latin1');
  const [major = 0, minor = 0] = entry.device ?? [];
  block.write(octal(major, 7), 329);
  block.write(octal(minor, 7), 337);
  for (const [offset, text] of Object.entries(entry.raw ?? {})) block.write(text, Number(offset), 'latin1');
  block.write(
    `${octal(
      block.reduce((sum, byte) => sum + byte, 0),
      6,
    )}\0 `,
    148,
  );
  return block;
}
