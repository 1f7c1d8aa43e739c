import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeFrames } from '../../engine/codec/launcher-frames.ts';
import { padded, paxRecord, tar, tarEntry } from '../support/tar-bytes.ts';
import { LAUNCHER, listTree, openUnpackFixture, type UnpackFixture } from './unpack-fixture.ts';

let fixture: UnpackFixture;
beforeAll(() => {
  fixture = openUnpackFixture();
});
afterAll(() => fixture.close());

const DONE = [['done']];
let count = 0;
const unpack = (archive: Buffer) => fixture.unpack(`layer-${count++}`, archive);
/** Everything went well; the directory. */
function unpacked(archive: Buffer): string {
  const { frames, root, code } = unpack(archive);
  expect([frames.filter(([word]) => word !== 'implicit'), code]).toEqual([DONE, 0]);
  return root;
}
const refused = (archive: Buffer): readonly string[] => {
  const { frames, code } = unpack(archive);
  expect(code).toBe(1);
  return frames.at(-1) ?? [];
};
const directory = (name: string) => ({ name, type: '5' });

describe('unpack', () => {
  test('makes every kind of entry with its owner, mode, time and extended attributes', () => {
    const root = unpacked(
      tar([
        { name: './', type: '5', mode: 0o711, mtime: 5 },
        { name: './a', content: 'a', mode: 0o4755, uid: 12, gid: 34, mtime: 7, pax: { 'SCHILY.xattr.user.x': 'value' } },
        { name: 'hard', type: '1', link: './a' },
        { name: 'link', type: '2', link: '/a', uid: 1, gid: 2, mtime: 8, pax: { 'SCHILY.xattr.trusted.y': Buffer.from([0, 1]) } },
        { name: 'null', type: '3', device: [1, 3], mode: 0o666, gid: 9 },
        { name: 'disk', type: '4', device: [259, 300], mode: 0o660 },
        { name: 'fifo', type: '6', mode: 0o600, pax: { mtime: '11.5' } },
        { name: 'd/', type: '5', mode: 0o1777, mtime: 9, pax: { 'SCHILY.xattr.user.d': '1' } },
        { name: 'd/inside', content: '', mtime: 10 },
      ]),
    );
    const hash = 'ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb';
    const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
    expect(listTree(root)).toEqual({
      '.': '0o40711 0 0 5000000000',
      a: `0o104755 12 34 7000000000 1 2=a ${hash} user.x=76616c7565`,
      hard: `0o104755 12 34 7000000000 1 2=a ${hash} user.x=76616c7565`,
      link: '0o120777 1 2 8000000000 /a trusted.y=0001',
      null: '0o20666 0 9 1000000000000000000 1 3',
      disk: '0o60660 0 0 1000000000000000000 259 300',
      fifo: '0o10600 0 0 11500000000',
      d: '0o41777 0 0 9000000000 user.d=31',
      'd/inside': `0o100644 0 0 10000000000 0 1 ${empty}`,
    });
  });

  test('keeps file capabilities, which a change of owner takes away', () => {
    const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex');
    const root = unpacked(
      tar([{ name: 'ping', content: 'x', uid: 5, mode: 0o755, pax: { 'SCHILY.xattr.security.capability': capability } }]),
    );
    expect(listTree(root)['ping']).toContain(`security.capability=${capability.toString('hex')}`);
  });

  test('takes extended attributes as libarchive writes them', () => {
    const root = unpacked(tar([{ name: 'f', pax: { 'LIBARCHIVE.xattr.user.a%3db': 'AAH/' } }]));
    expect(listTree(root)['f']).toContain('user.a=b=0001ff');
  });

  test('reads long names of every kind, big ids and times before the epoch', () => {
    const long = `${'d'.repeat(120)}/${'f'.repeat(200)}`;
    const root = unpacked(
      Buffer.concat([
        tarEntry({ name: 'x', content: '1', pax: { path: long, uid: '4000000000', gid: '3000000000', mtime: '-1.25' } }),
        tarEntry({ name: '././@LongLink', type: 'L', content: `gnu/${'g'.repeat(150)}\0`, magic: 'ustar  \0' }),
        tarEntry({ name: 'gnu/ggg', content: '22', magic: 'ustar  \0' }),
        tarEntry({ name: '././@LongLink', type: 'K', content: `${'t'.repeat(150)}\0`, magic: 'ustar  \0' }),
        tarEntry({ name: 'l', type: '2', link: 'ttt', magic: 'ustar  \0' }),
        tarEntry({ name: 'tail', raw: { 345: 'prefix' } }),
        tar([{ name: 'base256', raw: { 108: '\x80\0\0\0\0\x01\0\0', 136: '\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe' } }]),
      ]),
    );
    const found = listTree(root);
    expect(found[long]).toMatch(/^0o100644 4000000000 3000000000 -1250000000 1 1 /);
    expect(found[`gnu/${'g'.repeat(150)}`]).toMatch(/ 2 1 /);
    expect(readlinkSync(join(root, 'l'))).toBe('t'.repeat(150));
    expect(found['prefix/tail']).toBeDefined();
    expect(found['base256']).toMatch(/^0o100644 65536 0 -2000000000 /);
  });

  test('applies a global header to all entries after it, unless they say otherwise', () => {
    const global = padded(Buffer.from('20 mtime=1234567890\n'));
    const root = unpacked(
      Buffer.concat([
        tarEntry({ name: 'g', type: 'g', content: global.subarray(0, 20) }),
        tar([{ name: 'a' }, { name: 'b', pax: { mtime: '3' } }]),
      ]),
    );
    expect([statSync(join(root, 'a')).mtimeMs, statSync(join(root, 'b')).mtimeMs]).toEqual([1234567890000, 3000]);
  });

  test.each([['--format=gnu'], ['--sparse-version=0.0'], ['--sparse-version=0.1'], ['--sparse-version=1.0']])(
    'reads a sparse file as GNU tar writes it with %s, and leaves its holes',
    (format) => {
      const source = join(fixture.directory, `sparse${count}`);
      mkdirSync(source);
      const script = `import sys
f = open(sys.argv[1], 'wb')
for i in range(40):
  f.seek(i * 1000000 + 4096 * i); f.write(b'%d' % i * 100)
f.truncate(60000000)`;
      execFileSync('python3', ['-c', script, join(source, 'file')]);
      const pax = format.startsWith('--sparse') ? ['--format=pax'] : [];
      const archive = execFileSync('tar', ['-S', ...pax, format, '-C', source, '-cf', '-', 'file', '--owner=0'], { maxBuffer: 1 << 28 });
      expect(archive.length).toBeLessThan(1_000_000);
      const root = unpacked(archive);
      expect(readFileSync(join(root, 'file')).equals(readFileSync(join(source, 'file')))).toBe(true);
      expect(statSync(join(root, 'file')).blocks * 512).toBeLessThan(1_000_000);
    },
  );

  test('makes directories that have no entry, tells of them, and gives them the same time always', () => {
    const { frames, root } = unpack(tar([{ name: 'a/b/c' }, directory('a')]));
    expect(frames).toEqual([['implicit', ''], ['implicit', 'a/b'], ['done']]);
    expect(unpack(tar([directory('./')])).frames).toEqual(DONE);
    expect([statSync(join(root, 'a/b')).mtimeMs, statSync(root).mtimeMs, lstatSync(join(root, 'a/b')).mode & 0o7777]).toEqual([
      0, 0, 0o755,
    ]);
    expect(JSON.stringify(listTree(root))).not.toContain('trusted.tsstack');
  });

  test('lets a later entry take the place of an earlier one of any type', () => {
    const root = unpacked(
      tar([
        { name: 'f2d', content: 'x' },
        directory('f2d'),
        { name: 'f2d/in' },
        directory('d2f'),
        { name: 'd2f/deep/er' },
        { name: 'd2f', content: 'file' },
        { name: 'l2d', type: '2', link: 'd2f' },
        directory('l2d'),
        { name: 'f2l' },
        { name: 'f2l', type: '2', link: 'elsewhere' },
        { name: 'twice', content: 'first, and longer' },
        { name: 'twice', content: 'second' },
        { name: 'h', type: '1', link: 'twice' },
        { name: 'h', type: '1', link: 'twice' },
      ]),
    );
    expect(readFileSync(join(root, 'd2f'), 'utf8')).toBe('file');
    expect([readdirSync(join(root, 'f2d')), readdirSync(join(root, 'l2d'))]).toEqual([['in'], []]);
    expect(lstatSync(join(root, 'l2d')).isDirectory()).toBe(true);
    expect(readlinkSync(join(root, 'f2l'))).toBe('elsewhere');
    expect([readFileSync(join(root, 'h'), 'utf8'), statSync(join(root, 'h')).nlink]).toEqual(['second', 2]);
  });

  test('reads archives that end without their last blocks, and ignores what comes after them', () => {
    expect(readdirSync(unpacked(tarEntry({ name: 'a' })))).toEqual(['a']);
    expect(readdirSync(unpacked(Buffer.concat([tar([{ name: 'a' }]), Buffer.alloc(3_000_000, 1)])))).toEqual(['a']);
    expect(readdirSync(unpacked(Buffer.alloc(0)))).toEqual([]);
    // As umoci's `insert` writes them: not even the last file's block is filled up.
    const unfilled = tarEntry({ name: 'a', content: 'text' }).subarray(0, 512 + 4);
    expect(readFileSync(join(unpacked(unfilled), 'a'), 'utf8')).toBe('text');
  });

  test('makes holes of zeros, and keeps what is around them', () => {
    const [zeros, data] = [Buffer.alloc(3_000_000), Buffer.alloc(100_000, 'x')];
    for (const content of [Buffer.concat([data, zeros, data]), Buffer.concat([zeros, data, zeros]), Buffer.concat([data, zeros]), zeros]) {
      const root = unpacked(
        tar([
          { name: 'before', content: data },
          { name: 'f', content },
        ]),
      );
      expect(readFileSync(join(root, 'f')).equals(content)).toBe(true);
      expect(statSync(join(root, 'f')).blocks * 512).toBeLessThan(500_000);
    }
  });

  test('reads names of directories in archives older than their type', () => {
    expect(lstatSync(join(unpacked(tar([{ name: 'old/', type: '\0', magic: '' }])), 'old')).isDirectory()).toBe(true);
  });

  test('does not give what it makes the default access control list of the directory above', () => {
    // acl(5) in the form of xattr: version 2; user rwx, user 7 rwx, group r-x, mask rwx, other r-x
    const entries = [
      [1, 7, 0xffffffff],
      [2, 7, 7],
      [4, 5, 0xffffffff],
      [16, 7, 0xffffffff],
      [32, 5, 0xffffffff],
    ] as const;
    const list = Buffer.alloc(4 + 8 * entries.length);
    list.writeUInt32LE(2);
    entries.forEach(([tag, bits, id], index) => {
      list.writeUInt16LE(tag, 4 + 8 * index);
      list.writeUInt16LE(bits, 6 + 8 * index);
      list.writeUInt32LE(id, 8 + 8 * index);
    });
    const root = unpacked(
      tar([
        { name: 'd', type: '5', pax: { 'SCHILY.xattr.system.posix_acl_default': list } },
        { name: 'd/f' },
        directory('d/d'),
        { name: 'd/p', type: '6' },
      ]),
    );
    const found = listTree(root);
    expect(found['d']).toContain('posix_acl_default');
    for (const name of ['d/f', 'd/d', 'd/p']) expect(found[name], name).not.toContain('acl');
  });
});

