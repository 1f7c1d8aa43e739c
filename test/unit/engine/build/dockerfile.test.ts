// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are the variables of Dockerfiles
import { describe, expect, it } from 'vitest';
import { type DockerfileOptions, parseDockerfile } from '../../../../engine/build/dockerfile.ts';
import type { BuildGraph, BuildStep, ParentConfig } from '../../../../engine/model/build.ts';

const BASE: ParentConfig = { environment: { PATH: '/bin', BASE: 'b' }, workingDir: '/', user: undefined, shell: undefined, onBuild: [] };

function parse(text: string, options: Partial<DockerfileOptions> = {}): Promise<BuildGraph> {
  const platform = { os: 'linux', architecture: 'amd64' };
  return parseDockerfile(text, { file: 'Dockerfile', target: undefined, args: {}, platform, contexts: [], secrets: [], ...options });
}
type WithoutPlace<T> = T extends unknown ? Omit<T, 'place'> : never;
type Step = WithoutPlace<BuildStep>;

/** Steps of the last stage without their places; of a text without FROM, as if it had one. */
async function stepsOf(text: string, options: Partial<DockerfileOptions> = {}, base = BASE): Promise<Step[]> {
  const { stages } = await parse(/^(?:ARG.*\n)?FROM/m.test(text) ? text : `FROM x\n${text}`, options);
  let steps: readonly BuildStep[] = [];
  for (const stage of stages) steps = stage.steps(base);
  return steps.map(({ place: _, ...step }) => step);
}
/** What the config steps say, put together. */
async function configOf(text: string, options: Partial<DockerfileOptions> = {}, base = BASE): Promise<object> {
  const steps = await stepsOf(text, options, base);
  return Object.assign({}, ...steps.map((step) => ('change' in step ? step.change : {})));
}
async function runOf(text: string, options: Partial<DockerfileOptions> = {}, base = BASE) {
  const run = (await stepsOf(text, options, base)).flatMap((step) => (step.do === 'run' ? [step] : [])).at(-1);
  if (run === undefined) throw new Error('there is no RUN');
  return run;
}
async function copyOf(text: string, options: Partial<DockerfileOptions> = {}) {
  const copy = (await stepsOf(text, options)).find((step) => step.do === 'copy');
  if (copy === undefined) throw new Error('there is no COPY');
  return copy;
}
const files = (pattern: string, from: object = { kind: 'context' }, unpack = false) => ({ kind: 'files', from, pattern, unpack });

describe('lines', () => {
  it('are joined by the escape character, with comments and empty lines between them left out', async () => {
    const run = await runOf('RUN a \\\n# comment\n  # another\n\n  b \\  \n  c # no comment\n# after\n');
    expect(run.argv).toEqual(['/bin/sh', '-c', 'a   b   c # no comment']);
  });

  it('have the escape character that the directive names', async () => {
    expect((await runOf('# escape=`\nFROM x\nRUN a\\b `\n  c')).argv.at(-1)).toBe('a\\b   c');
    await expect(parse('# escape=x\nFROM x')).rejects.toThrow('only `\\` and `` ` `` can be the escape character');
  });

  it('are not joined by an escape that is escaped, and are those of any system', async () => {
    expect((await runOf('RUN a \\\\\nRUN b')).argv.at(-1)).toBe('b');
    expect((await runOf('\uFEFFFROM x\r\nrun a \\\r\n b\r\n')).argv.at(-1)).toBe('a  b');
  });

  it('are told of by number and text, where the instruction begins', async () => {
    const { stages } = await parse('# c\n\nFROM x\n\nRUN a \\\n  b\nRUN <<EOF\nx\nEOF\nENV a=b');
    const places = stages[0]?.steps(BASE).map(({ place }) => place);
    expect(places).toEqual([
      { file: 'Dockerfile', line: 5, text: 'RUN a b' },
      { file: 'Dockerfile', line: 7, text: 'RUN <<EOF' },
      { file: 'Dockerfile', line: 10, text: 'ENV a=b' },
    ]);
    expect(stages[0]?.place).toEqual({ file: 'Dockerfile', line: 3, text: 'FROM x' });
  });
});

