/** Digests where one that cannot be verified is an error: of what is in the store, or is to be. */
import { type Digest, parseDigest as readDigest } from '../codec/digest.ts';
import { TsstackError } from '../model/errors.ts';

/** @throws TsstackError `image`. What it gives is safe as a file name. */
export function parseDigest(text: string): Digest {
  const digest = readDigest(text);
  if (digest !== undefined) return digest;
  throw new TsstackError(`cannot use digest \`${text}\`: it is neither \`sha256:\` nor \`sha512:\` with lower case hexadecimal digits`, {
    code: 'image',
  });
}

/** For messages: enough of it to be told apart. */
export function shortDigest(text: string): string {
  const { algorithm, hex } = parseDigest(text);
  return `${algorithm}:${hex.slice(0, 12)}`;
}
