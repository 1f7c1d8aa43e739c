/** What people call an image → its record. */
import { nearest } from '../../dsl/suggest.ts';
import { familiarReference, formatReference, parseReference } from '../codec/image-reference.ts';
import type { ImageStore } from '../image/image-store.ts';
import { TsstackError } from '../model/errors.ts';
import type { ImageRecord } from '../store/image-records.ts';

/** Seven digits, as of a commit. */
const DIGEST_PREFIX = /^(?:sha256:)?([0-9a-f]{7,64})$/;

/**
 * @param name a reference, or the beginning of the digest of an image, its manifest or its config.
 * @throws TsstackError `not-found`, `image` for what is no reference, `usage` for a beginning that several images have.
 */
export function findRecord(store: Pick<ImageStore, 'list'>, name: string): ImageRecord {
  const records = store.list();
  const hex = DIGEST_PREFIX.exec(name)?.[1];
  const byReference = hex?.length === 64 ? undefined : records.find(({ reference }) => reference === formatReference(parseReference(name)));
  if (byReference !== undefined) return byReference;
  const digested =
    hex === undefined ? [] : records.filter((record) => digestsOf(record).some((digest) => digest.startsWith(`sha256:${hex}`)));
  const [first] = digested;
  // Several references to one image are one image.
  if (first !== undefined && digested.every(({ manifest }) => manifest.digest === first.manifest.digest)) return first;
  if (first !== undefined) {
    const names = digested.map(({ reference }) => `\`${familiar(reference)}\``).join(', ');
    throw new TsstackError(`\`${name}\` is the beginning of the digests of several images`, { code: 'usage', hint: `they are ${names}` });
  }
  const near = nearest(
    familiar(name),
    records.map(({ reference }) => familiar(reference)),
  );
  throw new TsstackError(`there is no image \`${name}\` here`, {
    code: 'not-found',
    hint: near === undefined ? '`tsstack images` lists those that are' : `did you mean \`${near}\`?`,
  });
}

function digestsOf({ target, manifest, config }: ImageRecord): readonly string[] {
  return [target.digest, manifest.digest, config.digest];
}

function familiar(reference: string): string {
  return familiarReference(parseReference(reference));
}
