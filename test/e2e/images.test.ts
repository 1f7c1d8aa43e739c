import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { busyboxImage, missingPrograms } from '../support/busybox-image.ts';
import { temporaryDirectory } from '../support/docker-registry.ts';
import { only } from '../support/stack-file.ts';
import { type Project, withProject } from '../support/tsstack.ts';

const missing = missingPrograms(['skopeo', 'umoci']);
if (missing.length > 0) console.log(`skipped: commands for images, for want of ${missing.join(', ')}`);

describe.skipIf(missing.length > 0)('images of this host', () => {
  const directory = temporaryDirectory('archives');
  const dockerArchive = join(directory.path, 'web.tar');
  let layout = '';
  beforeAll(() => {
    const web = busyboxImage(join(directory.path, 'web'));
    web.insert('/one', 'one\n');
    web.config('--config.cmd', 'sleep', '--config.cmd', '1000000', '--config.label', 'made=here', '--architecture', architecture());
    layout = web.image.replace(/:image$/, '');
    execFileSync('skopeo', ['copy', '-q', `oci:${web.image}`, `docker-archive:${dockerArchive}:team/web:1`], { stdio: 'pipe' });
  }, 60_000);
  afterAll(() => directory[Symbol.dispose]());

  const web = { image: 'team/web:1', pullPolicy: 'never' };
  const images = async (p: Project) => JSON.parse((await p.ok(['images', '--json'])).stdout);

  test('are loaded from an archive of `docker save`, run, inspected and saved as what skopeo reads', async () => {
    await withProject(only({ services: { web } }), async (p) => {
      expect((await p.ok(['load', '-i', dockerArchive])).stdout).toBe('team/web:1\n');
      await p.ok(['up', '-d']);
      const [image] = JSON.parse((await p.ok(['inspect', 'team/web:1'])).stdout);
      expect(image).toMatchObject({
        reference: 'docker.io/team/web:1',
        platform: `linux/${architecture()}`,
        config: { Cmd: ['sleep', '1000000'], Labels: { made: 'here' } },
        usedBy: ['shop-web-1'],
      });
      const archived = JSON.parse(execFileSync('skopeo', ['inspect', '--config', `docker-archive:${dockerArchive}`], { encoding: 'utf8' }));
      expect(image.layers.map((layer: { diffId: string }) => layer.diffId)).toEqual(archived.rootfs.diff_ids);
      for (const { directory: layer, contentSize, sharedWith } of image.layers)
        expect([existsSync(layer), contentSize > 0, sharedWith]).toEqual([true, true, []]);
      const file = join(p.directory, 'saved.tar');
      await p.ok(['save', 'team/web:1', '-o', file]);
      expect(readdirSync(p.directory).filter((name) => name.includes('saved'))).toEqual(['saved.tar']);
      const format = ['inspect', '--format', '{{.Digest}} {{.Labels.made}}'];
      expect(execFileSync('skopeo', [...format, `oci-archive:${file}`], { encoding: 'utf8' })).toBe(`${image.manifestDigest} here\n`);
      const saved = JSON.parse(execFileSync('skopeo', ['inspect', '--config', `docker-archive:${file}`], { encoding: 'utf8' }));
      expect(saved.rootfs.diff_ids).toEqual(archived.rootfs.diff_ids);
    });
  });

  test('go from one host to another through a pipe', async () => {
    await withProject(only({ services: { web } }), async (p) => {
      await p.ok(['load', '-i', dockerArchive]);
      const other = { env: { TSSTACK_STATE_DIR: join(p.directory, 'other') } };
      const cli = JSON.stringify([process.execPath, join(import.meta.dirname, '../../bin/tsstack.cjs')])
        .slice(1, -1)
        .replace(',', ' ');
      execFileSync('sh', ['-c', `${cli} save team/web:1 | TSSTACK_STATE_DIR="$OTHER" ${cli} load`], {
        cwd: p.directory,
        env: { ...p.env, OTHER: other.env.TSSTACK_STATE_DIR },
        stdio: 'pipe',
      });
      const there = JSON.parse((await p.ok(['images', '--json'], other)).stdout);
      expect(there).toMatchObject([{ reference: 'docker.io/team/web:1', digest: (await images(p))[0].digest }]);
      expect(readdirSync(join(other.env.TSSTACK_STATE_DIR, 'images/scratch'))).toEqual([]);
      expect(readdirSync(join(other.env.TSSTACK_STATE_DIR, 'images/locks'))).toEqual([]);
    });
  });

  test('are known by name, by a tag that was left out, and by the beginning of their digest', async () => {
    await withProject(only({ services: { web } }), async (p) => {
      expect((await p.ok(['load', '-i', layout])).stdout).toBe('image:latest\n');
      const [{ digest }] = await images(p);
      for (const name of ['image', 'docker.io/library/image:latest', digest.slice(0, 19), digest.slice(7, 19)])
        expect(JSON.parse((await p.ok(['inspect', name])).stdout)).toMatchObject([{ digest }]);
      const unknown = await p.tsstack(['inspect', 'imagge']);
      expect([unknown.code, unknown.stderr]).toEqual([1, 'error: there is no image `imagge` here\n  hint: did you mean `image:latest`?\n']);
    });
  });

  test('without a name are loaded and saved by their digest', async () => {
    await withProject(only({ services: { web } }), async (p) => {
      const nameless = join(directory.path, 'nameless.tar');
      execFileSync('skopeo', ['copy', '-q', `docker-archive:${dockerArchive}`, `docker-archive:${nameless}`], { stdio: 'pipe' });
      const loaded = (await p.ok(['load', '-i', nameless])).stdout;
      expect(loaded).toMatch(/^tsstack\.local\/loaded@sha256:[0-9a-f]{64}\n$/);
      const [{ digest }] = await images(p);
      await p.ok(['save', digest.slice(0, 20), '-o', 'saved.tar']);
      const content = (name: string) => execFileSync('tar', ['-xOf', join(p.directory, 'saved.tar'), name], { encoding: 'utf8' });
      expect(content('index.json')).not.toContain('ref.name');
      expect(JSON.parse(content('manifest.json'))).toMatchObject([{ RepoTags: [] }]);
      expect((await p.ok(['load', '-i', 'saved.tar'])).stdout).toBe(loaded);
    });
  });

  test('are told apart from containers, which are inspected by name or service', async () => {
    await withProject(only({ services: { web } }), async (p) => {
      await p.ok(['load', '-i', dockerArchive]);
      await p.ok(['up', '-d']);
      for (const name of ['web', 'web-1', 'shop-web-1'])
        expect(JSON.parse((await p.ok(['inspect', name])).stdout)).toMatchObject([
          { name: 'web-1', state: 'running', record: { image: 'team/web:1', launch: { argv: ['sleep', '1000000'] } } },
        ]);
    });
  });

  test('an archive that is broken is one message, and nothing is recorded', async () => {
    await withProject(only({ services: { web } }), async (p) => {
      const broken = join(p.directory, 'broken.tar');
      writeFileSync(broken, readFileSync(dockerArchive).subarray(0, statSync(dockerArchive).size / 2));
      for (const [file, message] of [
        [broken, /^error: cannot load `.*broken\.tar`: .*\n$/],
        [join(p.directory, 'none.tar'), /^error: cannot load `.*none\.tar`: it does not exist\n$/],
      ] as const) {
        const refused = await p.tsstack(['load', '-i', file]);
        expect([refused.code, refused.stderr]).toEqual([1, expect.stringMatching(message)]);
      }
      expect(await images(p)).toEqual([]);
      expect(readdirSync(join(p.stateDirectory, 'images/scratch'))).toEqual([]);
    });
  });

  test('a save that fails leaves no archive', async () => {
    await withProject(only({ services: { web } }), async (p) => {
      await p.ok(['load', '-i', dockerArchive]);
      const [{ layers }] = JSON.parse((await p.ok(['inspect', 'team/web:1'])).stdout);
      const hex = layers[0].digest.slice(7);
      execFileSync('rm', [join(p.stateDirectory, 'images/blobs/sha256', hex)]);
      expect((await p.tsstack(['save', 'team/web:1', '-o', 'saved.tar'])).code).toBe(1);
      expect(readdirSync(p.directory).filter((name) => name.includes('saved'))).toEqual([]);
      const refused = await p.tsstack(['save', 'team/web:1', '-o', 'none/saved.tar']);
      expect(refused.stderr).toContain('error: cannot write `none/saved.tar`: no such file or directory\n');
    });
  });
});

function architecture(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}
