import { readFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { TsstackError } from '../../engine/model/errors.ts';

export interface SourcePosition {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
}

/** An error in the user's file, with the place and the line of code if they are known. */
export function stackFileError(
  message: string,
  details: { readonly position?: SourcePosition | undefined; readonly source?: string; readonly hint?: string; readonly cause?: unknown },
): TsstackError {
  const { position, source, hint, cause } = details;
  const frame = position === undefined ? '' : `\n${codeFrame(position, source ?? readFileSync(position.file, 'utf8'))}`;
  return new TsstackError(message + frame, { code: 'invalid-stack-file', hint, ...(cause === undefined ? {} : { cause }) });
}

/** Where in the user's files an exception comes from: the topmost frame in one of them, through its source map. */
export function positionOf(error: unknown, mapOf: (file: string) => string | undefined): SourcePosition | undefined {
  if (!(error instanceof Error) || error.stack === undefined) return undefined;
  for (const [, path = '', line, column] of error.stack.matchAll(/^\s+at (?:.*\()?(?:async )?(\/.*):(\d+):(\d+)\)?$/gm)) {
    const map = mapOf(path);
    if (map === undefined) continue;
    const payload: SourceMapPayload = JSON.parse(map);
    const entry = new SourceMap(payload).findEntry(Number(line) - 1, Number(column) - 1);
    if ('originalLine' in entry) return { file: path, line: entry.originalLine + 1, column: entry.originalColumn + 1 };
  }
  return undefined;
}

function codeFrame({ file, line, column }: SourcePosition, source: string): string {
  const lines = source.split('\n');
  const first = Math.max(1, line - 2);
  const width = String(line + 1).length;
  const shown = lines.slice(first - 1, line + 1).flatMap((text, index) => {
    const number = first + index;
    const code = `  ${String(number).padStart(width)} | ${text}`.trimEnd();
    // A tab stays a tab, so that the mark stands under its character.
    return number === line ? [code, `  ${' '.repeat(width)} | ${text.slice(0, column - 1).replace(/[^\t]/g, ' ')}^`] : [code];
  });
  return [`  at ${file}:${line}:${column}`, ...shown].join('\n');
}
