import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { busyboxImage, missingPrograms } from '../support/busybox-image.ts';
import { type DockerRegistry, startDockerRegistry, temporaryDirectory } from '../support/docker-registry.ts';
import { only } from '../support/stack-file.ts';
import { type Project, withProject } from '../support/tsstack.ts';

const PORT = 5007;
const HOST = `127.0.0.1:${PORT}`;
const missing = missingPrograms(['docker-registry', 'skopeo', 'umoci']);
if (missing.length > 0) console.log(`skipped: pruning, for want of ${missing.join(', ')}`);

describe.skipIf(missing.length > 0)('pruning', () => {
  const directory = temporaryDirectory('prune');
  let server: DockerRegistry;
  beforeAll(async () => {
    server = await startDockerRegistry({ port: PORT, directory: join(directory.path, 'registry') });
    const web = busyboxImage(join(directory.path, 'web'));
    web.config('--config.cmd', 'sleep', '--config.cmd', '1000000');
    await web.push(`${HOST}/base:1`);
    web.insert('/one', 'one\n');
    await web.push(`${HOST}/web:1`);
    web.insert('/two', 'two\n');
    await web.push(`${HOST}/web:2`);
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    directory[Symbol.dispose]();
  });

  const image = (name: string) => only({ services: { web: { image: `${HOST}/${name}`, volumes: ['data:/data'] } }, volumes: { data: {} } });
  const pruned = async (p: Project, ...options: string[]) =>
    Object.fromEntries(
      (JSON.parse((await p.ok(['prune', '--json', '--force', ...options])).stdout) as { kind: string; names: string[] }[]).map(
        ({ kind, names }) => [kind, names],
      ),
    );
  const extracted = (p: Project) => readdirSync(join(p.stateDirectory, 'images/layers')).length;
  const references = async (p: Project) =>
    (JSON.parse((await p.ok(['images', '--json'])).stdout) as { reference: string }[]).map(({ reference }) =>
      reference.replace(/^.*\//, ''),
    );

  test('removes what no stack uses, and no image but with --all', async () => {
    await withProject(image('web:1'), async (p) => {
      await p.ok(['up', '-d']);
      p.write(image('web:2'));
      await p.ok(['pull']);
      mkdirSync(join(p.stateDirectory, 'images/partial'), { recursive: true });
      writeFileSync(join(p.stateDirectory, `images/partial/sha256-${'0'.repeat(64)}`), 'half');
      const refused = await p.tsstack(['prune']);
      expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('this is no terminal')]);
      expect((await p.ok(['prune', '--dry-run'])).stdout).toMatch(/^KIND +COUNT +SIZE\npartial downloads +1 +4 B\ntotal +4 B\n$/);
      expect(await pruned(p)).toEqual({ 'partial downloads': [`sha256:${'0'.repeat(64)}`] });
      expect((await p.ok(['prune', '--force'])).stdout).toBe('nothing to remove\n');
      const found = JSON.parse((await p.ok(['prune', '--all', '--dry-run', '--json'])).stdout);
      expect(await references(p)).toEqual(['web:1', 'web:2']);
      const all = await pruned(p, '--all');
      expect(found.map(({ kind, names }: { kind: string; names: string[] }) => [kind, names])).toEqual(Object.entries(all));
      expect([all['images'], all['layers']?.length, all['blobs']?.length]).toEqual([[`${HOST}/web:2`], 1, 3]);
      expect(await references(p)).toEqual(['web:1']);
      expect((await p.ok(['exec', '-T', 'web', 'cat', '/one'])).stdout).toBe('one\n');
    });
  });

  test('leaves what stopped containers were made of, and takes it when they are gone', async () => {
    await withProject(image('web:1'), async (p) => {
      await p.ok(['up', '-d']);
      await p.ok(['stop', '-t', '0']);
      expect(await pruned(p, '--all', '--volumes')).toEqual({});
      await p.ok(['start']);
      expect((await p.ok(['exec', '-T', 'web', 'cat', '/one'])).stdout).toBe('one\n');
      await p.ok(['down', '-t', '0']);
      const all = await pruned(p, '--all', '--volumes');
      expect([all['images'], all['volumes'], all['layers']?.length]).toEqual([[`${HOST}/web:1`], ['shop-data'], 2]);
      expect([
        extracted(p),
        readdirSync(join(p.stateDirectory, 'images/blobs/sha256')),
        readdirSync(join(p.stateDirectory, 'stacks')),
      ]).toEqual([0, [], []]);
    });
  });

  test('leaves the image of a container whose tag names another one now', async () => {
    await withProject(image('web:1'), async (p) => {
      await p.ok(['up', '-d']);
      const push = async (name: string) => {
        const moved = busyboxImage(join(directory.path, name));
        moved.insert(`/${name}`, `${name}\n`);
        moved.config('--config.cmd', 'sleep', '--config.cmd', '1000000');
        await moved.push(`${HOST}/moving:1`);
      };
      await push('before');
      p.write(image('moving:1'));
      await p.ok(['up', '-d', '--instance', 'other']);
      await push('after');
      await p.ok(['pull']);
      const layers = extracted(p);
      expect(Object.keys(await pruned(p, '--all'))).toEqual(['blobs']);
      expect(extracted(p)).toBe(layers);
      await p.ok(['restart', '-t', '0', '--instance', 'other']);
      expect((await p.ok(['exec', '-T', '--instance', 'other', 'web', 'cat', '/before'])).stdout).toBe('before\n');
      await p.ok(['down', '-v', '-t', '0', '--instance', 'other']);
    });
  });

  test('beside pulls and stacks that come up takes nothing from them', async () => {
    await withProject(
      image('web:2'),
      async (p) => {
        for (let round = 0; round < 2; round++) {
          let done = false;
          const prune = async () => {
            while (!done) await p.ok(['prune', '--all', '--force']);
          };
          const up = async (instance: string) => {
            await p.ok(['up', '-d', '--instance', instance]);
            return (await p.ok(['exec', '-T', '--instance', instance, 'web', 'cat', '/one', '/two'])).stdout;
          };
          const work = Promise.all([up('a'), up('b'), p.ok(['pull'])]).finally(() => {
            done = true;
          });
          const [pulled] = await Promise.all([work, prune()]);
          expect(pulled.slice(0, 2)).toEqual(['one\ntwo\n', 'one\ntwo\n']);
          expect(await references(p)).toEqual(['web:2']);
          await p.ok(['inspect', `${HOST}/web:2`]);
          for (const instance of ['a', 'b']) await p.ok(['down', '-v', '-t', '0', '--instance', instance]);
          await pruned(p, '--all');
          expect([extracted(p), await references(p)]).toEqual([0, []]);
        }
      },
      { timeoutMs: 100_000 },
    );
  }, 120_000);

  test('what takes how much of the disk', async () => {
    await withProject(image('web:1'), async (p) => {
      await p.ok(['up', '-d']);
      await p.ok(['exec', '-T', 'web', 'dd', 'if=/dev/zero', 'of=/data/big', 'bs=1k', 'count=300']);
      await p.ok(['exec', '-T', 'web', 'dd', 'if=/dev/zero', 'of=/small', 'bs=1k', 'count=100']);
      p.write(image('base:1'));
      await p.ok(['pull']);
      const usage = JSON.parse((await p.ok(['system', 'df', '--json'])).stdout);
      const kinds = Object.fromEntries(usage.kinds.map((kind: { kind: string }) => [kind.kind, kind]));
      expect(kinds).toMatchObject({
        images: { count: 2, inUse: 1 },
        layers: { count: 2, inUse: 2, reclaimable: 0 },
        blobs: { count: 6, inUse: 4 },
        'writable layers': { count: 1, inUse: 1 },
        volumes: { count: 1, inUse: 1, reclaimable: 0 },
        logs: { count: 1 },
      });
      expect(usage.volumes).toMatchObject([{ name: 'shop-data', inUse: true }]);
      expect(usage.volumes[0].bytes).toBeGreaterThanOrEqual(300 << 10);
      expect(usage.containers[0].bytes).toBeGreaterThanOrEqual(100 << 10);
      const [base, web] = usage.images;
      expect([base.shared, web.shared, base.bytes]).toEqual([base.bytes, base.bytes, base.shared]);
      expect(web.bytes).toBeGreaterThan(base.bytes);
      const freed = JSON.parse((await p.ok(['prune', '--all', '--dry-run', '--json'])).stdout) as { kind: string; bytes?: number }[];
      expect(kinds['blobs'].reclaimable).toBe(freed.find(({ kind }) => kind === 'blobs')?.bytes);
      expect((await p.ok(['system', 'df', '-v'])).stdout).toMatch(/\nVOLUME +SIZE +IN USE\nshop-data +30\d KiB +yes\n$/);
    });
  });
});
