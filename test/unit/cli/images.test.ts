import { describe, expect, test } from 'vitest';
import { renderPruned } from '../../../cli/commands/prune.ts';
import { blobLine } from '../../../cli/commands/push.ts';
import { renderKinds } from '../../../cli/commands/system.ts';
import { session } from './support/session.ts';

const digest = `sha256:3f9a1c2e55aa${'0'.repeat(52)}`;

describe('what is pruned', () => {
  test('is told by kind, what people have named by name, and how much it is altogether', () => {
    const pruned = renderPruned(
      [
        { kind: 'images', names: ['docker.io/library/a:1', 'docker.io/library/b:1'], bytes: undefined },
        { kind: 'layers', names: [digest], bytes: 3 << 20 },
        { kind: 'volumes', names: ['shop-data'], bytes: 1 << 20 },
      ],
      'nothing\n',
    );
    expect(pruned).toBe(`KIND     COUNT  SIZE
images   2             docker.io/library/a:1, docker.io/library/b:1
layers   1      3 MiB
volumes  1      1 MiB  shop-data
total           4 MiB
`);
    expect(renderPruned([], 'nothing\n')).toBe('nothing\n');
  });

  test('without a terminal nothing is, unless that was asked for', async () => {
    await expect(session({}).run('prune', '--all')).rejects.toMatchObject({ code: 'usage', hint: expect.stringContaining('--dry-run') });
  });
});

test('what takes the disk is told by kind; what is counted with its parts has no size of its own', () => {
  const kinds = [
    { kind: 'images', count: 2, inUse: 1, bytes: undefined, reclaimable: 0 },
    { kind: 'layers', count: 3, inUse: 2, bytes: 5 << 20, reclaimable: 1 << 20 },
  ] as const;
  expect(renderKinds({ kinds, images: [], volumes: [], containers: [] })).toBe(`KIND    COUNT  IN USE  SIZE   RECLAIMABLE
images  2      1       -      -
layers  3      2       5 MiB  1 MiB
`);
});

test('`system` knows one word', async () => {
  await expect(session({}).run('system', 'dff')).rejects.toMatchObject({ code: 'usage', hint: 'there is only `tsstack system df`' });
});

test.each([
  ['waiting', 0, '3f9a1c2e55aa waiting'],
  ['sending', 512, '3f9a1c2e55aa sending 50% of 1 KiB'],
  ['present', 1024, '3f9a1c2e55aa is there already, 1 KiB'],
  ['mounted', 1024, '3f9a1c2e55aa taken from another repository, 1 KiB'],
  ['sent', 1024, '3f9a1c2e55aa sent, 1 KiB'],
] as const)('a blob that is %s has a line that says so', (state, bytes, line) => {
  expect(blobLine({ image: 'a', digest, state, bytes, total: 1024 })).toBe(line);
});

test('several images are not pushed under one name', async () => {
  await expect(session({}).run('push', 'a', 'b', '--to', 'c')).rejects.toMatchObject({ code: 'usage' });
});

test('an archive is neither written to a terminal nor read from one', async () => {
  await expect(session({}, { isTTY: true }).run('save', 'a')).rejects.toMatchObject({ code: 'usage', hint: '`-o FILE` names a file' });
  await expect(session({}, { isTTY: true }).run('load')).rejects.toMatchObject({ code: 'usage', hint: '`-i FILE` names a file' });
});
