/** Digests as images use them: `sha256:` and 64 hexadecimal digits (image-spec descriptor.md, "Digests"). */
import { createHash } from 'node:crypto';

export interface Digest {
  readonly algorithm: DigestAlgorithm;
  /** Lower case. */
  readonly hex: string;
}

/** The registered ones. Others cannot be verified, so they are no digests to us. */
export type DigestAlgorithm = 'sha256' | 'sha512';

const HEX_DIGITS: Readonly<Record<DigestAlgorithm, number>> = { sha256: 64, sha512: 128 };

/** Undefined: not a digest that can be verified. */
export function parseDigest(text: string): Digest | undefined {
  const [, algorithm, hex = ''] = /^(sha256|sha512):([0-9a-f]+)$/.exec(text) ?? [];
  if (algorithm !== 'sha256' && algorithm !== 'sha512') return undefined;
  return hex.length === HEX_DIGITS[algorithm] ? { algorithm, hex } : undefined;
}

/** What `content` is called, in the algorithm of `like` (default sha256). */
export function digestOf(content: Uint8Array, like = 'sha256:'): string {
  const algorithm = like.slice(0, like.indexOf(':'));
  return `${algorithm}:${createHash(algorithm).update(content).digest('hex')}`;
}
