import { createHash, type Hash } from 'node:crypto';
import fs from 'node:fs';
import { parseDigest } from './digest.ts';

/** Big enough that the calls cost nothing, small enough that ten at once are no memory to speak of. */
export const READ_SIZE = 256 * 1024;

/** Whether the file's content has the digest. */
export async function verifyBlobFile(file: string, digest: string): Promise<boolean> {
  return (await hashFile(file, digest)).digest('hex') === parseDigest(digest).hex;
}

/** A hash that the whole content of the file has gone into. */
export async function hashFile(file: string, digest: string): Promise<Hash> {
  const hash = createHash(parseDigest(digest).algorithm);
  for await (const chunk of fs.createReadStream(file, { highWaterMark: READ_SIZE })) hash.update(chunk as Buffer);
  return hash;
}
