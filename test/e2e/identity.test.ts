import { expect, test } from 'vitest';
import { http } from '../support/http.ts';
import { only, page } from '../support/stack-file.ts';
import { withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

const body = async (port: number) => (await until('the page answers', () => http(`http://127.0.0.1:${port}/`))).body;

test('two directories with stacks of one name never meet', async () => {
  const stack = (port: number) =>
    only({ name: 'twin', services: { web: { ...page, ports: [`${port}:80`], volumes: ['data:/data'] } }, volumes: { data: {} } });
  const other = Object.entries(stack(18081)).map(([name, text]) => [`other/${name}`, text.replaceAll('./rootfs', '../rootfs')]);
  await withProject({ ...stack(18080), ...Object.fromEntries(other) }, async (p) => {
    const there = { cwd: `${p.directory}/other` };
    await p.ok(['up', '-d']);
    await p.ok(['up', '-d'], there);
    expect([await body(18080), await body(18081)]).toEqual(['web-1\n', 'web-1\n']);
    const [here] = await p.ps();
    const [elsewhere] = JSON.parse((await p.ok(['ps', '--json'], there)).stdout);
    expect(elsewhere.pid).not.toBe(here?.pid);
    expect(elsewhere.addresses).not.toEqual(here?.addresses);

    await p.ok(['down', '--volumes'], there);
    expect(await p.ps()).toEqual([here]);
    expect(await body(18080)).toBe('web-1\n');
  });
});

test('an instance is a copy with networks, volumes and addresses of its own', async () => {
  const stack = {
    'stack.config.ts': `import { defineStack, rootfs } from 'tsstack';
export default defineStack(({ instance }) => ({
  name: 'shop',
  services: {
    web: {
      image: rootfs('./rootfs'),
      command: ['sh', '-c', 'cat /data/mark > /www/index.html; exec httpd -f -p 80 -h /www'],
      volumes: ['data:/data'],
      ports: [instance === 'two' ? '18082:80' : '18080:80'],
    },
  },
  volumes: { data: {} },
}));
`,
  };
  await withProject(stack, async (p) => {
    await p.ok(['up', '-d']);
    await p.ok(['up', '-d', '--instance', 'two']);
    await p.ok(['exec', '-T', 'web', 'sh', '-c', 'echo one > /data/mark; cp /data/mark /www/index.html']);
    expect(await body(18080)).toBe('one\n');
    expect(await body(18082)).toBe('');
    const ps = async (...argv: readonly string[]) => JSON.parse((await p.ok(['ps', '--json', ...argv])).stdout);
    const [one] = await ps();
    const [two] = await ps('--instance', 'two');
    expect(two.pid).not.toBe(one.pid);
    expect(two.addresses).not.toEqual(one.addresses);
    await p.ok(['down', '--volumes', '--instance', 'two']);
    expect(await ps()).toEqual([one]);
  });
});
