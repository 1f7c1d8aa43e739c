/** Directories into archives and back, through the launcher alone; Debian's python3 and tar say what is in them. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeFrames } from '../../engine/codec/launcher-frames.ts';
import { LAUNCHER, listTree, openUnpackFixture, type UnpackFixture } from './unpack-fixture.ts';

let fixture: UnpackFixture;
beforeAll(() => {
  fixture = openUnpackFixture();
});
afterAll(() => fixture.close());

let count = 0;
/** A directory in which the script ran. */
function made(script: string): string {
  const directory = join(fixture.directory, `made-${count++}`);
  mkdirSync(directory);
  execFileSync('sh', ['-ec', script], { cwd: directory, stdio: 'pipe' });
  return directory;
}

const setxattr = (...attributes: readonly (readonly [path: string, name: string, hex: string])[]) =>
  `python3 -c "import os\n${attributes
    .map(([path, name, hex]) => `os.setxattr('${path}', '${name}', bytes.fromhex('${hex}'), follow_symlinks=False)`)
    .join('\n')}"`;

function pack(directory: string, ...options: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(LAUNCHER, ['pack', ...options, directory], { maxBuffer: 1 << 28 });
  return { code: status, archive: stdout, frames: decodeFrames(stderr).frames };
}

function packed(directory: string, ...options: readonly string[]): Buffer {
  const { code, archive, frames } = pack(directory, ...options);
  expect([code, frames]).toEqual([0, []]);
  return archive;
}

function unpacked(archive: Buffer): string {
  const { frames, root, code } = fixture.unpack(`layer-${count++}`, archive);
  expect([frames.filter(([word]) => word !== 'implicit'), code]).toEqual([[['done']], 0]);
  return root;
}

