/** Images of Debian's packages: what goes wrong, and what is left then. A whole one is made in shop.test.ts. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { debianMissing, startDebianMirror } from '../support/debian-mirror.ts';
import { only } from '../support/stack-file.ts';
import { type Project, withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

const missing = debianMissing();
if (missing !== undefined) console.log(`skipped: images of Debian packages: ${missing}`);

describe.skipIf(missing !== undefined)('an image of Debian packages', () => {
  const services = (mirror: string, packages: readonly string[] = []) => ({
    services: { web: { image: { kind: 'debian', suite: 'bookworm', packages, mirror }, command: ['sleep', '1000000'] } },
  });
  const inImages = (p: Project, directory: string) => readdirSync(join(p.stateDirectory, 'images', directory));

  test('that does not exist is told in the words of apt, and nothing is left', async () => {
    const mirror = await startDebianMirror();
    const scenario = withProject(only(services(mirror.url, ['no-such-package'])), async (p) => {
      const plan = await p.ok(['plan'], { code: 10 });
      expect(plan.stdout + plan.stderr).toMatch(/image `debian:bookworm no-such-package from .*` is not here/);
      const refused = await p.tsstack(['up', '-d'], { timeoutMs: 60_000 });
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(
        /error: cannot make `debian:bookworm` with `no-such-package`: .*Unable to locate package no-such-package/,
      );
      expect(refused.stderr.match(/error:/g)).toHaveLength(1);
      expect(inImages(p, 'scratch')).toEqual([]);
      expect(inImages(p, 'records')).toEqual([]);
      expect(inImages(p, 'layers')).toEqual([]);
      expect(await p.ps()).toEqual([]);
    });
    await scenario.finally(() => mirror.stop());
  });

  test('of a mirror that has no such suite, or that nobody answers at, is one clear message', async () => {
    const mirror = await startDebianMirror((path) => !path.includes('nothing'));
    const scenario = withProject(only(services(`${mirror.url}/elsewhere`)), async (p) => {
      const without = await p.tsstack(['up', '-d'], { timeoutMs: 60_000 });
      expect(without.stderr).toMatch(/error: cannot make `debian:bookworm`: .*does not have a Release file/);
      expect(without.stderr).toMatch(/hint: is that the name of a suite/);
      p.write(only(services('http://127.0.0.1:9')));
      const refused = await p.tsstack(['up', '-d'], { timeoutMs: 60_000 });
      expect(refused.stderr).toMatch(/error: cannot make `debian:bookworm`: .*127\.0\.0\.1/);
      expect(refused.stderr).toMatch(/hint: is the mirror reachable/);
    });
    await scenario.finally(() => mirror.stop());
  });

  test('is called off by Ctrl-C, and ends with the supervisor that is killed: no process, no mount and no scratch stay', async () => {
    const mirror = await startDebianMirror((path) => !path.includes('Packages') && !path.includes('by-hash'));
    const scenario = withProject(only(services(mirror.url)), async (p) => {
      const stuck = () => mirror.asked.filter((path) => /Packages|by-hash/.test(path)).length;
      const up = p.start(['up', '-d']);
      await until('it waits for the mirror', () => stuck() > 0);
      expect(workers(p)).not.toEqual([]);
      up.signal('SIGINT');
      expect(await up.ended).toBe(130);
      await until('all of it has ended', () => workers(p).length === 0);
      await until('nothing is left', () => inImages(p, 'scratch').length === 0);

      const before = stuck();
      const killed = p.start(['up', '-d']);
      await until('it waits again', () => stuck() > before);
      process.kill(makerOf(p), 'SIGKILL');
      await killed.ended;
      await until('all of it has ended', () => workers(p).length === 0);
      expect(inImages(p, 'records')).toEqual([]);
    });
    await scenario.finally(() => mirror.stop());
  });

  /** Processes at work below this project's state. */
  function workers(p: Project) {
    return commands().filter(({ argv }) => /mmdebstrap|unshare|setpriv/.test(argv) && argv.includes(p.stateDirectory));
  }

  /** Whose child they are. */
  function makerOf(p: Project): number {
    const [first] = workers(p).sort((a, b) => a.pid - b.pid);
    if (first === undefined) throw new Error('nobody makes an image');
    return first.parent;
  }

  function commands() {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => {
        try {
          const read = (file: string) => readFileSync(`/proc/${name}/${file}`, 'utf8');
          const parent = Number(/^PPid:\s*(\d+)/m.exec(read('status'))?.[1]);
          return [{ pid: Number(name), parent, argv: read('cmdline').replaceAll('\0', ' ') }];
        } catch {
          // It has ended meanwhile.
          return [];
        }
      });
  }
});