describe('whiteouts', () => {
  const WHITEOUT = /^0o20000 0 0 \d+ 0 0$/;
  const OPAQUE = 'trusted.overlay.opaque=79';

  test('become those of overlayfs, in directories that have no entry, too', () => {
    const root = unpacked(
      tar([{ name: '.wh.gone' }, { name: 'a/b/.wh.gone' }, directory('o'), { name: 'o/.wh..wh..opq' }, { name: 'o/new' }]),
    );
    const found = listTree(root);
    expect(found['gone']).toMatch(WHITEOUT);
    expect(found['a/b/gone']).toMatch(WHITEOUT);
    expect(found['o']).toContain(OPAQUE);
    expect(Object.keys(found).sort()).toEqual(['.', 'a', 'a/b', 'a/b/gone', 'gone', 'o', 'o/new']);
  });

  test('hide only what lower layers have: a name that this layer has is new, in either order', () => {
    const root = unpacked(
      tar([
        { name: 'f1' },
        { name: '.wh.f1' },
        { name: '.wh.f2' },
        { name: 'f2' },
        directory('d1'),
        { name: 'd1/x' },
        { name: '.wh.d1' },
        { name: '.wh.d2' },
        { name: 'd2/x' },
        { name: '.wh.d3' },
        directory('d3'),
      ]),
    );
    const found = listTree(root);
    expect(found['f1']).toMatch(/^0o100644/);
    expect(found['f2']).toMatch(/^0o100644/);
    for (const name of ['d1', 'd2', 'd3']) expect(found[name], name).toContain(OPAQUE);
    expect(found['d2/x']).toBeDefined();
  });

  test('of what is in a removed or replaced directory are left out, in either order', () => {
    const root = unpacked(
      tar([
        { name: 'd1/in/.wh.x' },
        { name: '.wh.d1' },
        { name: '.wh.d2' },
        { name: 'd2/in/.wh.x' },
        { name: 'f' },
        { name: 'f/.wh.x' },
        { name: 'f/.wh..wh..opq' },
        { name: 'd3/.wh.x' },
        { name: '.wh.d3' },
        { name: 'd3/new' },
        { name: 'd4/.wh.x' },
        directory('d4'),
        { name: '.wh.d4' },
      ]),
    );
    const found = listTree(root);
    for (const name of ['d1', 'd2', 'd4/x']) expect(found[name], name).toMatch(WHITEOUT);
    expect(found['f']).toMatch(/^0o100644/);
    for (const name of ['d3', 'd4']) expect(found[name], name).toContain(OPAQUE);
    expect(Object.keys(found).sort()).toEqual(['.', 'd1', 'd2', 'd3', 'd3/new', 'd4', 'd4/x', 'f']);
  });

  test('are told of if they are for the whole root, which overlayfs does not look at', () => {
    expect(unpack(tar([directory('.'), { name: '.wh..wh..opq' }])).frames).toEqual([['opaque'], ['done']]);
  });

  test('of AUFS itself are left out', () => {
    expect(
      readdirSync(unpacked(tar([{ name: '.wh..wh.aufs' }, directory('.wh..wh.plnk'), { name: '.wh..wh.plnk/1.2' }, { name: 'a' }]))),
    ).toEqual(['a']);
  });

  test('hide in an overlay what they should, and show the rest', () => {
    const lower = unpacked(
      tar([
        directory('d'),
        { name: 'd/old' },
        { name: 'gone' },
        { name: 'kept' },
        directory('o'),
        { name: 'o/old' },
        directory('r'),
        { name: 'r/old' },
      ]),
    );
    const upper = unpacked(
      tar([
        { name: 'd/.wh.old' },
        { name: '.wh.gone' },
        { name: 'o/.wh..wh..opq' },
        { name: 'o/new' },
        { name: '.wh.r' },
        { name: 'r/new' },
      ]),
    );
    const merged = join(fixture.directory, 'merged');
    mkdirSync(merged);
    execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', `ro,lowerdir=${upper}:${lower}`, merged]);
    try {
      expect(execFileSync('find', ['.', '-mindepth', '1'], { cwd: merged, encoding: 'utf8' }).trim().split('\n').sort()).toEqual([
        './d',
        './kept',
        './o',
        './o/new',
        './r',
        './r/new',
      ]);
    } finally {
      execFileSync('umount', [merged]);
    }
  });
});