/** As python's tarfile reads them: name, type, mode, owner, time, link. */
function entriesOf(archive: Buffer): readonly string[] {
  const script = `import sys, tarfile
for m in tarfile.open(fileobj=sys.stdin.buffer, mode='r|'):
  print(m.name, m.type.decode(), oct(m.mode), m.uid, m.gid, m.size, m.linkname)`;
  return execFileSync('python3', ['-c', script], { input: archive, encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => line.trimEnd());
}

const EVERYTHING = `
  mkdir -p etc usr/bin usr/lib tmp; chmod 1777 tmp; chmod 2750 usr/lib; chown 33:44 usr/lib
  echo root > etc/passwd; touch -d '1999-12-31 23:59:59.123456789' etc/passwd; touch -d '1960-01-02 03:04:05.5 UTC' etc/old; touch -d @20000000000 etc/far
  cp /bin/true usr/bin/tool; chmod 4711 usr/bin/tool; ln usr/bin/tool usr/bin/again; ln usr/bin/tool third
  ln -s ../bin/tool usr/lib/link; chown -h 5:6 usr/lib/link; ln usr/lib/link usr/lib/link2; ln -s $(printf 'long/%.0s' $(seq 60)) far; ln -s /etc usr/abs
  mknod null c 1 3; mknod disk b 259 300; mkfifo -m 600 fifo; ln fifo fifo2
  touch 'a b' "$(printf 'new\\nline')" ü; printf x > $(printf 'n%.0s' $(seq 200)); mkdir -p $(printf 'deep%.0s' $(seq 30))/$(printf 'er%.0s' $(seq 60))
  touch big; chown 4000000000:3000000000 big
  ${setxattr(
    ['usr/bin/tool', 'security.capability', '0100000200040000000000000000000000000000'],
    ['etc', 'user.note', '0a3d00ff'],
    ['etc', 'user.a', ''],
    ['far', 'trusted.link', '79'],
    ['etc/passwd', 'system.posix_acl_access', '0200000001000600ffffffff020007000700000004000400ffffffff10000700ffffffff20000400ffffffff'],
  )}`;

describe('pack', () => {
  test('and unpack give every kind of entry back with its owner, mode, time, links and extended attributes', () => {
    const source = made(EVERYTHING);
    const archive = packed(source);
    const found = listTree(unpacked(archive));
    // Of a root that nobody has touched, nothing is said.
    const expected = { ...listTree(source), '.': found['.'] };
    expect(Object.keys(expected).length).toBeGreaterThan(25);
    expect(found).toEqual(expected);
    for (const [name, attribute] of [
      ['etc', 'user.note=0a3d00ff'],
      ['usr/bin/tool', 'security.capability'],
      ['etc/passwd', 'posix_acl_access'],
    ])
      expect(found[name ?? '']).toContain(attribute);
  });

  test('gives the same bytes again, also of what unpack made of them, and whatever the order on the disk', () => {
    const source = made(EVERYTHING);
    const archive = packed(source);
    expect(packed(source).equals(archive)).toBe(true);
    expect(packed(unpacked(archive)).equals(archive)).toBe(true);
    const names = Array.from({ length: 500 }, (_, index) => `f${(index * 37) % 500}`);
    const forward = made(`touch -d @5 ${names.join(' ')}`);
    const backward = made(`touch -d @5 ${names.toReversed().join(' ')}`);
    expect(packed(backward).equals(packed(forward))).toBe(true);
    expect(entriesOf(packed(forward)).map((entry) => entry.split(' ')[0])).toEqual(names.toSorted());
  });

  test('is read by GNU tar as it was', () => {
    const source = made(EVERYTHING);
    const extracted = join(fixture.directory, `gnu-${count++}`);
    mkdirSync(extracted);
    execFileSync('tar', ['--xattrs', '--xattrs-include=*', '--numeric-owner', '-pxf', '-'], {
      cwd: extracted,
      input: packed(source),
      stdio: 'pipe',
    });
    // It sets no attributes on links.
    const plain = (tree: Readonly<Record<string, string>>) =>
      Object.entries(tree).flatMap(([name, entry]) => (name === '.' ? [] : [[name, entry.replace(' trusted.link=79', '')]]));
    expect(plain(listTree(extracted))).toEqual(plain(listTree(source)));
  });

  test('says what is hidden as image layers do, first in its directory', () => {
    const source = made(`mkdir -p d/o z; mknod z/gone c 0 0; ln z/gone z/too; touch z/Z z/a; mknod top c 0 0
      ${setxattr(['d/o', 'trusted.overlay.opaque', '79'], ['d', 'trusted.overlay.impure', '79'], ['z', 'trusted.overlay.origin', '00'])}; touch d/o/new`);
    const archive = packed(source);
    expect(entriesOf(archive).map((entry) => entry.split(' ')[0])).toEqual([
      '.wh.top',
      'd',
      'd/o',
      'd/o/.wh..wh..opq',
      'd/o/new',
      'z',
      'z/.wh.gone',
      'z/.wh.too',
      'z/Z',
      'z/a',
    ]);
    const found = listTree(unpacked(archive));
    expect(found['z/gone']).toMatch(/^0o20000 0 0 \d+ 0 0$/);
    expect(found['d/o']).toContain('trusted.overlay.opaque=79');
    expect([found['d'], found['z']].join()).not.toContain('overlay');
  });

  test('of what a container changed, put on the layer below, shows what the container saw', () => {
    const lower = made(
      'mkdir -p keep drop/x again; echo 1 > keep/a; echo 2 > keep/b; echo 3 > again/old; ln keep/a keep/c; chmod 1777 keep',
    );
    const [upper, work, merged] = ['upper', 'work', 'merged'].map((name) => {
      const directory = join(fixture.directory, `${name}-${count}`);
      mkdirSync(directory);
      return directory;
    }) as [string, string, string];
    const see = (options: string, act: () => void) => {
      execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', options, merged]);
      try {
        act();
        return listTree(merged);
      } finally {
        execFileSync('umount', [merged]);
      }
    };
    const seen = see(`lowerdir=${lower},upperdir=${upper},workdir=${work}`, () =>
      execFileSync(
        'sh',
        ['-ec', 'rm keep/b; rm -r drop again; mkdir again; echo new > again/new; chown 7 keep/a; ln again/new keep/n; mkfifo p'],
        {
          cwd: merged,
        },
      ),
    );
    const layer = unpacked(packed(upper));
    const again = see(`ro,lowerdir=${layer}:${lower}`, () => undefined);
    expect({ ...again, '.': '' }).toEqual({ ...seen, '.': '' });
    expect(Object.keys(again).sort()).toEqual(['.', 'again', 'again/new', 'keep', 'keep/a', 'keep/c', 'keep/n', 'p']);
  });

  test('has an entry for the root only if somebody has touched it', () => {
    const script = 'touch -d @3 f; touch -d @4 .';
    expect(entriesOf(packed(made(script)))).toEqual(['f 0 0o644 0 0 0']);
    expect(entriesOf(packed(made(`chmod 700 .; ${script}`)))[0]).toBe('. 5 0o700 0 0 0');
    expect(listTree(unpacked(packed(made(`chmod 711 .; ${setxattr(['.', 'user.x', '31'])}; ${script}`))))['.']).toBe(
      '0o40711 0 0 4000000000 user.x=31',
    );
  });

  test('leaves out sockets', async () => {
    const source = made('touch f');
    const server = createServer().listen(join(source, 'socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    expect(entriesOf(packed(source))).toHaveLength(1);
    server.close();
  });

  test('does not read the holes of a sparse file, and has its content', () => {
    const source = made('printf begin > f; truncate -s 8M f; printf end >> f');
    const archive = packed(source);
    const content = archive.subarray(archive.indexOf('begin'));
    expect([content.indexOf('end'), content.subarray(5, 8 * 2 ** 20).every((byte) => byte === 0)]).toEqual([8 * 2 ** 20, true]);
  });

  test('is complete for a file of more than 8 GiB', () => {
    const source = made('');
    writeFileSync(join(source, 'huge'), '');
    truncateSync(join(source, 'huge'), 2 ** 33 + 1);
    const head = execFileSync('sh', ['-c', `"$0" pack "$1" | head -c 1536`, LAUNCHER, source]);
    expect(head.toString('latin1')).toContain(`size=${2 ** 33 + 1}\n`);
  });

  test('with ids of a container gives those it has inside, of lists and capabilities, too', () => {
    const list = (id: string) => `0200000001000600ffffffff02000700${id}04000400ffffffff10000700ffffffff20000400ffffffff`;
    const source =
      made(`touch f g l c2 c3; ln -s f s; mkdir d; chown -h 100000:100000 . g l c2 c3 d; chown -h 100033:165535 f s; chown 100000:100000 d
      ${setxattr(
        ['l', 'system.posix_acl_access', list('a7860100')],
        ['c2', 'security.capability', '0100000200040000000000000000000000000000'],
        ['c3', 'security.capability', '0100000300040000000000000000000000000000a0860100'],
      )}`);
    const archive = packed(source, '--uid-base', '100000');
    expect(
      entriesOf(archive).map((entry) =>
        entry
          .split(' ')
          .filter((_, index) => [0, 3, 4].includes(index))
          .join(' '),
      ),
    ).toEqual(['c2 0 0', 'c3 0 0', 'd 0 0', 'f 33 65535', 'g 0 0', 'l 0 0', 's 33 65535']);
    const found = listTree(unpacked(archive));
    expect(found['l']).toContain(`posix_acl_access=${list('07000000')}`);
    for (const name of ['c2', 'c3']) expect(found[name]).toContain('security.capability=0100000200040000000000000000000000000000');
  });

  test.each([
    [
      'an owner that is none of the container',
      'mkdir d; touch d/f; chown 100000:100000 . d; chown 100000:5 d/f',
      'd/f',
      'owner',
      "5 is none of the container's ids",
    ],
    [
      'an owner beyond those of the container',
      'touch f; chown 100000:100000 .; chown 165536:100000 f',
      'f',
      'owner',
      "165536 is none of the container's ids",
    ],
    ['a name that would hide a file', 'mkdir d; chown 100000:100000 . d; touch d/.wh.x', 'd/.wh.x', 'name', '`.wh.x` would hide a file'],
    [
      'a directory whose content is elsewhere',
      `mkdir d; chown 100000:100000 . d; ${setxattr(['d', 'trusted.overlay.redirect', '2f78'])}`,
      'd',
      'xattr',
      'trusted.overlay.redirect',
    ],
    [
      'a name of an attribute that cannot be written',
      `touch f; chown 100000:100000 . f; ${setxattr(['f', 'user.a=b', '31'])}`,
      'f',
      'xattr',
      'user.a=b',
    ],
  ])('is refused for %s', (_what, script, path, stage, detail) => {
    const { code, frames } = pack(made(script), '--uid-base', '100000');
    expect(code).toBe(1);
    expect(frames).toEqual([['error', path, stage, expect.stringMatching(/^\d+$/), detail]]);
  });

  test('does not follow a symbolic link in the place of its directory, and tells that there is none', () => {
    expect(pack(join(fixture.directory, 'nowhere')).frames).toEqual([['error', '', 'open', '2', join(fixture.directory, 'nowhere')]]);
    const source = made('touch f');
    rmSync(source, { recursive: true });
    expect(pack(source).code).toBe(1);
  });

  test('goes as deep as a tree is', () => {
    const source = made(`python3 -c "import os
for i in range(600):
  os.mkdir('d'); os.chdir('d')"`);
    const archive = packed(source);
    expect(packed(unpacked(archive)).equals(archive)).toBe(true);
    expect(statSync(source).isDirectory()).toBe(true);
  });
});
