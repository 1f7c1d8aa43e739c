import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openContext } from '../../../../engine/build/context.ts';
import { parsePattern } from '../../../../engine/build/patterns.ts';

let root: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'tsstack-context-')));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(...names: string[]): void {
  for (const name of names) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), name);
  }
}
function relink(target: string, path: string): void {
  rmSync(path);
  symlinkSync(target, path);
}
async function selected(patterns: string[], exclude: string[] = [], dockerfile?: string): Promise<string[]> {
  const context = await openContext(root, dockerfile);
  return (await context.select(patterns, exclude)).map(({ path, type }) => (type === 'directory' ? `${path}/` : path));
}
async function hashOf(patterns: string[]): Promise<string> {
  const context = await openContext(root);
  return await context.hash(await context.select(patterns));
}

describe('a selection', () => {
  it('is a file, or a directory and what is in it, sorted', async () => {
    write('a.txt', 'src/b.js', 'src/a/x', 'src/a.js', 'other');
    expect(await selected(['src', '/a.txt'])).toEqual(['a.txt', 'src/', 'src/a/', 'src/a.js', 'src/a/x', 'src/b.js']);
    expect((await selected(['.'])).length).toBe(8);
    const entries = await (await openContext(root)).select(['./src/']);
    expect(entries.every(({ root: from }) => from === 'src')).toBe(true);
    expect(entries.at(-1)).toEqual({
      path: 'src/b.js',
      root: 'src',
      type: 'file',
      mode: expect.any(Number),
      size: 8,
      linkTarget: undefined,
      source: join(root, 'src/b.js'),
    });
  });

  it('has patterns of names, where a star stays in its part and two take any number', async () => {
    write('a.js', 'b.ts', 'c1.js', 'x/a.js', 'x/y/a.js', 'x/y/b.ts', 'we[ird');
    expect(await selected(['*.js'])).toEqual(['a.js', 'c1.js']);
    expect(await selected(['?.[jt]s'])).toEqual(['a.js', 'b.ts']);
    expect(await selected(['*/*.js'])).toEqual(['x/a.js']);
    expect(await selected(['**/a.js'])).toEqual(['a.js', 'x/a.js', 'x/y/a.js']);
    expect(await selected(['x/**/*.ts'])).toEqual(['x/y/b.ts']);
    expect(await selected(['we\\[ird'])).toEqual(['we[ird']);
    expect(await selected(['*.none'])).toEqual([]);
  });

  it('leaves out what is excluded, by its path in the context or in what was selected', async () => {
    write('src/a.js', 'src/a.md', 'src/sub/b.md', 'c.md');
    expect(await selected(['src'], ['*.md'])).toEqual(['src/', 'src/a.js', 'src/sub/', 'src/sub/b.md']);
    expect(await selected(['.'], ['**/*.md', '!c.md'])).toEqual(['/', 'c.md', 'src/', 'src/a.js', 'src/sub/']);
    expect(await selected(['.'], ['src/sub'])).toEqual(['/', 'c.md', 'src/', 'src/a.js', 'src/a.md']);
    expect(await selected(['*.md'], ['c*'])).toEqual([]);
  });

  it('keeps links within it, follows one that is selected, and has no sockets', async () => {
    write('src/a', 'real/b');
    symlinkSync('a', join(root, 'src/link'));
    symlinkSync('/etc/passwd', join(root, 'src/out'));
    symlinkSync('real', join(root, 'alias'));
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(root, 'src/socket'), resolve));
    const context = await openContext(root);
    expect((await context.select(['src'])).map(({ path, linkTarget }) => [path, linkTarget])).toEqual([
      ['src', undefined],
      ['src/a', undefined],
      ['src/link', 'a'],
      ['src/out', '/etc/passwd'],
    ]);
    await new Promise((resolve) => server.close(resolve));
    expect((await context.select(['alias'])).map(({ path, source }) => [path, source])).toEqual([
      ['alias', join(root, 'real')],
      ['alias/b', join(root, 'real/b')],
    ]);
    expect((await context.select(['alias/b'])).map(({ path }) => path)).toEqual(['alias/b']);
  });

  it('never leads out of the context', async () => {
    write('in/a');
    symlinkSync('/etc', join(root, 'etc'));
    symlinkSync('/etc/passwd', join(root, 'in/passwd'));
    const context = await openContext(join(root, 'in'));
    for (const pattern of ['..', '../x', 'a/../../x', 'passwd', 'p*d']) {
      await expect(context.select([pattern]), pattern).rejects.toMatchObject({
        code: 'usage',
        message: expect.stringContaining('out of the context'),
      });
    }
    const outer = await openContext(root);
    for (const pattern of ['etc', 'etc/passwd', 'etc/*', '*/passwd']) {
      await expect(outer.select([pattern]), pattern).rejects.toThrow('out of the context');
    }
  });

  it('tells what is not there, and what was probably meant', async () => {
    write('src/package.json');
    await expect(selected(['src/pakage.json'])).rejects.toMatchObject({
      message: `cannot copy \`src/pakage.json\`: it is not in the context \`${root}\``,
      hint: 'did you mean `src/package.json`?',
    });
    await expect(selected(['a['])).rejects.toThrow('a `[` is not closed');
    await expect(openContext(join(root, 'none'))).rejects.toThrow('it is not there');
    await expect(openContext(join(root, 'src/package.json'))).rejects.toThrow('it is no directory');
  });
});

