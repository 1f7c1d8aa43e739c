/** What somebody meets who asks at a published port whose containers were stopped. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Outside, outside } from '../support/fake-host.ts';
import { http } from '../support/http.ts';
import { only, page } from '../support/stack-file.ts';
import { withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

const PORT = 18080;

let there: Outside;
beforeAll(async () => {
  there = await outside();
});
afterAll(() => there.close());

const answerAt = (host: string) => http(`http://${host}:${PORT}/`).then(({ body }) => body.trim());
const errorAt = (host: string) => answerAt(host).catch((error: NodeJS.ErrnoException) => error.code);

/** `connected`, or the code of the error. */
async function fromOutside(host: string): Promise<string> {
  const code = `const c = require('node:net').connect(${PORT}, '${host}', () => { console.log('connected'); c.destroy(); });
    c.on('error', (error) => console.log(error.code));`;
  return (await there.run(['node', '-e', code])).stdout.trim();
}

test.each(['iptables', 'nftables'])('it is refused at once, and answered by who still runs: %s', async (driver) => {
  const stack = only({ services: { web: { ...page, replicas: 3, ports: [`*:${PORT}:80`] } } });
  await withProject(
    stack,
    async (p) => {
      await p.ok(['up', '-d']);
      const answers = async (times: number) => new Set(await Promise.all(Array.from({ length: times }, () => answerAt('127.0.0.1'))));
      await until('all answer', () => answers(6), { holds: ({ size }) => size === 3 });

      await p.ok(['stop', 'web-2']);
      expect([...(await answers(12))].sort()).toEqual(['web-1', 'web-3']);
      expect((await p.ok(['plan'], { code: 10 })).stdout).toMatch(/web-2/);

      await p.ok(['stop', 'web']);
      expect(await Promise.all(['127.0.0.1', '[::1]', there.hostAddress].map(errorAt))).toEqual(Array(3).fill('ECONNREFUSED'));
      expect(await Promise.all([there.hostAddress, there.hostAddress6].map(fromOutside))).toEqual(Array(2).fill('ECONNREFUSED'));

      await p.ok(['start', 'web']);
      await until('all answer again', () => answers(6), { holds: ({ size }) => size === 3 });
      await p.ok(['kill', '-s', 'KILL', 'web']);
      expect(await errorAt('127.0.0.1'), 'killed').toBe('ECONNREFUSED');
    },
    { env: { TSSTACK_FIREWALL: driver } },
  );
});
