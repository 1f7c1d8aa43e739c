/** Volumes and what images have where they are mounted. The image is a layout that umoci made. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { busyboxImage, missingPrograms } from '../support/busybox-image.ts';
import { only } from '../support/stack-file.ts';
import { type Project, withProject } from '../support/tsstack.ts';

const missing = missingPrograms(['umoci']);
if (missing.length > 0) console.log(`skipped: volumes filled from images, for want of ${missing.join(', ')}`);

describe.skipIf(missing.length > 0)('a volume', () => {
  const sleep = { command: ['sleep', '1000000'] };
  const exec = async (p: Project, service: string, script: string) =>
    (await p.ok(['exec', '-T', service, 'sh', '-c', script])).stdout.trim();
  const volumesOf = (p: Project) => {
    const stacks = join(p.stateDirectory, 'stacks');
    return join(stacks, readdirSync(stacks)[0] ?? '', 'volumes');
  };

  /** `/srv/data` over two layers, and a link to it; owned by the image's worker. */
  function makeImage(p: Project): object {
    const image = busyboxImage(join(p.directory, 'made'));
    image.layer(
      'mkdir -p srv/data/below; ln -s srv/data linked; echo one > srv/data/one; echo two > srv/data/below/two; echo x > srv/data/gone',
    );
    image.layer(
      'rm srv/data/gone; ln srv/data/one srv/data/again; chmod 640 srv/data/one; chown -R 1234:1235 srv/data; chmod 2750 srv/data; ln -s /etc srv/data/link',
    );
    image.config('--config.volume', '/kept');
    return { kind: 'archive', path: './made/layout' };
  }

  test('that is new has what the image has there, with owner and mode, and keeps what becomes of it', async () => {
    await withProject({}, async (p) => {
      const web = { ...sleep, image: makeImage(p), volumes: ['content:/linked'] };
      const volumes = { content: {} };
      p.write(only({ services: { web }, volumes }));
      await p.ok(['up', '-d']);
      const list = 'cd /linked; stat -c "%n %U:%G %a %h" . one again below below/two; readlink link; ls -A | wc -l';
      const found = await exec(p, 'web', list);
      expect(found).toBe(
        [
          '. worker:worker 2750 3',
          'one worker:worker 640 2',
          'again worker:worker 640 2',
          'below worker:worker 755 2',
          'below/two worker:worker 644 1',
          '/etc',
          '4',
        ].join('\n'),
      );
      expect(await exec(p, 'web', 'cat /linked/one /linked/below/two; cd /linked; rm one; echo more > more; cat again')).toBe(
        'one\ntwo\none',
      );
      p.write(only({ services: { web: { ...web, environment: { NEW: '1' } } }, volumes }));
      await p.ok(['up', '-d']);
      expect(await exec(p, 'web', 'ls /linked/')).toBe('again\nbelow\nlink\nmore');
    });
  });

  test('with `nocopy`, and one mounted where the image has nothing, begins empty', async () => {
    await withProject({}, async (p) => {
      const volumes = [{ type: 'volume', source: 'a', target: '/linked', nocopy: true }, 'b:/nothing/there'];
      p.write(only({ services: { web: { ...sleep, image: makeImage(p), volumes } }, volumes: { a: {}, b: {} } }));
      await p.ok(['up', '-d']);
      expect(await exec(p, 'web', 'ls -A /nothing/there /srv/data')).toBe('/nothing/there:\n\n/srv/data:');
    });
  });

  test('that an image declares is kept when its container is made anew and through `down`, until `down --volumes`', async () => {
    await withProject({}, async (p) => {
      const web = { ...sleep, image: makeImage(p), volumes: ['content:/srv/data'], replicas: 2 };
      const shape = { services: { web }, volumes: { content: {} } };
      p.write(only(shape));
      await p.ok(['up', '-d']);
      expect(readdirSync(volumesOf(p)).sort()).toEqual(['content', 'web-1@kept', 'web-2@kept']);
      await exec(p, 'web', 'echo mine > /kept/file');
      p.write(only({ ...shape, services: { web: { ...web, environment: { NEW: '1' } } } }));
      await p.ok(['up', '-d']);
      expect(await exec(p, 'web', 'cat /kept/file')).toBe('mine');
      await p.ok(['down']);
      await p.ok(['up', '-d']);
      expect(await exec(p, 'web', 'cat /kept/file')).toBe('mine');
      const volumes = volumesOf(p);
      await p.ok(['down', '--volumes', '--timeout', '1']);
      expect(existsSync(volumes)).toBe(false);
    });
  });

  test('whose filling was cut off is filled again', async () => {
    await withProject({}, async (p) => {
      const web = { ...sleep, image: makeImage(p), volumes: ['content:/linked'] };
      p.write(only({ services: { web }, volumes: { content: {} } }));
      await p.ok(['up', '-d']);
      const volumes = volumesOf(p);
      await p.ok(['down', '--volumes', '--timeout', '1']);
      mkdirSync(join(volumes, '.filling-content'), { recursive: true });
      writeFileSync(join(volumes, '.filling-content/half'), '');
      await p.ok(['up', '-d']);
      expect(await exec(p, 'web', 'ls /linked/')).toBe('again\nbelow\nlink\none');
      expect(readFileSync(join(volumes, 'content/one'), 'utf8')).toBe('one\n');
      expect(readdirSync(volumes)).toEqual(['content', 'web-1@kept']);
      expect(execFileSync('stat', ['-c', '%u:%g', join(volumes, 'content/one')], { encoding: 'utf8' }).trim()).toBe('1234:1235');
    });
  });
});
