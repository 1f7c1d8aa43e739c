/** Builds in containers of our own, of graphs written by hand. */
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BUSYBOX, type BuildWorld, buildWorld, config, copy, graph, run, stage, workdir } from './build-fixture.ts';

let world: BuildWorld;
beforeAll(async () => {
  world = await buildWorld();
}, 60_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

describe('a step that runs a command', () => {
  test('makes a layer of what it has changed, and of nothing else', async () => {
    const { layers, config: made } = await world.build(graph(stage(BUSYBOX, [run('echo one > /made; id -u > /uid; rm /bin/wget')])));
    const top = layers.at(-1) ?? '';
    expect(layers).toHaveLength(2);
    expect(readdirSync(top).sort()).toEqual(['bin', 'made', 'uid']);
    expect(readFileSync(join(top, 'uid'), 'utf8')).toBe('0\n');
    expect(lstatSync(join(top, 'made'))).toMatchObject({ uid: 0, gid: 0 });
    expect(lstatSync(join(top, 'bin/wget')).isCharacterDevice()).toBe(true);
    expect(made.history).toHaveLength(1);
    expect(world.leftovers()).toEqual([]);
  });

  test('makes no layer if it has changed nothing', async () => {
    const { layers, config: made } = await world.build(graph(stage(BUSYBOX, [run('cat /etc/resolv.conf /etc/hosts')])));
    expect(layers).toHaveLength(1);
    expect(made.history).toMatchObject([{ empty_layer: true }]);
  });

  test('that fails says where, and what it printed last', async () => {
    const source = 'FROM busybox\nRUN echo before; echo >&2 why; exit 3\nRUN true\n';
    const failing = world.build(graph(stage(BUSYBOX, [run('echo before; echo >&2 why; exit 3')])), { source });
    await expect(failing).rejects.toThrow(
      [
        'cannot build `app`: Dockerfile:2: `RUN echo before; echo >&2 why; exit 3` exited with 3',
        '  1 | FROM busybox',
        '> 2 | RUN echo before; echo >&2 why; exit 3',
        '  3 | RUN true',
        'it said last:',
        '  before',
        '  why',
      ].join('\n'),
    );
    expect(world.leftovers()).toEqual([]);
  });

  test('has a way out, or no network at all', async () => {
    const script = 'ip -4 route | grep -c default > /routes; true';
    for (const [network, count] of [
      ['default', '1\n'],
      ['none', '0\n'],
    ] as const) {
      const { layers } = await world.build(graph(stage(BUSYBOX, [run(script, { network })])));
      expect(readFileSync(join(layers.at(-1) ?? '', 'routes'), 'utf8')).toBe(count);
    }
  });

  test('of a command that is not there says so', async () => {
    const failing = world.build(graph(stage(BUSYBOX, [run('', { argv: ['/no/such'] })])));
    await expect(failing).rejects.toThrow(/Dockerfile:2: `RUN ` could not be started: .*\/no\/such/);
    expect(world.leftovers()).toEqual([]);
  });

  test('that is called off leaves nothing', async () => {
    const stop = new AbortController();
    const onEvent = (event: { type: string }) => {
      if (event.type === 'build.output') stop.abort(new Error('called off'));
    };
    const building = world.build(graph(stage(BUSYBOX, [run('echo here; sleep 1000000')])), { signal: stop.signal, onEvent });
    await expect(building).rejects.toThrow('called off');
    expect(world.leftovers()).toEqual([]);
  });

  test('is given secrets, caches and files, and its layer has none of these', async () => {
    world.write({ 'src/a': 'content of a', 'src/b.ignored': 'never' });
    const mounts = [
      { type: 'secret', id: 'key', target: '/run/secrets/key', variable: 'KEY', required: true, mode: 0o400, uid: 1234, gid: 1235 },
      { type: 'cache', id: 'c', target: '/var/cache/c', readOnly: false, sharing: 'locked', mode: 0o755, uid: 0, gid: 0 },
      { type: 'bind', from: { kind: 'context' }, source: '/src', target: '/src', writable: true },
      { type: 'tmpfs', target: '/scratch', sizeBytes: undefined },
    ] as const;
    const script =
      'stat -c "%u %g %a" /run/secrets/key > /secret; test "$KEY" = hush && test "$(cat /run/secrets/key)" = hush; ls /src > /listing; touch /src/new /scratch/x; echo $(cat /var/cache/c/n)x > /var/cache/c/n; cp /var/cache/c/n /count';
    const build = (number: number) =>
      world.build(graph(stage(BUSYBOX, [run(`set -e; ${script}; echo ${number}`, { mounts })])), { secrets: { key: 'hush' } });
    const first = await build(1);
    const top = first.layers.at(-1) ?? '';
    expect(readdirSync(top).sort()).toEqual(['count', 'listing', 'secret']);
    expect(readFileSync(join(top, 'secret'), 'utf8')).toBe('1234 1235 400\n');
    expect(readFileSync(join(top, 'listing'), 'utf8')).toBe('a\n');
    const second = await build(2);
    expect(readFileSync(join(second.layers.at(-1) ?? '', 'count'), 'utf8')).toBe('xx\n');
    expect(existsSync(join(world.context, 'src/new'))).toBe(false);
    expect(world.leftovers()).toEqual([]);
  });
});

describe('the cache', () => {
  test('does again only what follows a change', async () => {
    world.write({ 'app/one': '1', 'app/two': '2' });
    const steps = () => [run('echo first > /first'), copy('app/one', '/app/'), run('cat /app/one > /second'), config({ command: ['x'] })];
    const first = await world.build(graph(stage(BUSYBOX, steps())));
    expect(first.done).toHaveLength(3);
    world.write({ 'app/two': 'other' });
    const same = await world.build(graph(stage(BUSYBOX, steps())));
    expect(same.done).toEqual([]);
    expect(same.record.manifest.digest).toBe(first.record.manifest.digest);
    world.write({ 'app/one': 'other' });
    const other = await world.build(graph(stage(BUSYBOX, steps())));
    expect(other.cached).toEqual(['RUN echo first > /first']);
    expect(other.done).toEqual(['COPY app/one /app/', 'RUN cat /app/one > /second']);
    const anew = await world.build(graph(stage(BUSYBOX, steps())), { noCache: true });
    expect(anew.done).toHaveLength(3);
  });
});

describe('stages', () => {
  test('that the target does not need are not built, and files are copied from those that it does', async () => {
    const files = stage(BUSYBOX, [
      workdir('/out/sub'),
      run('echo x > file; ln file linked; ln -s file link; mkdir -m 700 private; chown 5:6 private; touch -d @1000000000 file'),
    ]);
    const unneeded = stage(BUSYBOX, [run('exit 1')]);
    const last = stage({ kind: 'scratch' }, [copy('/out', '/in/', { from: { kind: 'stage', stage: 0 } }), config({ user: 'worker' })], [0]);
    const built = await world.build(graph(files, unneeded, last));
    const [top = ''] = built.layers;
    expect(built.layers).toHaveLength(1);
    expect(readFileSync(join(top, 'in/sub/link'), 'utf8')).toBe('x\n');
    expect(lstatSync(join(top, 'in/sub/file'))).toMatchObject({ nlink: 2, mtimeMs: 1e12 });
    expect(lstatSync(join(top, 'in/sub/private'))).toMatchObject({ uid: 5, gid: 6, mode: 0o40700 });
    expect(built.config.config).toMatchObject({ User: 'worker' });
  });

  test('a stage from scratch can run what was copied into it', async () => {
    const last = stage({ kind: 'scratch' }, [copy('/bin', '/bin', { from: { kind: 'stage', stage: 0 } }), run('echo here > /made')], [0]);
    const built = await world.build(graph(stage(BUSYBOX, []), last));
    expect(readdirSync(built.layers.at(-1) ?? '')).toEqual(['made']);
  });
});

describe('copying', () => {
  const copied = async (...steps: Parameters<typeof stage>[1]) => (await world.build(graph(stage(BUSYBOX, steps)))).layers.at(-1) ?? '';

  test('goes to a directory or becomes a file as the target says', async () => {
    world.write({ 'c/x': 'x', 'c/d/y': 'y', 'c/d/z.ignored': '' });
    expect(readFileSync(join(await copied(copy('c/x', '/new/')), 'new/x'), 'utf8')).toBe('x');
    expect(readFileSync(join(await copied(copy('c/x', '/new')), 'new'), 'utf8')).toBe('x');
    expect(readFileSync(join(await copied(copy('c/x', '/www')), 'www/x'), 'utf8')).toBe('x');
    expect(readdirSync(join(await copied(copy('c', '/www')), 'www'), { recursive: true }).sort()).toEqual(['d', 'd/y', 'x']);
    expect(readdirSync(join(await copied(copy('c/?', '/www/')), 'www')).sort()).toEqual(['x', 'y']);
    expect(readdirSync(join(await copied(copy('c/d/y', '/www/', { parents: true })), 'www'), { recursive: true })).toEqual([
      'c',
      'c/d',
      'c/d/y',
    ]);
  });

  test('follows links of the image, and leaves directories on the way as they are', async () => {
    world.write({ 'c/x': 'x' });
    const top = await copied(
      run('mkdir -m 750 /real; chown 7:8 /real; ln -s ../../../real /link'),
      copy('c/x', '/link/', { owner: 'worker', mode: 0o600 }),
    );
    expect(readdirSync(top)).toEqual(['real']);
    expect(lstatSync(join(top, 'real'))).toMatchObject({ uid: 7, gid: 8, mode: 0o40750 });
    expect(lstatSync(join(top, 'real/x'))).toMatchObject({ uid: 1234, gid: 1235, mode: 0o100600 });
  });

  test('of what is not there, or to a user that is not there, says so', async () => {
    await expect(copied(copy('nowhere', '/'))).rejects.toThrow(/Dockerfile:2: `COPY nowhere \/`: .*`nowhere`/);
    await expect(copied(copy('c/x', '/', { owner: 'nobody' }))).rejects.toThrow('the image has no user `nobody`');
  });
});
