/** Stacks of images from a registry: Debian's docker-registry, on loopback. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { busyboxImage, missingPrograms } from '../support/busybox-image.ts';
import { type DockerRegistry, startDockerRegistry, temporaryDirectory } from '../support/docker-registry.ts';
import { only } from '../support/stack-file.ts';
import { type Project, withProject } from '../support/tsstack.ts';

const PORT = 5005;
const HOST = `127.0.0.1:${PORT}`;
const missing = missingPrograms(['docker-registry', 'skopeo', 'umoci']);
if (missing.length > 0) console.log(`skipped: images of a registry, for want of ${missing.join(', ')}`);

describe.skipIf(missing.length > 0)('images of a registry', () => {
  const directory = temporaryDirectory('images');
  let server: DockerRegistry;
  beforeAll(async () => {
    server = await startDockerRegistry({ port: PORT, directory: join(directory.path, 'registry') });
    const web = busyboxImage(join(directory.path, 'web'));
    web.layer('mkdir srv; echo below > srv/hidden; echo one > srv/shown; mkdir srv/replaced; echo old > srv/replaced/old');
    web.layer('rm srv/hidden; rm -r srv/replaced; mkdir srv/replaced; echo new > srv/replaced/new');
    web.config('--config.entrypoint', 'sh', '--config.entrypoint', '-c', '--config.cmd', 'echo hello from $MODE; exec sleep 1000000');
    web.config('--config.env', 'MODE=image', '--config.env', 'KEPT=yes', '--config.workingdir', '/srv', '--config.user', 'worker');
    web.config(
      '--config.stopsignal',
      'SIGKILL',
      '--config.label',
      'from=image',
      '--config.label',
      'both=image',
      '--config.volume',
      '/data',
    );
    await web.push(`${HOST}/team/web:1`);
    web.layer('echo two > srv/more');
    await web.push(`${HOST}/team/web:2`);
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    directory[Symbol.dispose]();
  });

  const web = { image: `${HOST}/team/web:1` };
  const exec = async (p: Project, script: string) => (await p.ok(['exec', '-T', 'web', 'sh', '-c', script])).stdout.trim();

  test('an image is pulled and run as it says itself', async () => {
    await withProject(only({ services: { web } }), async (p) => {
      const up = await p.ok(['up', '-d']);
      expect(up.stderr).toContain(`pulling ${HOST}/team/web:1`);
      expect(up.stderr).toMatch(/web:1 pulled: sha256:[0-9a-f]+, /);
      expect(await exec(p, 'echo $MODE $KEPT; pwd; id -un; id -g; cat shown; ls replaced; ls')).toBe(
        'image yes\n/srv\nworker\n1235\none\nnew\nreplaced\nshown',
      );
      expect((await p.ok(['logs', '--no-prefix'])).stdout).toContain('hello from image');
      expect((await p.container('web-1')).image).toBe(`${HOST}/team/web:1`);
      expect(recordOf(p)).toMatchObject({ stopSignal: 'SIGKILL', labels: { from: 'image', both: 'image' } });
    });
  });

  test('the stack file overrides what the image says', async () => {
    const other = {
      ...web,
      command: ['echo overridden $MODE; exec sleep 1000000'],
      environment: { MODE: 'file' },
      workingDir: '/tmp',
      user: 'root',
      stopSignal: 'SIGINT',
      labels: { both: 'file' },
    };
    await withProject(only({ services: { web: other } }), async (p) => {
      await p.ok(['up', '-d']);
      expect(await exec(p, 'echo $MODE $KEPT; pwd; id -un')).toBe('file yes\n/tmp\nroot');
      expect((await p.ok(['logs', '--no-prefix'])).stdout).toContain('overridden file');
      expect(recordOf(p)).toMatchObject({ stopSignal: 'SIGINT', labels: { from: 'image', both: 'file' } });
    });
  });

  test('what is here needs no registry: up, plan and a second stack', async () => {
    // Of the same data, at another port, and gone in the middle.
    const other = { image: '127.0.0.1:5006/team/web:1' };
    await withProject(only({ services: { web: other } }), async (p) => {
      const plan = await p.ok(['plan'], { code: 10 });
      expect(plan.stdout + plan.stderr).toContain(`image \`${other.image}\` is not here`);
      const shortLived = await startDockerRegistry({ port: 5006, directory: join(directory.path, 'registry') });
      await p.ok(['pull']).finally(() => shortLived.stop());
      await p.ok(['up', '-d']);
      expect((await p.ok(['up', '-d'])).stderr).toContain('up to date');
      await p.ok(['plan']);
      const layers = readdirSync(join(p.stateDirectory, 'images/layers'));
      await p.ok(['up', '-d', '--instance', 'other']);
      expect(readdirSync(join(p.stateDirectory, 'images/layers'))).toEqual(layers);
      await p.ok(['down', '--volumes', '--instance', 'other']);
      p.write(only({ services: { web: { ...other, pullPolicy: 'always' } } }));
      const refused = await p.tsstack(['up', '-d']);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain(`cannot pull \`${other.image}\``);
      expect((await p.container('web-1')).state).toBe('running');
    });
  });

  test('an image that shares layers costs only those it adds', async () => {
    await withProject(only({ services: { web, more: { image: `${HOST}/team/web:2` } } }), async (p) => {
      await p.ok(['up', '-d']);
      expect(readdirSync(join(p.stateDirectory, 'images/layers')).filter((name) => /^[0-9a-f]+$/.test(name))).toHaveLength(4);
      const images = JSON.parse((await p.ok(['images', '--json'])).stdout);
      expect(images).toMatchObject([
        { name: `${HOST}/team/web`, tag: '1', usedBy: ['shop-web-1'] },
        { name: `${HOST}/team/web`, tag: '2', usedBy: ['shop-more-1'] },
      ]);
    });
  });

  test("`pullPolicy: 'never'` uses what is here, and says what isn't", async () => {
    await withProject(only({ services: { web: { ...web, pullPolicy: 'never' } } }), async (p) => {
      const refused = await p.tsstack(['up', '-d']);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(/cannot use image `.*web:1`: it is not here, and `pullPolicy: 'never'` forbids to pull it/);
      expect(await p.ps()).toEqual([]);
      await p.ok(['pull']);
      await p.ok(['up', '-d']);
    });
  });

  test('an unknown tag is one error, and nothing is half made', async () => {
    await withProject(only({ services: { web, wrong: { image: `${HOST}/team/web:nope` } } }), async (p) => {
      const refused = await p.tsstack(['up', '-d']);
      expect(refused.code).toBe(1);
      expect(refused.stderr.match(/cannot pull/g)).toHaveLength(1);
      expect(refused.stderr).toMatch(/^error: cannot pull `127\.0\.0\.1:5005\/team\/web:nope`: .*$/m);
      expect(await p.ps()).toEqual([]);
      expect(readdirSync(join(p.stateDirectory, 'images/layers')).filter((name) => !/^[0-9a-f]+$/.test(name))).toEqual([]);
    });
  });

  test('a disk that is full, while it is fetched or while it is extracted, is told as that, and with more room the pull goes on', async () => {
    await withProject(only({ services: { web } }), async (p) => {
      const mount = (...options: string[]) => execFileSync('mount', ['-t', 'tmpfs', ...options, 'full', p.stateDirectory]);
      // The blobs are about 1 MiB, what is in them 2 MiB.
      for (const size of ['600k', '2m']) {
        mount('-o', `size=${size}`);
        try {
          const full = await p.tsstack(['up', '-d']);
          expect(full.code).toBe(1);
          expect(full.stderr).toMatch(/^error: .*no space left on device/m);
          expect(full.stderr).toMatch(/hint: .*disk/);
          expect(await p.ps()).toEqual([]);
          mount('-o', 'remount,size=64m');
          await p.ok(['up', '-d']);
          expect(await exec(p, 'cat shown')).toBe('one');
          await p.ok(['down', '--volumes', '-t', '0']);
        } finally {
          execFileSync('umount', [p.stateDirectory]);
        }
      }
    });
  });

  test('Ctrl-C ends a pull from a registry that answers nothing', async () => {
    await withProject(only({ services: { web } }), async (p) => {
      // Answers nothing: a registry that is stuck.
      const { port, close } = await silentServer();
      p.write(only({ services: { web: { image: `127.0.0.1:${port}/slow:1` } } }));
      const up = p.start(['up', '-d']);
      await up.says('pulling');
      up.signal('SIGINT');
      expect(await up.ended).toBe(130);
      await close();
      expect(await p.ps()).toEqual([]);
    });
  });

  test('an image of forty layers is mounted', async () => {
    const many = busyboxImage(join(directory.path, 'many'));
    for (let i = 1; i < 20; i++) many.insert(`/file${i}`, `${i}\n`);
    for (let i = 20; i < 40; i++) many.insert('/last', `${i}\n`);
    await many.push(`${HOST}/many`);
    await withProject(only({ services: { web: { image: `${HOST}/many:latest`, command: ['sleep', '1000000'] } } }), async (p) => {
      await p.ok(['up', '-d']);
      expect(recordOf(p).launch.lowerdirs.length).toBeGreaterThanOrEqual(40);
      expect(await exec(p, 'cat /file1 /file19 /last')).toBe('1\n19\n39');
    });
  }, 120_000);

  test('waiting for the health of an image without a health check is refused before anything is made', async () => {
    const checked = busyboxImage(join(directory.path, 'checked'));
    checked.config('--config.cmd', 'sleep', '--config.cmd', '1000000');
    await checked.push(`${HOST}/checked`);
    const after = { image: 'busybox', command: ['sleep', '1000000'], dependsOn: { web: 'healthy' } };
    await withProject(only({ services: { web: { image: `${HOST}/checked` }, after } }), async (p) => {
      const refused = await p.tsstack(['up', '-d']);
      expect(refused.stderr).toMatch(
        /it waits until `web` is healthy, and neither the stack file nor image `.*checked:latest` has a healthcheck/,
      );
      expect(await p.ps()).toEqual([]);
    });
  });

  function recordOf(p: Project) {
    const stack = join(p.stateDirectory, 'stacks', readdirSync(join(p.stateDirectory, 'stacks'))[0] ?? '');
    return JSON.parse(readFileSync(join(stack, 'containers/web-1/record.json'), 'utf8'));
  }
});

async function silentServer(): Promise<{ readonly port: number; close(): Promise<void> }> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => sockets.add(socket.on('error', () => {})));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
