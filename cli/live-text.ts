import type { TextStream } from './terminal.ts';

export interface LiveText extends Disposable {
  /** Takes the place of what was drawn before. Each line ended. */
  draw(text: string): void;
}

/**
 * A text on a terminal that is drawn over in place. A frame is one write in which each line overwrites its own place and clears only what is left of
 * it, within a synchronized update (DEC private mode 2026) where the terminal knows it: nothing is ever blank in between.
 * Sequences: ECMA-48 CPL, EL and ED; the cursor is hidden while it is used (DECTCEM).
 */
export function liveText(stream: TextStream): LiveText {
  let drawn = 0;
  let begun = false;
  return {
    draw(text) {
      const { columns, rows } = stream.size?.() ?? UNKNOWN_SIZE;
      // A line in the last column would wrap, and what has scrolled off can't be drawn over.
      const lines = cutRows(fitLines(text, columns - 1), rows - 1);
      const back = drawn > 0 ? `\x1b[${drawn}F` : '';
      const frame = lines.map((line) => `${line}\x1b[K\n`).join('');
      stream.write(`${begun ? '' : '\x1b[?25l'}\x1b[?2026h${back}${frame}\x1b[J\x1b[?2026l`);
      drawn = lines.length;
      begun = true;
    },
    [Symbol.dispose]() {
      if (begun) stream.write('\x1b[?25h');
    },
  };
}

/** Lines no longer than that; undefined: of any length. A cut one ends with `…`. */
export function fitLines(text: string, columns: number | undefined): string {
  if (columns === undefined) return text;
  return text
    .split('\n')
    .map((line) => (line.length > columns ? `${line.slice(0, Math.max(0, columns - 1))}…` : line))
    .join('\n');
}

const UNKNOWN_SIZE = { columns: 80, rows: 24 };

function cutRows(text: string, rows: number): readonly string[] {
  const lines = text.replace(/\n$/, '').split('\n');
  if (lines.length <= rows) return lines;
  const kept = lines.slice(0, Math.max(0, rows - 1));
  return [...kept, `… and ${lines.length - kept.length} more`];
}
