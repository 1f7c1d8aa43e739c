import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { busyboxImage, missingPrograms } from '../support/busybox-image.ts';
import { type DockerRegistry, startDockerRegistry, temporaryDirectory } from '../support/docker-registry.ts';
import { only } from '../support/stack-file.ts';
import { listen } from '../support/supervised.ts';
import { type Project, withProject } from '../support/tsstack.ts';

const PORT = 5008;
const HOST = `127.0.0.1:${PORT}`;
const USER = { name: 'ann', password: 'a secret' };
const missing = missingPrograms(['docker-registry', 'skopeo', 'umoci', 'htpasswd']);
if (missing.length > 0) console.log(`skipped: pushing, for want of ${missing.join(', ')}`);

/** Not in one go: the registry's log goes to a pipe of this process, which must be read meanwhile. */
const run = promisify(execFile);

describe.skipIf(missing.length > 0)('a registry that wants to know who asks', () => {
  const directory = temporaryDirectory('push');
  const archive = join(directory.path, 'web.tar');
  const known = { DOCKER_CONFIG: join(directory.path, 'known') };
  let server: DockerRegistry;
  beforeAll(async () => {
    server = await startDockerRegistry({ port: PORT, directory: join(directory.path, 'registry'), user: USER });
    const web = busyboxImage(join(directory.path, 'web'));
    web.insert('/one', 'one\n');
    web.config('--config.cmd', 'sleep', '--config.cmd', '1000000');
    await run('skopeo', ['copy', '-q', `oci:${web.image}`, `oci-archive:${archive}:${HOST}/team/web:1`]);
    mkdirSync(known.DOCKER_CONFIG);
    const auth = Buffer.from(`${USER.name}:${USER.password}`).toString('base64');
    writeFileSync(join(known.DOCKER_CONFIG, 'config.json'), JSON.stringify({ auths: { [HOST]: { auth } } }));
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    directory[Symbol.dispose]();
  });

  const skopeo = async (...args: string[]) => (await run('skopeo', args)).stdout;
  const asked = (since: number, what: RegExp) => (server.log().slice(since).match(what) ?? []).length;
  const push = async (p: Project, ...args: string[]) => JSON.parse((await p.ok(['push', '--json', ...args], { env: known })).stdout);

  test('gets an image from whoever has credentials: what it lacks of it, under any name; and gives it to `up`', async () => {
    await withProject(only({ services: { web: { image: `${HOST}/team/web:1` } } }), async (p) => {
      expect((await p.ok(['load', '-i', archive])).stdout).toBe(`${HOST}/team/web:1\n`);
      const refused = await p.tsstack(['push', `${HOST}/team/web:1`]);
      expect([refused.code, refused.stderr]).toEqual([
        1,
        expect.stringMatching(/^error: cannot push `.*`: `127\.0\.0\.1:5008` wants to know who we are .*\n {2}hint: .*docker login/),
      ]);
      const [image] = JSON.parse((await p.ok(['inspect', `${HOST}/team/web:1`])).stdout);
      const [first] = await push(p, `${HOST}/team/web:1`);
      const credentials = ['--creds', `${USER.name}:${USER.password}`, '--tls-verify=false'];
      expect(first).toMatchObject({ reference: `${HOST}/team/web:1`, digest: image.manifestDigest });
      expect(first.sent).toBeGreaterThan(500_000);
      expect(await skopeo('inspect', '--format', '{{.Digest}}', ...credentials, `docker://${HOST}/team/web:1`)).toBe(
        `${image.manifestDigest}\n`,
      );
      // All of it, checked by another reader.
      const copy = ['copy', '-q', '--src-creds', `${USER.name}:${USER.password}`, '--src-tls-verify=false'];
      await skopeo(...copy, `docker://${HOST}/team/web:1`, `dir:${join(directory.path, 'copy')}`);
      expect((await push(p, `${HOST}/team/web:1`))[0].sent).toBe(0);
      expect((await push(p, image.manifestDigest.slice(7, 19), '--to', `${HOST}/mirror/web`))[0]).toMatchObject({
        reference: `${HOST}/mirror/web:latest`,
        digest: image.manifestDigest,
        sent: 0,
      });
      expect(asked(0, /mount=sha256/g)).toBeGreaterThan(0);
      await p.ok(['prune', '--all', '--force']);
      const stranger = await p.tsstack(['up', '-d']);
      expect([stranger.code, stranger.stderr]).toEqual([1, expect.stringContaining(`cannot pull \`${HOST}/team/web:1\``)]);
      await p.ok(['up', '-d'], { env: known });
      expect((await p.ok(['exec', '-T', 'web', 'cat', '/one'])).stdout).toBe('one\n');
      using listening = await listen(p);
      p.write(only({ services: { web: { image: `${HOST}/mirror/web` } } }));
      await p.ok(['up', '-d'], { env: known });
      await listening.hears('pull.done', ({ image: name, digest }) => name === `${HOST}/mirror/web` && digest === image.manifestDigest);
    });
  });

  test('is asked once for a blob that two stacks want at the same time', async () => {
    await withProject(only({ services: { web: { image: `${HOST}/twice:1` } } }), async (p) => {
      await p.ok(['load', '-i', archive]);
      await push(p, `${HOST}/team/web:1`, '--to', `${HOST}/twice:1`);
      await p.ok(['prune', '--all', '--force']);
      const since = server.log().length;
      await Promise.all(['a', 'b'].map((instance) => p.ok(['up', '-d', '--instance', instance], { env: known })));
      const [{ layers }] = JSON.parse((await p.ok(['inspect', `${HOST}/twice:1`])).stdout);
      for (const { digest } of layers)
        expect(asked(since, new RegExp(`"GET /v2/twice/blobs/${digest} HTTP/1.1" 200`, 'g')), digest).toBe(1);
      for (const instance of ['a', 'b']) await p.ok(['down', '-t', '0', '--instance', instance]);
    });
  });

  test('that is not there is told at once', async () => {
    await withProject(only({ services: { web: { image: `${HOST}/team/web:1` } } }), async (p) => {
      await p.ok(['load', '-i', archive]);
      const refused = await p.tsstack(['push', `${HOST}/team/web:1`, '--to', '127.0.0.1:9/web']);
      expect([refused.code, refused.stderr]).toEqual([
        1,
        expect.stringMatching(/^error: cannot push `.*` to `127\.0\.0\.1:9\/web`: `127\.0\.0\.1:9` refuses connections\n/),
      ]);
    });
  });
});