describe('a hostile archive', () => {
  /** A directory beside the layer; nothing may come to be in it. */
  let victim: string;
  beforeAll(() => {
    victim = join(fixture.directory, 'victim');
    mkdirSync(victim);
    writeFileSync(join(victim, 'secret'), 'secret');
  });
  const untouched = () => expect([readdirSync(victim), readFileSync(join(victim, 'secret'), 'utf8')]).toEqual([['secret'], 'secret']);

  test.each([['../../victim/new'], ['a/../../../victim/new'], ['..'], ['a/..']])('is refused for an entry named `%s`', (name) => {
    expect(refused(tar([{ name, content: 'x' }]))).toEqual(['error', name, 'path', '22', '`..` in it']);
    expect(refused(tar([{ name: 'f' }, { name: 'h', type: '1', link: name }])).slice(2, 4)).toEqual(['path', '22']);
    untouched();
  });

  test('has absolute names below the root', () => {
    const root = unpacked(
      tar([
        { name: `${victim}/new`, content: 'x' },
        { name: '//etc//./passwd', content: 'y' },
      ]),
    );
    expect(readFileSync(join(root, victim, 'new'), 'utf8')).toBe('x');
    expect(readFileSync(join(root, 'etc/passwd'), 'utf8')).toBe('y');
    untouched();
  });

  test('follows its symbolic links to places of its own only', () => {
    const root = unpacked(
      tar([
        { name: 'absolute', type: '2', link: victim },
        { name: 'absolute/new', content: 'x' },
        { name: 'relative', type: '2', link: '../../victim' },
        { name: 'relative/new', content: 'x' },
        { name: 'chain1', type: '2', link: 'chain2/..' },
        { name: 'chain2', type: '2', link: '../../..' },
        { name: 'chain1/victim/.wh.secret' },
        { name: 'absolute/.wh.secret' },
        { name: 'absolute/.wh..wh..opq' },
        { name: 'devices', type: '2', link: '/dev' },
        { name: 'devices/tsstack-hostile', type: '3', device: [1, 3] },
        { name: 'processes', type: '2', link: '/proc/self/root' },
        { name: 'processes/tsstack-hostile', content: 'x' },
      ]),
    );
    untouched();
    expect([existsSync('/dev/tsstack-hostile'), existsSync('/tsstack-hostile')]).toEqual([false, false]);
    expect(existsSync(join(root, victim, 'new'))).toBe(true);
    expect(existsSync(join(root, 'victim/new'))).toBe(true);
    expect(readFileSync(join(root, 'proc/self/root/tsstack-hostile'), 'utf8')).toBe('x');
  });

  test('does not write through a symbolic link at the end of a name', () => {
    const entries = (type: string) => [
      { name: 'l', type: '2', link: join(victim, 'secret') },
      { name: 'l', type, content: type === '0' ? 'x' : '', mode: 0o777, uid: 7 },
    ];
    for (const type of ['0', '5', '6']) unpacked(tar(entries(type)));
    untouched();
    expect(statSync(join(victim, 'secret')).uid).toBe(0);
  });

  test('reaches nothing by a hard link: neither by an absolute name, nor through a symbolic link', () => {
    expect(refused(tar([{ name: 'h', type: '1', link: join(victim, 'secret') }])).slice(0, 4)).toEqual(['error', 'h', 'open', '2']);
    const root = unpacked(
      tar([
        { name: 'l', type: '2', link: join(victim, 'secret') },
        { name: 'h', type: '1', link: 'l' },
        { name: 'h', content: 'x', uid: 7 },
      ]),
    );
    expect(lstatSync(join(root, 'l')).isSymbolicLink()).toBe(true);
    expect(
      refused(
        tar([
          { name: 'd', type: '2', link: victim },
          { name: 'h', type: '1', link: 'd/secret' },
        ]),
      ).slice(0, 4),
    ).toEqual(['error', 'h', 'open', '2']);
    untouched();
  });

  test('cannot link a directory, or make the root a file', () => {
    expect(refused(tar([directory('d'), { name: 'h', type: '1', link: 'd' }])).slice(1, 4)).toEqual(['h', 'link', '21']);
    expect(refused(tar([{ name: './', type: '0' }])).slice(1, 4)).toEqual(['./', 'path', '22']);
    expect(refused(tar([{ name: '/', type: '2', link: '/etc' }])).slice(1, 4)).toEqual(['/', 'path', '22']);
  });

  test('has no say in how layers are put together', () => {
    const root = unpacked(
      tar([
        {
          name: 'd',
          type: '5',
          pax: {
            'SCHILY.xattr.trusted.overlay.redirect': '/etc',
            'SCHILY.xattr.trusted.overlay.opaque': 'y',
            'SCHILY.xattr.user.overlay.opaque': 'y',
          },
        },
      ]),
    );
    expect(listTree(root)['d']).not.toContain('overlay');
  });

  test.each([['.wh.'], ['.wh..'], ['.wh...']])('is refused for a whiteout named `%s`', (name) => {
    expect(refused(tar([directory('d'), { name: `d/${name}` }])).slice(1, 4)).toEqual([`d/${name}`, 'whiteout', '22']);
  });

  test('runs into a limit with a loop of symbolic links, too long a path and too many of them', () => {
    expect(refused(tar([{ name: 'a', type: '2', link: 'b' }, { name: 'b', type: '2', link: 'a' }, { name: 'a/x' }])).slice(1, 4)).toEqual([
      'a/x',
      'open',
      '40',
    ]);
    expect(refused(tar([{ name: 'x', pax: { path: 'd/'.repeat(3000) } }]))[2]).toBe('path');
    expect(refused(tar([{ name: 'x', pax: { path: `a/${'n'.repeat(300)}` } }]))[3]).toBe('36');
    expect(refused(tar([{ name: 'a' }, { name: 'a/b' }])).slice(1, 4)).toEqual(['a/b', 'open', '20']);
  });

  test('cannot reach out with a whiteout below a symbolic link, or by one that is a link itself', () => {
    const root = unpacked(
      tar([
        { name: 'out', type: '2', link: victim },
        { name: 'out/.wh.secret' },
        { name: 'up', type: '2', link: '../../victim' },
        { name: 'up/.wh..wh..opq' },
        { name: '.wh.link', type: '2', link: join(victim, 'secret') },
        { name: '.wh.hard', type: '1', link: join(victim, 'secret') },
        { name: '.wh.dev', type: '3', device: [1, 3] },
        { name: 'out', type: '5' },
        { name: 'out/.wh.secret' },
      ]),
    );
    untouched();
    const found = listTree(root);
    for (const name of ['link', 'hard', 'dev', 'out/secret', join(victim, 'secret').slice(1)])
      expect(found[name], name).toMatch(/^0o20000 /);
  });

  test('takes no more memory for a thousand extended headers than for one, or for many files', () => {
    const records = Buffer.concat(Array.from({ length: 100 }, (_, index) => paxRecord(`SCHILY.xattr.user.a${index}`, 'x'.repeat(10_000))));
    const header = tarEntry({ name: 'pax', type: 'x', content: records });
    const archive = Buffer.concat([...Array.from({ length: 200 }, () => header), tarEntry({ name: 'a', pax: { path: 'b' } }), tar([])]);
    const root = join(fixture.directory, 'flooded');
    mkdirSync(root);
    // 64 MiB of address space, of which the buffers that are always there take 2.
    const result = spawnSync('sh', ['-c', 'ulimit -v 65536; exec "$0" unpack "$1"', LAUNCHER, root], {
      input: archive,
      maxBuffer: 1 << 20,
    });
    expect([decodeFrames(result.stdout).frames.at(-1), readdirSync(root)]).toEqual([['done'], ['b']]);
  });

  test('with a file larger than any can be is refused, and one with a hole of terabytes takes no room', () => {
    const sparse = (size: string) => tar([{ name: 'x', content: 'abcd', pax: { 'GNU.sparse.map': '0,4', 'GNU.sparse.size': size } }]);
    expect(refused(sparse('9223372036854775807')).slice(1, 3)).toEqual(['x', 'write']);
    const root = unpacked(sparse(String(2 ** 42)));
    expect([statSync(join(root, 'x')).size, statSync(join(root, 'x')).blocks < 100]).toEqual([2 ** 42, true]);
  });

  test('makes nothing so deep that it cannot be removed', () => {
    const entries = Array.from({ length: 30 }, (_, index) => [
      { name: 'x', type: '5', pax: { path: `l/${'d/'.repeat(1500)}` } },
      { name: `l${index}`, type: '2', link: `${index === 0 ? 'l' : `l${index - 1}`}/${'d/'.repeat(40)}` },
    ]).flat();
    const { root } = unpack(tar([...entries, { name: 'x', pax: { path: `l29/${'e/'.repeat(1900)}f` } }]));
    execFileSync(LAUNCHER, ['remove', root]);
    expect(existsSync(root)).toBe(false);
  });

  test.each([
    ['no archive', Buffer.alloc(2048, 'x'), 'header'],
    ['one that is cut off in a header', tar([{ name: 'a' }]).subarray(0, 300), 'input'],
    ['one that is cut off in a file', tarEntry({ name: 'a', content: 'x'.repeat(5000) }).subarray(0, 1024), 'input'],
    ['one with a broken checksum', Buffer.concat([Buffer.from('b'), tar([{ name: 'a' }]).subarray(1)]), 'header'],
    ['a size that is negative', tar([{ name: 'a', raw: { 124: '\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe' } }]), 'header'],
    ['a size that is no number', tar([{ name: 'a', raw: { 124: '12x45678901' } }]), 'header'],
    ['an extended header without end', tar([{ name: 'a', type: 'x', size: 2_000_000_000 }]), 'header'],
    ['a record longer than its header', tar([{ name: 'x', type: 'x', content: '99 path=a\n' }, { name: 'a' }]), 'header'],
    ['a record without a length', tar([{ name: 'x', type: 'x', content: 'path=a\n' }, { name: 'a' }]), 'header'],
    ['a NUL in a path', tar([{ name: 'x', pax: { path: 'a\0b' } }]), 'header'],
    ['an owner that means nobody', tar([{ name: 'x', pax: { uid: '4294967295' } }]), 'header'],
    ['a type that nobody knows', tar([{ name: 'x', type: 'Z' }]), 'header'],
    [
      'a sparse map that goes backwards',
      tar([{ name: 'x', content: 'abcd', pax: { 'GNU.sparse.map': '100,2,50,2', 'GNU.sparse.size': '200' } }]),
      'header',
    ],
    [
      'a sparse map beyond the end',
      tar([{ name: 'x', content: 'abcd', pax: { 'GNU.sparse.map': '18446744073709551615,4', 'GNU.sparse.size': '200' } }]),
      'header',
    ],
    [
      'a sparse map of other data',
      tar([{ name: 'x', content: 'abcd', pax: { 'GNU.sparse.map': '0,400', 'GNU.sparse.size': '400' } }]),
      'header',
    ],
  ])('is refused if it is %s', (_what, archive, stage) => {
    expect(refused(archive)[2]).toBe(stage);
  });
});
