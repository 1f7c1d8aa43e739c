import { describe, expect, it } from 'vitest';
import { build, debian, from, hostRootfs, ociImage, rootfs } from '../../../dsl/index.ts';
import { renderIssues } from '../../../dsl/issues.ts';
import { parseStack } from '../../../dsl/parse.ts';
import type { ImageSource } from '../../../dsl/spec.ts';

const context = { directory: '/srv/shop', env: { HOME: '/home/ann', TOKEN: 'secret' }, defaultName: 'shop' };

function imageOf(settings: object): ImageSource | undefined {
  const parsed = parseStack({ services: { api: settings } }, context);
  if (!parsed.ok) throw new Error(renderIssues(parsed.issues, { file: 'stack.config.ts' }));
  return parsed.spec.services['api']?.image;
}
function wrongWith(settings: object): string[] {
  const parsed = parseStack({ services: { api: settings } }, context);
  if (parsed.ok) return [];
  const lines = renderIssues(parsed.issues, { file: 'f' }).split('\n').slice(1);
  return lines.map((line) => line.trim().replace('services.api.', ''));
}

describe('`build` of a service', () => {
  it('is a directory with a Dockerfile, relative to the stack file', () => {
    expect(imageOf({ build: './api' })).toEqual({
      kind: 'build',
      recipe: {
        type: 'dockerfile',
        context: '/srv/shop/api',
        dockerfile: { path: '/srv/shop/api/Dockerfile' },
        target: undefined,
        args: {},
        secrets: {},
        contexts: {},
      },
      tags: [],
      labels: {},
    });
  });

  it('has a long form, whose Dockerfile is relative to the context and whose null arguments come from the environment', () => {
    const image = imageOf({
      image: 'shop/api:1',
      build: {
        context: 'api',
        dockerfile: '../docker/api.Dockerfile',
        target: 'prod',
        args: { A: 1, TOKEN: null, UNSET: null },
        secrets: { key: { file: '~/key' }, token: { environment: 'TOKEN' } },
        labels: { a: true },
        tags: ['shop/api:1', 'shop/api:latest'],
        additionalContexts: { lib: '../lib' },
      },
    });
    expect(image).toEqual({
      kind: 'build',
      recipe: {
        type: 'dockerfile',
        context: '/srv/shop/api',
        dockerfile: { path: '/srv/shop/docker/api.Dockerfile' },
        target: 'prod',
        args: { A: '1', TOKEN: 'secret' },
        secrets: { key: { file: '/home/ann/key' }, token: { environment: 'TOKEN' } },
        contexts: { lib: '/srv/lib' },
      },
      tags: ['shop/api:1', 'shop/api:latest'],
      labels: { a: 'true' },
    });
  });

  it('takes the Dockerfile itself', () => {
    const image = imageOf({ build: { dockerfileInline: 'FROM scratch\n' } });
    expect(image).toMatchObject({ recipe: { context: '/srv/shop', dockerfile: { text: 'FROM scratch\n' } } });
  });

  it('tells all that is wrong with it at once', () => {
    expect(
      wrongWith({
        image: hostRootfs(),
        pullPolicy: 'always',
        build: {
          contxt: '.',
          dockerfile: 'a',
          dockerfileInline: 'FROM x',
          target: 'a b',
          args: { 'A=B': 1 },
          secrets: { 'a b': { file: 'x' }, c: { environment: '' } },
          tags: ['a@sha256:1'],
          additionalContexts: { base: 'docker-image://x' },
        },
      }),
    ).toEqual([
      'image: names what `build` builds, so it is a reference: leave one of the two out',
      'pullPolicy: `always` is only for images of a registry',
      'build.contxt: there is no such setting',
      'did you mean `context`?',
      'build.dockerfile: `a` is not read: there is `dockerfileInline`; leave one of the two out',
      'build.target: `a b` is no name of a stage',
      'build.args["A=B"]: is no name of a variable',
      'build.secrets["a b"]: is no id of a secret: use letters, digits, `_`, `.` and `-`',
      'build.secrets.c.environment: `` is no name of a variable',
      'build.tags[0]: `a@sha256:1` cannot name what is built: it must be `name` or `name:tag`',
      'build.additionalContexts.base: `docker-image://x` is no directory of this host: what is elsewhere has to be fetched first',
    ]);
    expect(wrongWith({ build: 5 })).toEqual(['build: `5` must be a directory or `{ context, dockerfile, … }`']);
    expect(wrongWith({ build: 'https://github.com/a/b.git' })).toHaveLength(1);
    expect(wrongWith({})[0]).toBe('image: is missing');
  });
});

