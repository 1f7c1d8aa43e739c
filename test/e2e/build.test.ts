/** Stacks of images that are built here, on a busybox of a registry. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { busyboxImage, missingPrograms } from '../support/busybox-image.ts';
import { type DockerRegistry, startDockerRegistry, temporaryDirectory } from '../support/docker-registry.ts';
import { type Project, withProject } from '../support/tsstack.ts';

const PORT = 5006;
const BASE = `127.0.0.1:${PORT}/base:1`;
const missing = missingPrograms(['docker-registry', 'skopeo', 'umoci']);
if (missing.length > 0) console.log(`skipped: building images, for want of ${missing.join(', ')}`);

const DOCKERFILE = `FROM ${BASE} AS tools
RUN echo tool > /tool && echo noise

FROM ${BASE} AS unused
RUN exit 7

FROM ${BASE}
ENV GREETING=hello
WORKDIR /srv
RUN --mount=type=secret,id=token test "$(wc -c < /run/secrets/token)" = 9 && echo installed > packages
COPY page ./
COPY --from=tools --chown=worker /tool .
RUN echo "$GREETING $(cat page) $(cat packages)" > index.html
EXPOSE 80
CMD ["httpd", "-f", "-p", "80", "-h", "/srv"]
`;

const web = {
  build: { context: './web', secrets: { token: { file: './token' } }, tags: ['local/web:dev'] },
  ports: ['18087:80'],
};
const stack = {
  'stack.config.ts': `import { defineStack } from 'tsstack';\nexport default defineStack(${JSON.stringify({ name: 'shop', services: { web } })});\n`,
};
const files = { 'web/Dockerfile': DOCKERFILE, 'web/page': 'one', 'web/.dockerignore': 'ignored\n', 'web/ignored': '1', token: 'hush-hush' };

describe.skipIf(missing.length > 0)('building', () => {
  const directory = temporaryDirectory('build');
  let server: DockerRegistry;
  beforeAll(async () => {
    server = await startDockerRegistry({ port: PORT, directory: join(directory.path, 'registry') });
    await busyboxImage(join(directory.path, 'base')).push(BASE);
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    directory[Symbol.dispose]();
  });

  const page = async () => (await fetch('http://127.0.0.1:18087/')).text();
  const stepsOf = (stderr: string) => stderr.split('\n').filter((line) => /^\[.*\] /.test(line));

  test('`up` builds what it needs, and again only what has changed', async () => {
    await withProject({ ...stack, ...files }, async (p) => {
      expect((await p.tsstack(['plan'])).code).toBe(10);
      const up = await p.ok(['up', '-d', '--wait']);
      expect(up.stderr).toContain('building ./web\n');
      expect(stepsOf(up.stderr).map((line) => line.replace(/ in .*/, ''))).toHaveLength(6);
      expect(await page()).toBe('hello one installed\n');
      const { pid } = await p.container('web-1');

      p.write({ 'web/ignored': '2', 'web/uncopied': '' });
      const again = await p.ok(['up', '-d', '--wait']);
      expect(again.stderr).not.toContain('build');
      expect((await p.container('web-1')).pid).toBe(pid);
      expect((await p.tsstack(['plan'])).code).toBe(0);

      p.write({ 'web/page': 'two' });
      expect((await p.tsstack(['plan'])).code).toBe(10);
      const changed = await p.ok(['up', '-d', '--wait']);
      expect(stepsOf(changed.stderr).filter((line) => !line.endsWith('(cached)'))).toEqual([
        expect.stringMatching(/^\[stage-2 3\/5\] COPY page \.\/ done/),
        expect.stringMatching(/^\[stage-2 4\/5\] COPY --from=tools .* done/),
        expect.stringMatching(/^\[stage-2 5\/5\] RUN echo .* done/),
      ]);
      expect(await page()).toBe('hello two installed\n');
      expect((await p.ok(['images'])).stdout).toMatch(/local\/web +dev/);
      expectNowhere(p, 'hush-hush');

      // What was built first is no longer used; the image it was built on is, or a plan could not tell that nothing changed.
      const pruned = (await p.ok(['prune', '--all', '--force', '--json'])).stdout;
      expect(pruned).toMatch(/tsstack\.local\/build:/);
      expect((await p.tsstack(['plan'])).code).toBe(0);
      expect((await p.ok(['up', '-d'])).stderr).toContain('up to date');
    });
  });

  test('a step that fails is shown with the lines around it, and nothing is changed', async () => {
    const failing = { ...files, 'web/Dockerfile': `FROM ${BASE}\nRUN echo first\nRUN echo why >&2; exit 4\n` };
    await withProject({ ...stack, ...failing }, async (p) => {
      const { code, stderr } = await p.tsstack(['up', '-d']);
      expect(code).toBe(1);
      expect(stderr).toContain(
        [
          'cannot build `./web`: Dockerfile:3: `RUN echo why >&2; exit 4` exited with 4',
          `  1 | FROM ${BASE}`,
          '  2 | RUN echo first',
          '> 3 | RUN echo why >&2; exit 4',
          'it said last:',
          '  why',
        ].join('\n'),
      );
      expect(await p.ps()).toEqual([]);
      expect((await p.ok(['pull'])).stderr).toContain('nothing to pull');
      p.write({ 'web/Dockerfile': `FROM ${BASE}\nRUNN true\n` });
      expect((await p.tsstack(['plan'])).stderr).toMatch(/Dockerfile:2.*RUNN/s);
    });
  });

  test('`build` builds without containers, and with --no-cache does all of it again', async () => {
    await withProject({ ...stack, ...files }, async (p) => {
      const built = JSON.parse((await p.ok(['build', '--json'])).stdout) as { images: { image: string; digest: string }[] };
      expect(built.images).toEqual([{ image: './web', digest: expect.stringMatching(/^sha256:/) }]);
      expect((await p.ok(['build'])).stderr).toContain('nothing to build');
      expect(stepsOf((await p.ok(['build', 'web', '--no-cache', '--pull'])).stderr).filter((line) => / done in/.test(line))).toHaveLength(
        6,
      );
      expect(await p.ps()).toEqual([]);
    });
  });

  test('what a killed build leaves is removed by the next one', async () => {
    const slow = { ...files, 'web/Dockerfile': `FROM ${BASE}\nRUN echo begun; sleep 1000000\n` };
    await withProject({ ...stack, ...slow }, async (p) => {
      const building = p.start(['build']);
      await building.says('begun');
      building.process.kill('SIGKILL');
      await building.ended;
      const stacks = () => readdirSync(join(p.stateDirectory, 'stacks'));
      expect(stacks()).toHaveLength(1);
      p.write({ 'web/Dockerfile': `FROM ${BASE}\nRUN echo quick\n` });
      await p.ok(['build']);
      expect(stacks()).toEqual([]);
      expect(readdirSync(join(p.stateDirectory, 'images/scratch'))).toEqual([]);
    });
  });

  test('typed steps are built as a Dockerfile is', async () => {
    const text = `import { build, defineStack, from } from 'tsstack';
export default defineStack({ name: 'shop', services: { web: {
  image: build(from('${BASE}'), (b) => b.run('echo typed > /www/index.html').copy('./web/page', '/www/').cmd(['httpd', '-f', '-p', '80', '-h', '/www'])),
  ports: ['18087:80'],
} } });`;
    await withProject({ 'stack.config.ts': text, ...files }, async (p) => {
      await p.ok(['up', '-d', '--wait']);
      expect(await page()).toBe('typed\n');
      expect(await (await fetch('http://127.0.0.1:18087/page')).text()).toBe('one');
    });
  });
});

/** In no file of images, containers or logs, nor in what is left in memory. */
function expectNowhere(p: Project, secret: string): void {
  for (const directory of [p.stateDirectory, p.runDirectory]) {
    expect(existsSync(directory)).toBe(true);
    expect(filesWith(secret, directory)).toEqual([]);
  }
  expect(readFileSync(join(p.directory, 'token'), 'utf8')).toBe(secret);
  expect(readdirSync(p.runDirectory).filter((name) => name.startsWith('secrets-'))).toEqual([]);
}

function filesWith(text: string, directory: string): string[] {
  const found = execFileSync('sh', ['-c', 'grep -rlaF -- "$1" "$2" || true', '-', text, directory], { encoding: 'utf8' });
  return found.split('\n').filter((line) => line !== '');
}