describe('.dockerignore', () => {
  it('leaves things out, takes some in again, and tells case and letters of regular expressions apart', async () => {
    write('a.md', 'README.md', 'A.MD', 'sub/c.md', 'node_modules/x/y', 'node_modules/keep/z', 'a+b', 'aab', '(group)/page');
    writeFileSync(
      join(root, '.dockerignore'),
      '# comment\n*.md\n!README.md\n/node_modules\n!node_modules/keep\na+b\n(group)\n.dockerignore\n',
    );
    expect(await selected(['.'])).toEqual([
      '/',
      'A.MD',
      'README.md',
      'aab',
      'node_modules/',
      'node_modules/keep/',
      'node_modules/keep/z',
      'sub/',
      'sub/c.md',
    ]);
    expect(await selected(['node_modules'])).toEqual(['node_modules/', 'node_modules/keep/', 'node_modules/keep/z']);
    expect(await selected(['*.md'])).toEqual(['README.md']);
    await expect(selected(['a.md'])).rejects.toThrow(`cannot copy \`a.md\`: \`${root}/.dockerignore\` leaves it out`);
    await expect(selected(['node_modules/x'])).rejects.toThrow('leaves it out');
  });

  it('of the Dockerfile comes first', async () => {
    write('a', 'b', 'api.Dockerfile');
    writeFileSync(join(root, '.dockerignore'), 'a\n');
    writeFileSync(join(root, 'api.Dockerfile.dockerignore'), '*\r\n!a\r\n');
    expect(await selected(['.'], [], join(root, 'api.Dockerfile'))).toEqual(['/', 'a']);
    expect(await selected(['[ab]'], [], join(root, 'Dockerfile'))).toEqual(['b']);
  });

  it('hides what a link leads to, and a pattern in it that is none is told', async () => {
    write('secret');
    symlinkSync('secret', join(root, 'link'));
    writeFileSync(join(root, '.dockerignore'), 'secret\n');
    await expect(selected(['link'])).rejects.toThrow('leaves out `secret`');
    writeFileSync(join(root, '.dockerignore'), 'a\n[z-a]\n');
    await expect(selected(['.'])).rejects.toThrow(`cannot read the pattern \`[z-a]\` at \`${root}/.dockerignore:2\``);
  });
});

describe('the hash of a selection', () => {
  it('changes with names, modes, contents, types and link targets, and with nothing else', async () => {
    write('src/a', 'src/b', 'other');
    symlinkSync('a', join(root, 'src/link'));
    const first = await hashOf(['src']);
    const seen = new Set([first]);
    const changes: [string, () => void][] = [
      ['content', () => writeFileSync(join(root, 'src/a'), 'src/x')],
      ['mode', () => chmodSync(join(root, 'src/b'), 0o755)],
      ['name', () => write('src/c')],
      ['link', () => relink('b', join(root, 'src/link'))],
      ['type', () => relink('b', join(root, 'src/c'))],
    ];
    for (const [what, change] of changes) {
      change();
      const hash = await hashOf(['src']);
      expect(seen.has(hash), what).toBe(false);
      seen.add(hash);
    }
    const last = await hashOf(['src']);
    utimesSync(join(root, 'src/a'), 1, 1);
    write('other');
    expect(await hashOf(['src'])).toBe(last);
  });

  it('is told anew of a file that changed within one build', async () => {
    write('a');
    const context = await openContext(root);
    const before = await context.hash(await context.select(['a']));
    writeFileSync(join(root, 'a'), 'longer');
    expect(await context.hash(await context.select(['a']))).not.toBe(before);
    const entries = await context.select(['a']);
    rmSync(join(root, 'a'));
    await expect(context.hash(entries)).rejects.toThrow(`cannot read \`${root}/a\``);
  });
});

it.each([
  ['[^a-c]x', ['dx'], ['ax', 'dxx']],
  ['a\\*b', ['a*b'], ['axb']],
  ['[\\]-]', [']', '-'], ['a']],
  ['a.b(c)+', ['a.b(c)+'], ['axb(c)+', 'a.bcc']],
])('the pattern %s', (pattern, yes, no) => {
  const [part] = parsePattern(pattern).parts;
  const matches = (name: string) => typeof part === 'object' && ('name' in part ? part.name === name : part.matches.test(name));
  expect([yes.filter(matches), no.filter(matches)]).toEqual([yes, []]);
});
