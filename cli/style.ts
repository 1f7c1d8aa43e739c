/** SGR sequences (ECMA-48, 8.3.117): what starts each style and what ends it. */
const SGR = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  magenta: [35, 39],
  cyan: [36, 39],
  brightGreen: [92, 39],
  brightYellow: [93, 39],
  brightBlue: [94, 39],
  brightMagenta: [95, 39],
  brightCyan: [96, 39],
} as const;
export type Style = keyof typeof SGR;

export function paint(on: boolean, style: Style, text: string): string {
  if (!on || text === '') return text;
  const [start, end] = SGR[style];
  return `\x1b[${start}m${text}\x1b[${end}m`;
}

/**
 * Whether to write colors to a stream. `--no-color` decides, then FORCE_COLOR (as in Node: it beats NO_COLOR; `0` and `false` mean no), then
 * NO_COLOR (no-color.org: any value but the empty one), then whether it is a terminal.
 */
export function wantsColor(stream: { readonly isTTY?: boolean | undefined }, env: NodeJS.ProcessEnv, noColorOption: boolean): boolean {
  if (noColorOption) return false;
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  if (env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '') return false;
  return stream.isTTY === true && env['TERM'] !== 'dumb';
}
