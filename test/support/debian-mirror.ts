/** What `scripts/debian-mirror.sh` has fetched of Debian, as a mirror on loopback: a fake host reaches no other. */
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, normalize } from 'node:path';
import { pipeline } from 'node:stream';

export const MIRROR = new URL('../../dist/debian-mirror', import.meta.url).pathname;

/** Why Debian images can't be made here. Undefined: they can. */
export function debianMissing(): string | undefined {
  if (!existsSync('/usr/bin/mmdebstrap')) return 'mmdebstrap is not installed';
  return existsSync(join(MIRROR, 'wanted')) ? undefined : 'scripts/debian-mirror.sh was not run (scripts/prepare.sh --test does)';
}

export interface DebianMirror {
  readonly url: string;
  /** Paths that were asked for. */
  readonly asked: readonly string[];
  stop(): Promise<void>;
}

/** `answers`: false for paths that get no answer at all, as of a mirror that is stuck. */
export async function startDebianMirror(answers: (path: string) => boolean = () => true): Promise<DebianMirror> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://mirror').pathname));
    asked.push(path);
    if (!answers(path)) return;
    // Only one index is there: whoever asks for it by its hash means that one.
    const file = join(MIRROR, path.replace(/\/by-hash\/.*$/, '/Packages.xz'));
    const found = statSync(file, { throwIfNoEntry: false });
    if (!found?.isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-length': found.size, 'last-modified': found.mtime.toUTCString() });
    // apt may leave in the middle and ask again: the file is closed then, too, and the error is nobody's.
    pipeline(createReadStream(file), response, () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
