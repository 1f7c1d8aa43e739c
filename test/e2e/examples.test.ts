/** Each stack that people copy comes up and does what it says. */
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { http } from '../support/http.ts';
import { type Project, withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

const root = new URL('../..', import.meta.url).pathname;
const file = (path: string) => ({ 'stack.config.ts': readFileSync(join(root, path), 'utf8') });
const copy = (p: Project, from: string, to: string) => cpSync(join(root, from), join(p.directory, to), { recursive: true });

test('the guestbook (stack.config.ts, examples/guestbook) answers, remembers, and shares its work among replicas', async () => {
  await withProject(file('stack.config.ts'), async (p) => {
    copy(p, 'examples/guestbook', 'examples/guestbook');
    const url = 'http://127.0.0.1:8080';
    await p.ok(['up', '-d', '--wait']);
    expect(await http(url)).toMatchObject({ status: 200, body: expect.stringContaining('<h1>Guestbook</h1>') });
    const entries = async () => JSON.parse((await http(`${url}/api/entries`)).body) as { replica: string; entries: { name: string }[] };
    expect((await entries()).entries.map(({ name }) => name)).toEqual(['seed']);
    expect(await http(`${url}/api/entries`, { method: 'POST', body: JSON.stringify({ name: 'Ada', text: 'hello' }) })).toMatchObject({
      status: 200,
    });
    expect(await http(`${url}/api/entries`, { method: 'POST', body: '{}' })).toMatchObject({ status: 400 });

    const replicas = new Set<string>();
    await until('both replicas have answered', async () => replicas.add((await entries()).replica).size === 2);
    expect([...replicas].sort()).toEqual(['api-1', 'api-2']);
    expect(
      (await p.tsstack(['exec', '-T', 'web', 'node', '/app/probe.mjs', 'http://store:4000/health'])).code,
      'web is not on `back`',
    ).not.toBe(0);

    expect((await p.ok(['up', '-d'])).stderr).toMatch(/nothing to change/);
    await p.ok(['down']);
    await p.ok(['up', '-d', '--wait']);
    expect((await entries()).entries.map(({ name }) => name)).toEqual(['Ada', 'seed']);
  });
});

test('examples/hello says hello', async () => {
  await withProject(file('examples/hello/stack.config.ts'), async (p) => {
    await p.ok(['up', '-d']);
    expect((await until('it answers', () => http('http://127.0.0.1:8000/'))).body).toBe('hello from web-1\n');
  });
});

test('examples/ci ends with 0 when its tests pass and with 18 when they fail', async () => {
  await withProject(file('examples/ci/stack.config.ts'), async (p) => {
    copy(p, 'examples/ci/app', 'app');
    await p.ok(['up', '-d', '--wait']);
    expect((await p.ok(['logs', '--no-prefix', 'tests'])).stdout).toMatch(/# pass 2/);

    const server = readFileSync(join(p.directory, 'app/server.mjs'), 'utf8');
    p.write({ 'app/server.mjs': server.replace("Number(searchParams.get('b'))", '1') });
    await p.ok(['down']);
    expect((await p.tsstack(['up', '-d', '--wait'])).code).toBe(18);
    expect((await p.ok(['logs', '--no-prefix', 'tests'])).stdout).toMatch(/# fail [1-9]/);
  });
});
