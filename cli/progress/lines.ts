import { paint } from '../style.ts';
import type { TextStream } from '../terminal.ts';
import { type ProgressView, wordFor } from './tracker.ts';

/** For pipes, files and CI: a line when something is done. `verbose`: a line for every step too. */
export function lineView(stream: TextStream, options: { readonly verbose: boolean }): ProgressView {
  return {
    planned() {},
    began() {},
    ended({ label }, result) {
      const word = wordFor(result);
      if ('outcome' in result) stream.write(`${label} ${word}\n`);
      // Why is told once, at the end, as the command's error.
      else if ('error' in result) stream.write(`${label} ${paint(stream.color, 'red', word)}\n`);
      else stream.write(`${label} ${paint(stream.color, 'dim', options.verbose ? `${word}: ${result.skipped}` : word)}\n`);
    },
    ...(options.verbose && {
      stepDone({ id, resource, op, cause }, durationMs) {
        stream.write(paint(stream.color, 'dim', `#${id} ${resource}, ${op.kind}, ${cause} (${durationMs.toFixed(1)} ms)`) + '\n');
      },
    }),
    async close() {},
  };
}
