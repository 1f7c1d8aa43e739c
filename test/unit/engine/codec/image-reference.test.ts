import { describe, expect, test } from 'vitest';
import { familiarReference, formatReference, parseReference } from '../../../../engine/codec/image-reference.ts';

const sha = `sha256:${'0a'.repeat(32)}`;

describe('references', () => {
  test.each([
    ['postgres', 'docker.io/library/postgres:latest'],
    ['postgres:17', 'docker.io/library/postgres:17'],
    ['docker.io/postgres:17', 'docker.io/library/postgres:17'],
    ['index.docker.io/library/postgres', 'docker.io/library/postgres:latest'],
    ['bitnami/redis', 'docker.io/bitnami/redis:latest'],
    ['localhost/app', 'localhost/app:latest'],
    ['localhost:5000/app', 'localhost:5000/app:latest'],
    ['[::1]:5000/a/b/c:x', '[::1]:5000/a/b/c:x'],
    ['ghcr.io/Owner'.toLowerCase(), 'ghcr.io/owner:latest'],
    ['Registry/app', 'Registry/app:latest'],
    ['app:5000', 'docker.io/library/app:5000'],
    [`app@${sha}`, `docker.io/library/app@${sha}`],
    [`quay.io/team/app:v1@${sha}`, `quay.io/team/app:v1@${sha}`],
    ['a.b/c__d-e--f.g:X_1.2-3', 'a.b/c__d-e--f.g:X_1.2-3'],
  ])('%s is %s', (text, full) => {
    expect(formatReference(parseReference(text))).toBe(full);
    expect(formatReference(parseReference(full))).toBe(full);
  });

  test('there is no tag where a digest says all', () => {
    expect(parseReference(`app@${sha}`)).toEqual({ registry: 'docker.io', repository: 'library/app', tag: undefined, digest: sha });
  });

  test.each([
    ['', 'it is empty'],
    ['my app', 'it has white space in it'],
    ['https://ghcr.io/app', 'it begins with `https://`'],
    ['Postgres:17', 'its repository `Postgres` has upper-case letters'],
    ['ghcr.io/', 'it has no repository'],
    ['ghcr.io//app', 'its repository `/app` has an empty part'],
    ['a..b/c', '`a..b` is not the name of a registry'],
    ['app_', '`app_` in its repository is not allowed'],
    ['localhost:99999/app', '`99999` is not a port'],
    ['app:', 'its tag is empty'],
    ['app:-x', 'its tag `-x` is not allowed'],
    [`app:${'x'.repeat(129)}`, 'its tag is longer than 128 characters'],
    ['app@latest', '`latest` is not a digest'],
    ['app@md5:00', 'the algorithm `md5` of its digest is not known'],
    [`app@sha256:${'0A'.repeat(32)}`, 'is not 64 hexadecimal digits in lower case'],
    ['0a'.repeat(32), 'looks like the id of an image'],
    [`ghcr.io/${'x'.repeat(260)}`, 'are longer than 255 characters'],
  ])('%j is refused: %s', (text, why) => {
    expect(() => parseReference(text)).toThrow(expect.objectContaining({ code: 'image', message: expect.stringContaining(why) }));
  });

  test('people are shown what they would write', () => {
    expect(familiarReference(parseReference('docker.io/library/postgres:17'))).toBe('postgres:17');
    expect(familiarReference(parseReference('bitnami/redis'))).toBe('bitnami/redis:latest');
    expect(familiarReference(parseReference('ghcr.io/a/b'))).toBe('ghcr.io/a/b:latest');
  });
});
