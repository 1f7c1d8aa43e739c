/** examples/shop: real daemons, from Debian's packages alone. One image, made once: it takes most of the time. */
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { debianMissing, startDebianMirror } from '../support/debian-mirror.ts';
import { http } from '../support/http.ts';
import { withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

const missing = debianMissing();
if (missing !== undefined) console.log(`skipped: examples/shop: ${missing}`);
const MINUTES = 60_000;

test.skipIf(missing !== undefined)(
  'the shop (examples/shop) is made of Debian packages, sells, counts and remembers',
  async () => {
    const mirror = await startDebianMirror();
    const scenario = withProject(
      {},
      async (p) => {
        cpSync(new URL('../../examples/shop', import.meta.url).pathname, p.directory, { recursive: true });
        p.write({ '.env': `DEBIAN_MIRROR=${mirror.url}\n` });
        const up = await p.ok(['up', '-d', '--wait'], { timeoutMs: 4 * MINUTES });
        expect(up.stderr).toMatch(/debian:bookworm nginx-light/);

        const url = 'http://127.0.0.1:8081';
        const products = async () => JSON.parse((await http(`${url}/products`)).body) as { products: object[]; asked: number; by: string };
        const first = await products();
        expect(first.products).toEqual([
          { id: 1, name: 'Teapot', cents: 2490 },
          { id: 2, name: 'Cup', cents: 790 },
          { id: 3, name: 'Sencha, 100 g', cents: 1250 },
        ]);
        expect((await products()).asked).toBe(first.asked + 1);
        const answered = new Set<string>();
        await until('both copies of the API have answered', async () => answered.add((await products()).by).size === 2);

        // A volume that was filled belongs to whom the image says, and so does what is in it.
        const exec = async (service: string, script: string) => (await p.ok(['exec', '-T', service, 'sh', '-c', script])).stdout.trim();
        expect(await exec('db', 'id -un; stat -c "%U:%G %a" /var/lib/postgresql/15/main /var/lib/postgresql/15/main/PG_VERSION')).toBe(
          'postgres\npostgres:postgres 700\npostgres:postgres 600',
        );
        expect(await exec('cache', 'stat -c "%U:%G %a" /var/lib/redis')).toMatch(/^redis:redis /);
        // It is small, and no service was started while it was made: nothing is in their logs.
        expect(
          await exec('web', 'find /usr/share/man /usr/share/locale -type f | wc -l; ls /var/lib/apt/lists | grep -c Packages || :'),
        ).toBe('0\n0');
        expect(await exec('db', 'find /var/log/postgresql -type f -size +0')).toBe('');

        // Nothing is made again, and nothing asked: the inputs are the same.
        const asked = mirror.asked.length;
        const again = await p.ok(['up', '-d']);
        expect(again.stderr).toMatch(/nothing to change|up to date/);
        const counted = (await products()).asked;
        await p.ok(['down'], { timeoutMs: MINUTES });
        await p.ok(['up', '-d', '--wait'], { timeoutMs: MINUTES });
        expect(mirror.asked.length).toBe(asked);
        const after = await products();
        expect(after.products).toEqual(first.products);
        expect(after.asked).toBeGreaterThan(counted);
        expect(readdirSync(join(p.stateDirectory, 'images/scratch'))).toEqual([]);
      },
      { timeoutMs: 5 * MINUTES },
    );
    await scenario.finally(() => mirror.stop());
  },
  6 * MINUTES,
);
