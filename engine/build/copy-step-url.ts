/** `ADD` of what a web server has. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { utimes } from 'node:fs/promises';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { CopySource } from '../model/build.ts';
import { TsstackError } from '../model/errors.ts';
import type { FileTree } from './layer-tree.ts';

type UrlSource = Extract<CopySource, { readonly kind: 'url' }>;

export interface Downloaded {
  /** One directory with the file in it. */
  readonly tree: FileTree;
  readonly name: string;
  /** `sha256:…` */
  readonly digest: string;
}

/** The last component of its path. */
export function urlName(url: string): string {
  const name = decodeURIComponent(new URL(url).pathname.split('/').at(-1) ?? '');
  return name === '' || name.includes('/') || name === '..' || name === '.' ? 'index' : name;
}

export function urlKey({ url, checksum }: UrlSource, downloaded: Downloaded | undefined): string {
  return `url:${urlName(url)}:${checksum ?? downloaded?.digest ?? ''}`;
}

/** Into that directory. @throws TsstackError `image`: it can't be had, or isn't what the checksum says. */
export async function download(source: UrlSource, directory: string, signal: AbortSignal): Promise<Downloaded> {
  const { url, checksum } = source;
  const name = urlName(url);
  const file = `${directory}/${name}`;
  const response = await fetch(url, { signal, redirect: 'follow' }).catch((error: unknown) => {
    signal.throwIfAborted();
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw new TsstackError(`cannot download \`${url}\`: ${cause instanceof Error ? cause.message : String(cause)}`, {
      code: 'image',
      cause,
    });
  });
  if (!response.ok || response.body === null)
    throw new TsstackError(`cannot download \`${url}\`: the server says ${response.status} ${response.statusText}`.trimEnd(), {
      code: 'image',
    });
  const hash = createHash('sha256');
  const hashing = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  await pipeline(Readable.fromWeb(response.body as never), hashing, createWriteStream(file), { signal });
  const modified = Date.parse(response.headers.get('last-modified') ?? '');
  if (!Number.isNaN(modified)) await utimes(file, modified / 1000, modified / 1000);
  const digest = `sha256:${hash.digest('hex')}`;
  if (checksum === undefined || checksum === digest) return { tree: { directories: [directory] }, name, digest };
  throw new TsstackError(`cannot use \`${url}\`: what came has the checksum \`${digest}\`, not \`${checksum}\``, { code: 'image' });
}
