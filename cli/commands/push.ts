import { TsstackError } from '../../engine/model/errors.ts';
import type { PushProgress } from '../../engine/model/images.ts';
import { defineCommand } from '../command.ts';
import { formatBytes, formatDuration } from '../format.ts';
import { hostImages } from '../host-images.ts';
import { liveText } from '../live-text.ts';
import type { Terminal } from '../terminal.ts';

export const push = defineCommand({
  name: 'push',
  summary: 'send images to their registries',
  usage: 'IMAGE…',
  options: { to: { kind: 'text', value: 'REFERENCE', summary: 'under that name; of one image' } },
  words: { min: 1, max: Number.POSITIVE_INFINITY },
  details: `IMAGE: a reference, which says where to, or with --to also the beginning of a digest. What the registry has is not sent, nor what another
of its repositories has. Credentials, proxies and the like are those of pulls (docs/registries.md). Of an image for several platforms, the
one that is here is sent.`,
  async run(given, words, { paths, terminal, global, interrupts }) {
    if (given.to !== undefined && words.length > 1) {
      throw new TsstackError('cannot push several images under one name', { code: 'usage', hint: '`--to` goes with one image' });
    }
    const images = await hostImages(paths);
    const view = progressView(terminal);
    const pushing = images.push(words, {
      to: given.to,
      signal: interrupts.signal,
      onProgress: view.onProgress,
      onNotice: view.onNotice,
    });
    const pushed = await pushing.finally(() => view[Symbol.dispose]());
    if (global.json) terminal.out.write(`${JSON.stringify(pushed)}\n`);
    else
      for (const { reference, digest, sent, durationMs } of pushed)
        terminal.err.write(`${reference} pushed: ${digest.slice(0, 19)}, ${formatBytes(sent)} in ${formatDuration(durationMs)}\n`);
    return 0;
  },
});

interface ProgressView extends Disposable {
  onProgress(progress: PushProgress): void;
  onNotice(message: string): void;
}

/** A line a blob on a terminal, nothing elsewhere: what has become of it all is told at the end. */
function progressView({ err }: Terminal): ProgressView {
  const live = err.isTTY ? liveText(err) : undefined;
  const blobs = new Map<string, PushProgress>();
  const notices: string[] = [];
  return {
    onProgress(progress) {
      blobs.set(`${progress.image} ${progress.digest}`, progress);
      live?.draw([...blobs.values()].map((each) => `${blobLine(each)}\n`).join(''));
    },
    // Between the lines that are drawn it would tear them.
    onNotice(message) {
      if (live === undefined) err.write(`note: ${message}\n`);
      else notices.push(message);
    },
    [Symbol.dispose]() {
      live?.[Symbol.dispose]();
      for (const message of notices) err.write(`note: ${message}\n`);
    },
  };
}

/** `3f9a1c2e55aa sending 34% of 12 MiB` */
export function blobLine({ digest, state, bytes, total }: PushProgress): string {
  const name = digest.slice(digest.indexOf(':') + 1).slice(0, 12);
  if (state === 'sending') return `${name} sending ${total === 0 ? 100 : Math.floor((100 * bytes) / total)}% of ${formatBytes(total)}`;
  return state === 'waiting' ? `${name} waiting` : `${name} ${OUTCOMES[state]}, ${formatBytes(total)}`;
}

const OUTCOMES = { present: 'is there already', mounted: 'taken from another repository', sent: 'sent' } as const;