describe('other sources', () => {
  it('are normalised', () => {
    const wanted = debian({ suite: 'bookworm', packages: ['redis-server', 'ca-certificates', 'redis-server'] });
    expect(imageOf({ image: wanted, command: 'x' })).toEqual({
      kind: 'debian',
      suite: 'bookworm',
      packages: ['ca-certificates', 'redis-server'],
      mirror: undefined,
    });
    expect(imageOf({ image: ociImage('images/a.tar', { image: 'a:1' }) })).toEqual({
      kind: 'archive',
      path: '/srv/shop/images/a.tar',
      image: 'a:1',
    });
  });

  it('are refused where they cannot be right', () => {
    expect(wrongWith({ image: debian({ suite: 'Book worm', packages: ['nginx=1.22', 'a b'], mirror: 'deb.debian.org' }) })).toEqual([
      'image.suite: `Book worm` is no suite of Debian such as `bookworm` or `stable`',
      'image.packages[0]: `nginx=1.22` is no name of a package',
      'did you mean `nginx`?',
      'image.packages[1]: `a b` is no name of a package',
      'image.mirror: `deb.debian.org` must be a URL such as `https://deb.debian.org/debian`',
    ]);
    expect(wrongWith({ image: { kind: 'debian', suite: 5, pakages: [] } })).toEqual([
      'image.suite: `5` must be text',
      'image.pakages: there is no such setting',
      'did you mean `packages`?',
    ]);
    expect(wrongWith({ image: { kind: 'debain', suite: 'x' } })).toEqual([
      'image.kind: `debain` must be `hostRootfs`, `rootfs`, `archive`, `debian` or `build`',
    ]);
  });
});

