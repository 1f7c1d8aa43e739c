/**
 * The CRI log format, which the monitors write and `kubectl`-like tools read: one record a line,
 * `2026-11-22T20:00:00.123456789Z stdout F text`. Tag `P`: the line goes on in the stream's next record; `F`: it ends here.
 * (Kubernetes design proposal "kubelet-cri-logging".) Text is bytes: a long line may be cut inside a UTF-8 sequence.
 */
export interface LogRecord {
  /** RFC 3339, UTC, nanoseconds. Fixed width, so that comparing text compares times. */
  readonly time: string;
  readonly stream: LogStream;
  readonly partial: boolean;
  readonly text: Uint8Array;
}
export type LogStream = 'stdout' | 'stderr';

/** One record, without its newline. Undefined: not in this format (a write torn by a full disk or a power cut). */
export function parseLogRecord(line: Uint8Array): LogRecord | undefined {
  const timeEnd = line.indexOf(SPACE);
  const streamEnd = line.indexOf(SPACE, timeEnd + 1);
  const tagEnd = line.indexOf(SPACE, streamEnd + 1);
  if (timeEnd < 0 || streamEnd < 0 || tagEnd < 0 || tagEnd > MAX_HEADER) return undefined;
  const header = ascii.decode(line.subarray(0, tagEnd));
  const match = HEADER.exec(header);
  if (match === null) return undefined;
  const [, time = '', stream, tags = ''] = match;
  // Tags are a list separated by colons; only the first is defined, later ones are to be ignored.
  const partial = tags === 'P' || tags.startsWith('P:');
  return { time, stream: stream === 'stderr' ? 'stderr' : 'stdout', partial, text: line.subarray(tagEnd + 1) };
}

export interface JoinedLine {
  /** When its first part was written. */
  readonly time: string;
  readonly stream: LogStream;
  readonly text: string;
}

/** Parts of lines that have not ended yet, a list for each stream. */
export interface OpenLines {
  stdout: LogRecord[];
  stderr: LogRecord[];
}

export function noOpenLines(): OpenLines {
  return { stdout: [], stderr: [] };
}

/**
 * Adds a record to the open line of its stream. Returns the line if that ended it, or if it grew past `MAX_LINE` bytes: a program
 * that never writes a newline must not fill our memory.
 */
export function joinRecord(open: OpenLines, record: LogRecord): JoinedLine | undefined {
  const parts = open[record.stream];
  parts.push(record);
  if (record.partial && parts.reduce((sum, part) => sum + part.text.length, 0) < MAX_LINE) return undefined;
  open[record.stream] = [];
  return joined(parts);
}

/** What is left when no more will come. */
export function closeLines(open: OpenLines): JoinedLine[] {
  const lines = [open.stdout, open.stderr].filter((parts) => parts.length > 0).map(joined);
  open.stdout = [];
  open.stderr = [];
  return lines.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
}

/** `since` of a command in ms since the epoch, in the width of the records' times. */
export function logTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000000Z');
}

function joined(parts: readonly LogRecord[]): JoinedLine {
  const [first] = parts;
  if (first === undefined) return { time: '', stream: 'stdout', text: '' };
  const text = parts.length === 1 ? utf8.decode(first.text) : utf8.decode(Buffer.concat(parts.map((part) => part.text)));
  return { time: first.time, stream: first.stream, text };
}

const SPACE = 0x20;
/** Time, stream and tags: 30 + 1 + 6 + 1 and room for tags to come. */
const MAX_HEADER = 100;
const MAX_LINE = 1024 * 1024;
const HEADER = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) (stdout|stderr) ([FP](?::[^ ]*)?)$/;
const ascii = new TextDecoder('latin1');
// `ignoreBOM`: a byte order mark is part of what the program wrote.
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