describe('heredocs', () => {
  it('are scripts for the shell, with nothing in them read', async () => {
    const run = await runOf('RUN <<EOF\n# no comment\necho $A \\\n  b\n\nRUN x\nEOF\n');
    expect(run.argv).toEqual(['/bin/sh', '-c', '# no comment\necho $A \\\n  b\n\nRUN x\n']);
  });

  it('lose the tabs at the start of their lines with a dash', async () => {
    expect((await runOf('RUN <<-EOF\n\tif a; then\n\t\tb\n\tEOF')).argv.at(-1)).toBe('if a; then\nb\n');
  });

  it('go to the shell as they are written if there is more on the line', async () => {
    expect((await runOf('RUN python3 <<EOF > /x\nprint(1)\nEOF\nRUN cat <<A 3<<"B" && x\na\nA\nb\nB\n')).argv.at(-1)).toBe(
      'cat <<A 3<<"B" && x\na\nA\nb\nB',
    );
    expect((await runOf('RUN python3 <<EOF > /x\nprint(1)\nEOF')).argv.at(-1)).toBe('python3 <<EOF > /x\nprint(1)\nEOF');
  });

  it('with an interpreter of their own are given to it', async () => {
    const [shell, flag, script] = (await runOf('RUN <<EOF\n#!/usr/bin/env python3\nprint("hi")\nEOF')).argv;
    expect([shell, flag]).toEqual(['/bin/sh', '-c']);
    expect(script).toMatch(/^exec '\/usr\/bin\/env' 'python3' \/dev\/fd\/3 3<<'(\w+)'\n#!\/usr\/bin\/env python3\nprint\("hi"\)\n\1\n$/);
  });

  it('are files for COPY, whose variables are replaced unless the delimiter is quoted', async () => {
    const copy = await copyOf('ENV A="x y"\nCOPY <<a.txt <<"b.txt" /etc/\n"$A" \\$A ${B:-c}\na.txt\n"$A" \\$A\nb.txt\n');
    expect(copy).toMatchObject({
      target: '/etc/',
      sources: [
        { kind: 'content', name: 'a.txt', content: '"x y" $A c\n' },
        { kind: 'content', name: 'b.txt', content: '"$A" \\$A\n' },
      ],
    });
    expect((await copyOf('COPY a <<-E b /x/\n\thi\n\tE')).sources).toEqual([
      files('a'),
      { kind: 'content', name: 'E', content: 'hi\n' },
      files('b'),
    ]);
  });

  it('are only what Docker takes for one', async () => {
    expect((await runOf('RUN sh -c "cat <<EOF" && b\nRUN echo $((1<<2)) "<<X"')).argv.at(-1)).toBe('echo $((1<<2)) "<<X"');
    expect((await runOf('RUN cat 3<<E\nRUN x\nE\nRUN last')).argv.at(-1)).toBe('last');
    expect((await copyOf('COPY <<"E F" /x\nhi\nE F\nRUN x')).sources).toEqual([{ kind: 'content', name: 'E F', content: 'hi\n' }]);
  });

  it('that are not closed are told', async () => {
    await expect(parse('FROM x\nRUN <<EOF\na\n')).rejects.toThrow(
      'cannot read `RUN <<EOF` at `Dockerfile:2`: its heredoc is not closed: no line is `EOF`',
    );
    await expect(parse('FROM x\nCOPY a <<EOF\nEOF')).rejects.toThrow('a heredoc can be a source, but not the target');
  });
});

describe('ENV, ARG and LABEL', () => {
  it('take several values with quotes and escapes, or the old form of one', async () => {
    expect(await configOf('ENV a=b c="d e" f=g\\ h i=\'$BASE\' j="$BASE"')).toEqual({
      environment: { a: 'b', c: 'd e', f: 'g h', i: '$BASE', j: 'b' },
    });
    expect(await configOf('ENV a b  c "d"')).toEqual({ environment: { a: 'b  c d' } });
    expect(await configOf('LABEL "com.example.a"=1 b="$BASE c" d=')).toEqual({ labels: { 'com.example.a': '1', b: 'b c', d: '' } });
  });

  it('use in one instruction the values from before it', async () => {
    const steps = await stepsOf('ENV abc=hello\nENV abc=bye def=$abc\nENV ghi=$abc');
    expect(steps.map((step) => ('change' in step ? step.change.environment : undefined))).toEqual([
      { abc: 'hello' },
      { abc: 'bye', def: 'hello' },
      { ghi: 'bye' },
    ]);
  });

  it('an argument has its given value, else its default, and counts from its line on', async () => {
    const text = 'USER ${name:-nobody}\nARG name=ann\nUSER $name';
    const users = async (args: Record<string, string>) =>
      (await stepsOf(text, { args })).map((step) => ('change' in step ? step.change.user : undefined));
    expect(await users({})).toEqual(['nobody', 'ann']);
    expect(await users({ name: 'bob' })).toEqual(['nobody', 'bob']);
  });

  it('a variable of the image wins over an argument of its name, wherever that stands', async () => {
    const run = await runOf('ENV V=env\nARG V=arg\nARG W=${V}!\nARG X\nRUN x', { args: { V: 'given' } });
    expect(run.environment).toEqual({ W: 'env!' });
    expect(await configOf('ARG BASE=arg\nUSER $BASE')).toMatchObject({ user: 'b' });
    expect(await configOf('ARG V=1\nENV V=${V:-2}')).toEqual({ environment: { V: '1' } });
  });

  it('arguments before FROM are for FROM, and for stages that ask for them without a default', async () => {
    const text = 'ARG V=1\nARG T=${V}-slim\nFROM node:${T}\nUSER u$V\nARG V\nUSER u$V\nARG T=other\nUSER $T';
    const { stages } = await parse(text, { args: { V: '2' } });
    expect(stages[0]?.base).toEqual({ kind: 'image', image: { kind: 'reference', reference: 'node:2-slim' } });
    expect((await stepsOf(text)).map((step) => ('change' in step ? step.change.user : undefined))).toEqual(['u', 'u1', 'other']);
  });

  it('the platform is there for FROM, and for stages that ask for it', async () => {
    const { stages } = await parse('FROM --platform=$BUILDPLATFORM x-$TARGETARCH\nARG TARGETPLATFORM\nUSER $TARGETPLATFORM-$TARGETOS');
    expect(stages[0]?.base).toMatchObject({ image: { reference: 'x-amd64' } });
    expect(stages[0]?.steps(BASE)).toMatchObject([{ change: { user: 'linux/amd64-' } }]);
  });

  it('arguments are inherited by a stage that is built on another, not by one beside it', async () => {
    const { stages } = await parse('FROM x AS a\nARG V=1\nFROM a\nUSER u$V\nFROM x\nUSER u$V');
    const users = stages.map((stage) => stage.steps(BASE).map((step) => ('change' in step ? step.change.user : undefined)));
    expect(users).toEqual([[], ['u1'], ['u']]);
  });

  it('proxies need no ARG, and are apart from what a step is cached by', async () => {
    const args = { HTTP_PROXY: 'http://p', no_proxy: 'x' };
    expect(await runOf('ARG no_proxy\nRUN x', { args })).toMatchObject({
      environment: { no_proxy: 'x' },
      proxies: { HTTP_PROXY: 'http://p' },
    });
  });

  it('an argument that nobody asks for is told, and built without', async () => {
    expect((await parse('FROM x\nARG used', { args: { used: '1', HTTP_PROXY: 'p', b: '2', a: '1' } })).notices).toEqual([
      'build argument `a` is not used: `Dockerfile` has no `ARG a`',
      'build argument `b` is not used: `Dockerfile` has no `ARG b`',
    ]);
    expect((await parse('# syntax=docker/dockerfile:1\nFROM x')).notices).toEqual([]);
    expect((await parse('# syntax=acme/frontend\nFROM x')).notices).toHaveLength(1);
  });
});

describe('RUN', () => {
  it('has a form for the shell, whose variables are the shell’s, and one without', async () => {
    expect((await runOf('RUN echo "$A" ${BASE} \\$x')).argv).toEqual(['/bin/sh', '-c', 'echo "$A" ${BASE} \\$x']);
    expect((await runOf('RUN ["echo", "$BASE", "a b"]')).argv).toEqual(['echo', '$BASE', 'a b']);
    expect((await runOf('RUN [ "$x" = 1 ] && b')).argv).toEqual(['/bin/sh', '-c', '[ "$x" = 1 ] && b']);
    expect((await runOf("RUN ['a']")).argv.at(-1)).toBe("['a']");
  });

  it('uses the shell that SHELL or the base says', async () => {
    expect((await runOf('SHELL ["/bin/bash", "-ec"]\nRUN a')).argv).toEqual(['/bin/bash', '-ec', 'a']);
    expect((await runOf('RUN a', {}, { ...BASE, shell: ['/bin/ash', '-c'] })).argv).toEqual(['/bin/ash', '-c', 'a']);
  });

  it.each([
    [
      'type=cache,target=/root/.npm',
      { type: 'cache', id: '/root/.npm', target: '/root/.npm', readOnly: false, sharing: 'shared', mode: 0o755, uid: 0, gid: 0 },
    ],
    [
      'type=cache,id=$BASE,dst=c/,sharing=locked,mode=0700,uid=5,gid=6,ro',
      { type: 'cache', id: 'b', target: '/app/c', readOnly: true, sharing: 'locked', mode: 0o700, uid: 5, gid: 6 },
    ],
    ['target=/src', { type: 'bind', from: { kind: 'context' }, source: '/', target: '/src', writable: false }],
    [
      'type=bind,from=build,src=/out,"target=/a,b",rw=true',
      { type: 'bind', from: { kind: 'stage', stage: 0 }, source: '/out', target: '/a,b', writable: true },
    ],
    [
      'from=alpine:3,target=/a',
      {
        type: 'bind',
        from: { kind: 'image', image: { kind: 'reference', reference: 'alpine:3' } },
        source: '/',
        target: '/a',
        writable: false,
      },
    ],
    ['type=tmpfs,target=/t,size=64m', { type: 'tmpfs', target: '/t', sizeBytes: 64 * 2 ** 20 }],
    ['type=tmpfs,target=/t', { type: 'tmpfs', target: '/t', sizeBytes: undefined }],
    [
      'type=secret,id=key,required=true',
      { type: 'secret', id: 'key', target: '/run/secrets/key', variable: undefined, required: true, mode: 0o400, uid: 0, gid: 0 },
    ],
    [
      'type=secret,id=key,env=KEY',
      { type: 'secret', id: 'key', target: undefined, variable: 'KEY', required: false, mode: 0o400, uid: 0, gid: 0 },
    ],
    [
      'type=secret,target=/root/.netrc,mode=0444',
      { type: 'secret', id: '.netrc', target: '/root/.netrc', variable: undefined, required: false, mode: 0o444, uid: 0, gid: 0 },
    ],
  ])('--mount=%s', async (mount, expected) => {
    const text = `FROM x AS build\nFROM x\nWORKDIR /app\nRUN --mount='${mount}' --network=none a --not-a-flag`;
    const run = await runOf(text, { secrets: ['key'] });
    expect(run.mounts).toEqual([expected]);
    expect(run).toMatchObject({ network: 'none', argv: ['/bin/sh', '-c', 'a --not-a-flag'] });
  });
});

describe('COPY and ADD', () => {
  it('take patterns and a target in the working directory', async () => {
    expect(await copyOf('WORKDIR /app\nCOPY a $BASE/*.js dist/')).toEqual({
      do: 'copy',
      sources: [files('a'), files('b/*.js')],
      target: '/app/dist/',
      owner: undefined,
      mode: undefined,
      exclude: [],
      parents: false,
    });
    expect((await copyOf('COPY ["a b", "c"]')).sources).toEqual([files('a b')]);
  });

  it.each([
    ['.', '/app/'],
    ['./', '/app/'],
    ['x', '/app/x'],
    ['x/', '/app/x/'],
    ['/', '/'],
    ['/x/../y', '/y'],
    ['..', '/'],
    ['$BASE', '/app/b'],
  ])('target %s is %s', async (written, target) => {
    expect((await copyOf(`WORKDIR /app\nCOPY a ${written}`)).target).toBe(target);
  });

  it('take their flags', async () => {
    const text = 'COPY --chown=$BASE:2 --chmod=0755 --link --parents --exclude=*.md --exclude=$BASE a /x/';
    expect(await copyOf(text)).toMatchObject({ owner: 'b:2', mode: 0o755, parents: true, exclude: ['*.md', 'b'] });
  });

  it('copy from a stage by name or number, a named context, or an image', async () => {
    const from = async (name: string) => {
      const { sources } = await copyOf(`FROM x AS Build\nFROM x\nCOPY --from=${name} a /a`, { contexts: ['lib'] });
      return sources[0] !== undefined && 'from' in sources[0] ? sources[0].from : undefined;
    };
    expect(await from('build')).toEqual({ kind: 'stage', stage: 0 });
    expect(await from('BUILD')).toEqual({ kind: 'stage', stage: 0 });
    expect(await from('0')).toEqual({ kind: 'stage', stage: 0 });
    expect(await from('lib')).toEqual({ kind: 'named-context', name: 'lib' });
    expect(await from('nginx:1')).toEqual({ kind: 'image', image: { kind: 'reference', reference: 'nginx:1' } });
  });

  it('ADD unpacks archives and fetches URLs', async () => {
    const add = await copyOf('ADD a.tar https://example.com/$BASE /x/');
    expect(add.sources).toEqual([
      files('a.tar', { kind: 'context' }, true),
      { kind: 'url', url: 'https://example.com/b', checksum: undefined },
    ]);
    expect((await copyOf('ADD --unpack=false a.tar /x')).sources).toEqual([files('a.tar')]);
    expect((await copyOf('ADD --checksum=sha256:ab http://h/x /x')).sources).toEqual([
      { kind: 'url', url: 'http://h/x', checksum: 'sha256:ab' },
    ]);
  });
});

describe('what the image says', () => {
  it.each<[string, object]>([
    ['CMD ["a", "$BASE"]', { command: ['a', '$BASE'] }],
    ['CMD a $BASE', { command: ['/bin/sh', '-c', 'a $BASE'] }],
    ['CMD []', { command: [] }],
    ['SHELL ["/bin/bash", "-c"]\nENTRYPOINT a', { shell: ['/bin/bash', '-c'], entrypoint: ['/bin/bash', '-c', 'a'] }],
    ['ENTRYPOINT ["a"]', { entrypoint: ['a'] }],
    ['EXPOSE 80 53/UDP 7000-7002/tcp', { exposedPorts: ['80/tcp', '53/udp', '7000/tcp', '7001/tcp', '7002/tcp'] }],
    ['ENV P="80 81"\nEXPOSE $P', { environment: { P: '80 81' }, exposedPorts: ['80/tcp', '81/tcp'] }],
    ['VOLUME /a /$BASE', { volumes: ['/a', '/b'] }],
    ['VOLUME ["/a b", "/c"]', { volumes: ['/a b', '/c'] }],
    ['USER $BASE:grp', { user: 'b:grp' }],
    ['STOPSIGNAL SIGQUIT', { stopSignal: 'SIGQUIT' }],
    ['STOPSIGNAL 9', { stopSignal: '9' }],
    ['MAINTAINER Ann <ann@example.com>', { labels: { 'org.opencontainers.image.authors': 'Ann <ann@example.com>' } }],
    ['ONBUILD RUN a && b', { onBuild: ['RUN a && b'] }],
    ['ONBUILD COPY a /a\nONBUILD RUN <<EOF\nx\nEOF', { onBuild: ['COPY a /a', 'RUN <<EOF\nx\nEOF'] }],
    ['HEALTHCHECK NONE', { healthcheck: { test: ['NONE'] } }],
    [
      'HEALTHCHECK --interval=1m30s --timeout=500ms --start-period=5s --start-interval=1s --retries=5 CMD curl -f $URL || exit 1',
      {
        healthcheck: {
          test: ['CMD-SHELL', 'curl -f $URL || exit 1'],
          intervalMs: 90_000,
          timeoutMs: 500,
          startPeriodMs: 5000,
          startIntervalMs: 1000,
          retries: 5,
        },
      },
    ],
    ['HEALTHCHECK --interval=0s --retries=0 CMD ["a"]', { healthcheck: { test: ['CMD', 'a'] } }],
  ])('%s', async (text, change) => {
    expect(await configOf(text)).toEqual(change);
  });

  it('WORKDIR goes on from the one before, and from that of the base', async () => {
    const steps = await stepsOf('WORKDIR a\nWORKDIR $BASE\nWORKDIR /c\nWORKDIR ../d', {}, { ...BASE, workingDir: '/srv' });
    expect(steps.map((step) => ('path' in step ? step.path : undefined))).toEqual(['/srv/a', '/srv/a/b', '/c', '/d']);
  });

  it('an image’s triggers run first, and are not asked for again', async () => {
    const base = { ...BASE, onBuild: ['ENV T=1', 'RUN <<EOF\nt\nEOF', 'COPY --from=x a /$T'] };
    const { stages } = await parse('FROM x\nUSER $T', {});
    expect(stages[0]?.steps(base)).toMatchObject([
      { do: 'config', change: { onBuild: [] } },
      { do: 'config', change: { environment: { T: '1' } }, place: { line: 1, text: 'ONBUILD ENV T=1' } },
      { do: 'run', argv: ['/bin/sh', '-c', 't\n'] },
      { do: 'copy', target: '/1' },
      { do: 'config', change: { user: '1' } },
    ]);
    const other = await parse('FROM x AS a\nFROM y AS b\nUSER u');
    expect(() => other.stages[1]?.steps({ ...BASE, onBuild: ['COPY --from=a x /x'] })).toThrow('cannot use a stage of this file');
    expect(() => other.stages[1]?.steps({ ...BASE, onBuild: ['FROM x'] })).toThrow('an image cannot ask for `FROM`');
  });
});

describe('stages', () => {
  it('know what they are built on and which others they use', async () => {
    const text = `FROM x AS a
FROM scratch
COPY --from=a /a /a
FROM A AS c
RUN --mount=from=1,target=/m x
COPY --from=0 /b /b`;
    const { stages, target } = await parse(text);
    expect(target).toBe(2);
    expect(stages.map(({ name, base, uses }) => ({ name, base, uses }))).toEqual([
      { name: 'a', base: { kind: 'image', image: { kind: 'reference', reference: 'x' } }, uses: [] },
      { name: undefined, base: { kind: 'scratch' }, uses: [0] },
      { name: 'c', base: { kind: 'stage', stage: 0 }, uses: [0, 1] },
    ]);
    expect((await parse(text, { target: 'A' })).target).toBe(0);
    expect((await parse(text, { target: '1' })).target).toBe(1);
    await expect(parse(text, { target: 'd' })).rejects.toMatchObject({
      message: 'cannot build target `d` of `Dockerfile`: it has no such stage',
      code: 'usage',
      hint: 'did you mean `a`?',
    });
  });
});

describe('mistakes name the line, the instruction and why', () => {
  it.each<[string, string, string?]>([
    ['', 'cannot build `Dockerfile`: it is empty'],
    ['RUN x', 'cannot build `Dockerfile`: it has no `FROM`'],
    ['RUN x\nFROM y', 'cannot read `RUN x` at `Dockerfile:1`: only `ARG` can stand before the first `FROM`'],
    ['FROM x\nRNU y', 'cannot read `RNU y` at `Dockerfile:2`: `RNU` is no instruction', 'did you mean `RUN`?'],
    ['FROM x\nRUN', '`RUN` needs a command'],
    ['FROM x\nRUN []', '`RUN` needs a command'],
    ['FROM x\nRUN [1]', 'its JSON list holds something that is no text'],
    ['FROM x\nRUN --mont=type=cache y', '`--mont` is no flag of `RUN`', 'did you mean `--mount`?'],
    ['FROM x\nRUN --security=insecure y', '`--security` is not supported'],
    ['FROM x\nRUN --network=lan y', '`--network=lan` is none of'],
    ['FROM x\nRUN --mount=type=cahce,target=/x y', '`cahce` is no type of mount', 'did you mean `cache`?'],
    ['FROM x\nRUN --mount=type=ssh y', 'mounts of type `ssh` are not supported'],
    ['FROM x\nRUN --mount=type=cache y', 'a mount of type `cache` needs a `target`'],
    ['FROM x\nRUN --mount=type=cache,target=/ y', 'a mount at `/` would hide the image'],
    ['FROM x\nRUN --mount=type=cache,target=/x,sharing=lock y', '`sharing` of its mount is', 'did you mean `locked`?'],
    ['FROM x\nRUN --mount=type=cache,target=/x,from=y z', '`from` of a cache is not supported'],
    ['FROM x\nRUN --mount=type=tmpfs,target=/x,sise=1 y', 'a mount of type `tmpfs` has no `sise`', 'did you mean `size`?'],
    ['FROM x\nRUN --mount=type=secret,id=kye,required y', 'it requires the secret `kye`', 'did you mean `key`?'],
    ['FROM x\nRUN --mount=type=secret y', 'needs an `id` or a `target`'],
    ['FROM x\nRUN --mount=from=$y,target=/x z', 'variables are not replaced here'],
    ['FROM x\nCOPY a', '`COPY` needs at least one source and a target'],
    ['FROM x\nCOPY a b c', 'with several sources the target is a directory', 'write `c/`'],
    ['FROM x\nCOPY --from=1 a b', 'there is no stage 1 before this one'],
    ['FROM x AS a\nCOPY --from=a a b', '`a` is the stage itself'],
    ['FROM x\nCOPY --from=b a b\nFROM x AS b', 'the stage `b` comes after this one'],
    ['FROM x\nCOPY --from=x/UP a b', 'cannot read image reference `x/UP`'],
    ['FROM x\nCOPY --chown a b', '`--chown` needs a value'],
    ['FROM x\nCOPY --chown=a --chown=b c d', '`--chown` is given twice'],
    ['FROM x\nCOPY --chmod=u+x a b', '`--chmod=u+x` is no mode in octal'],
    ['FROM x\nCOPY --link=maybe a b', '`--link` is `true` or `false`'],
    ['FROM x\nADD https://github.com/a/b.git /x', 'is a Git repository'],
    ['FROM x\nADD git@github.com:a/b.git /x', 'is a Git repository'],
    ['FROM x\nADD --keep-git-dir=true a /x', '`--keep-git-dir` is not supported'],
    ['FROM x\nADD --checksum=sha256:ab a /x', 'only for what is fetched from a URL'],
    ['FROM x\nENV a', '`a` has no value', 'write `ENV a=…`'],
    ['FROM x\nENV a=b c', '`c` has no `=`'],
    ['FROM x\nENV', '`ENV` needs an argument'],
    ['FROM x\nENV a="b', 'a double quote is not closed'],
    ['FROM x\nARG 1a', '`1a` is no name of an argument'],
    ['FROM x\nUSER ${V:?is needed}', '`V` is not set: is needed'],
    ['FROM x\nSHELL bash', '`SHELL` needs a JSON list'],
    ['FROM x\nEXPOSE 99999', '`99999` is no port'],
    ['FROM x\nEXPOSE 20-10', '`20-10` is no port'],
    ['FROM x\nSTOPSIGNAL 99', '`99` is no signal'],
    ['FROM x\nHEALTHCHECK curl', '`HEALTHCHECK` needs `NONE` or `CMD`, not `curl`'],
    ['FROM x\nHEALTHCHECK --interval=5 CMD x', '`--interval=5` is no duration'],
    ['FROM x\nHEALTHCHECK --interval=1d CMD x', '`--interval=1d` is no duration'],
    ['FROM x\nHEALTHCHECK --retries=x CMD x', '`--retries=x` is no whole number'],
    ['FROM x\nONBUILD FROM y', '`ONBUILD FROM` is not allowed'],
    ['FROM x\nONBUILD RNU y', '`RNU` is no instruction'],
    ['FROM x AS', '`FROM` is written'],
    ['FROM x a b', '`FROM` is written'],
    ['FROM x AS 1', '`1` is no name of a stage'],
    ['FROM x AS a\nFROM y AS A', 'there is a stage `a` already'],
    ['FROM $V', '`$V` is empty'],
    ['FROM --platform=linux/arm64 x', 'images for `linux/arm64` cannot be built here: this machine is `linux/amd64`'],
    ['FROM Not/Good', 'cannot read image reference `Not/Good`'],
    ['FROM lib', '`lib` is a named context'],
  ])('%j', async (text, message, hint) => {
    const build = async () => {
      const { stages } = await parse(text, { secrets: ['key'], contexts: ['lib'] });
      for (const stage of stages) stage.steps(BASE);
    };
    const error: unknown = await build().catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'usage', message: expect.stringContaining(message) });
    if (hint !== undefined) expect(error).toMatchObject({ hint });
  });
});