describe('build() in code', () => {
  it('is plain data whose paths and texts are in long form', () => {
    const image = build(
      from('node:22'),
      (b) =>
        b
          .run('npm ci', { cache: ['/root/.npm'] })
          .run(['id', '-u'])
          .copy('./src', '/app')
          .copy(['a', 'b'], 'x/', { from: 'y', chown: 1000, chmod: '0755', exclude: '*.md' })
          .env({ A: 1 })
          .workdir('/app')
          .user('node')
          .entrypoint(['/init'])
          .cmd('node "a b.js"')
          .expose(80, '53/udp')
          .volume('/data/')
          .label({ a: true })
          .stopSignal('int'),
      { tags: ['shop/web'] },
    );
    const source = imageOf({ image });
    expect(source).toEqual({
      kind: 'build',
      recipe: {
        type: 'steps',
        base: { kind: 'reference', reference: 'node:22' },
        context: '/srv/shop',
        steps: [
          { do: 'run', command: ['/bin/sh', '-c', 'npm ci'], caches: ['/root/.npm'] },
          { do: 'run', command: ['id', '-u'], caches: [] },
          { do: 'copy', sources: ['./src'], target: '/app', from: undefined, owner: undefined, mode: undefined, exclude: [] },
          {
            do: 'copy',
            sources: ['a', 'b'],
            target: 'x/',
            from: { kind: 'reference', reference: 'y' },
            owner: '1000',
            mode: 0o755,
            exclude: ['*.md'],
          },
          { do: 'env', values: { A: '1' } },
          { do: 'workdir', path: '/app' },
          { do: 'user', user: 'node' },
          { do: 'entrypoint', argv: ['/init'] },
          { do: 'cmd', argv: ['node', 'a b.js'] },
          { do: 'expose', ports: ['80/tcp', '53/udp'] },
          { do: 'volume', paths: ['/data'] },
          { do: 'label', values: { a: 'true' } },
          { do: 'stopSignal', signal: 'SIGINT' },
        ],
      },
      tags: ['shop/web'],
      labels: {},
    });
    expect(JSON.parse(JSON.stringify(image))).toEqual(image);
  });

  it('goes on from one builder in two ways', () => {
    let first: unknown;
    const second = build(from('x'), (b) => {
      const common = b.run('a');
      first = build(from('x'), () => common.run('b')).steps;
      return common.run('c');
    }).steps;
    expect([first, second]).toEqual([
      [
        { do: 'run', command: 'a' },
        { do: 'run', command: 'b' },
      ],
      [
        { do: 'run', command: 'a' },
        { do: 'run', command: 'c' },
      ],
    ]);
  });

  it('builds on another build, debian() and ociImage(), and is told at once what else it was given', () => {
    const inner = build(from(debian({ suite: 'stable' })), (b) => b.cmd('x'));
    expect(imageOf({ image: build(from(inner), (b) => b.copy('a', '/a', { from: ociImage('./i') })) })).toMatchObject({
      recipe: { base: { recipe: { base: { kind: 'debian' } } }, steps: [{ from: { kind: 'archive', path: '/srv/shop/i' } }] },
    });
    const wrong = build(from(hostRootfs() as unknown as string), (b) =>
      b
        .run('', { cache: ['rel'] })
        .copy('../x', '/x', { from: rootfs('./r') as unknown as string })
        .copy(['/a', '../b'], '/b', { chmod: '9', exlude: 'c' } as object)
        .expose(0, 'http')
        .volume('rel')
        .stopSignal('TREM')
        .cmd('"'),
    );
    expect(wrongWith({ image: wrong })).toEqual([
      'image.base: `hostRootfs()` is a directory without layers: here goes a reference, `debian()`, `ociImage()` or `build()`',
      'image.steps[0].command: is empty',
      'image.steps[0].cache[0]: `rel` must be an absolute path in the container',
      'image.steps[1].from: `rootfs()` is a directory without layers: here goes a reference, `debian()`, `ociImage()` or `build()`',
      'image.steps[2].sources[0]: `/a` must be relative to the stack file, or to `context`',
      "image.steps[2].sources[1]: `../b` leaves the stack file's directory: `build` takes another one as `{ context }`",
      'image.steps[2].target: `/b` must be a directory, since several things go there',
      'did you mean `/b/`?',
      'image.steps[2].chmod: `9` must be permission bits such as `0o1777`',
      'image.steps[2].exlude: there is no such setting',
      'did you mean `exclude`?',
      'image.steps[3].ports[0]: `0` must be a port such as `80` or `53/udp`',
      'image.steps[3].ports[1]: `http` must be a port such as `80` or `53/udp`',
      'image.steps[4].paths[0]: `rel` must be an absolute path in the container',
      'image.steps[5].signal: `TREM` is no signal',
      'did you mean `SIGTERM`?',
      'image.steps[6].argv: `"` cannot be split into words: a double quote is not closed',
    ]);
  });

  it('tells a function that returns nothing, and a base without from()', () => {
    const image = build('node:22' as never, (() => undefined) as never);
    expect(wrongWith({ image })).toEqual([
      "image.base: is missing: `build` is first given `from('…')`",
      'image.steps: is missing: the function given to `build` returns the builder',
    ]);
  });
});

describe('what an image may bring', () => {
  it('is a command, but not of packages or a directory', () => {
    const none = (name: string) => [`command: is missing: \`${name}\` has none of its own`];
    const plain = debian({ suite: 'stable' });
    expect(wrongWith({ image: hostRootfs() })).toEqual(none('hostRootfs()'));
    expect(wrongWith({ image: plain })).toEqual(none('debian()'));
    expect(wrongWith({ image: build(from(plain), (b) => b.run('x')) })).toEqual(none('build()'));
    for (const image of ['x', ociImage('./x'), build(from('x'), (b) => b), build(from(plain), (b) => b.cmd('x'))]) {
      expect(wrongWith({ image })).toEqual([]);
    }
    expect(wrongWith({ build: '.' })).toEqual([]);
  });

  it('is a health check', () => {
    const stack = (image: object) => ({ services: { a: { image: 'x', dependsOn: { db: 'healthy' } }, db: { command: 'x', ...image } } });
    expect(parseStack(stack({ build: '.' }), context).ok).toBe(true);
    expect(parseStack(stack({ image: ociImage('x') }), context).ok).toBe(true);
    expect(parseStack(stack({ image: debian({ suite: 'stable' }) }), context).ok).toBe(false);
  });
});
