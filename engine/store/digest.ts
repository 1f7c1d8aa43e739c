/** Digests of the OCI image specification (descriptor.md, "Digests"): `sha256:<64 hex digits>`. */
import { TsstackError } from '../model/errors.ts';

export interface Digest {
  readonly algorithm: 'sha256' | 'sha512';
  readonly hex: string;
}

const HEX_DIGITS = { sha256: 64, sha512: 128 } as const;

/** @throws TsstackError `image`. What it gives is safe as a file name. */
export function parseDigest(text: string): Digest {
  const [algorithm, hex = '', ...more] = text.split(':');
  if (
    (algorithm === 'sha256' || algorithm === 'sha512') &&
    more.length === 0 &&
    hex.length === HEX_DIGITS[algorithm] &&
    /^[0-9a-f]+$/.test(hex)
  )
    return { algorithm, hex };
  throw new TsstackError(`cannot use digest \`${text}\`: it is neither \`sha256:\` nor \`sha512:\` with lower case hexadecimal digits`, {
    code: 'image',
  });
}

/** For messages: enough of it to be told apart. */
export function shortDigest(text: string): string {
  const { algorithm, hex } = parseDigest(text);
  return `${algorithm}:${hex.slice(0, 12)}`;
}
