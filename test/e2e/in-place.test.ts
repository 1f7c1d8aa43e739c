import { expect, test } from 'vitest';
import { cgroupFile, memoryMax, pidsMax } from '../support/cgroup-file.ts';
import { http } from '../support/http.ts';
import { idle, only, page } from '../support/stack-file.ts';
import { withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

const MIB = 1024 * 1024;

test('limits are written to the cgroup, and changed there without a restart', async () => {
  const withLimits = (limits: object) => only({ services: { web: { ...idle, limits } } });
  await withProject(withLimits({ memory: '64MiB', pids: 50, cpus: 0.5 }), async (p) => {
    await p.ok(['up', '-d']);
    const before = await p.container('web-1');
    expect(cgroupFile(before.pid, memoryMax)).toBe(String(64 * MIB));
    expect(cgroupFile(before.pid, pidsMax)).toBe('50');

    p.write(withLimits({ memory: '96MiB', pids: 60, cpus: 1 }));
    expect((await p.ok(['plan'], { code: 10 })).stdout).toMatch(
      /cgroup:shop\/web-1, cgroup\.update, .*memory\S* (64MiB|67108864) → (96MiB|100663296)/,
    );
    await p.ok(['up', '-d']);
    const after = await p.container('web-1');
    expect({ pid: after.pid, startedAt: after.startedAt }).toEqual({ pid: before.pid, startedAt: before.startedAt });
    expect(cgroupFile(after.pid, memoryMax)).toBe(String(96 * MIB));
    expect(cgroupFile(after.pid, pidsMax)).toBe('60');

    p.write(withLimits({ memory: '32MiB' }));
    await p.ok(['up', '-d']);
    expect(cgroupFile(after.pid, memoryMax)).toBe(String(32 * MIB));
    expect(cgroupFile(after.pid, pidsMax), 'a limit that is gone is lifted').toBe('max');
    expect((await p.ok(['up', '-d'])).stderr).toMatch(/nothing to change/);
  });
});

test('a published port moves without a restart', async () => {
  const on = (port: string) => only({ services: { web: { ...page, ports: [port] } } });
  await withProject(on('18080:80'), async (p) => {
    await p.ok(['up', '-d']);
    const before = await p.container('web-1');
    await until('the page answers', () => http('http://127.0.0.1:18080/'));

    p.write(on('18081:80'));
    await p.ok(['up', '-d']);
    expect((await http('http://127.0.0.1:18081/')).status).toBe(200);
    await expect(http('http://127.0.0.1:18080/')).rejects.toThrow('ECONNREFUSED');
    expect((await p.container('web-1')).pid).toBe(before.pid);
  });
});

test('names of containers that come later are found by those that run', async () => {
  const services = { web: idle };
  await withProject(only({ services }), async (p) => {
    await p.ok(['up', '-d']);
    const before = await p.container('web-1');
    p.write(only({ services: { ...services, api: page } }));
    await p.ok(['up', '-d']);
    const answer = await until('api answers web', () => p.ok(['exec', '-T', 'web', 'wget', '-qO-', 'http://api/']));
    expect(answer.stdout).toBe('api-1\n');
    expect((await p.container('web-1')).pid).toBe(before.pid);
  });
});

test('a changed bind file recreates the container that has it', async () => {
  const web = { command: ['sh', '-c', 'cat /motd; exec sleep 1000000'], volumes: ['./motd:/motd:ro'] };
  await withProject({ ...only({ services: { web, other: idle } }), motd: 'one\n' }, async (p) => {
    await p.ok(['up', '-d']);
    const other = await p.container('other-1');
    p.write({ motd: 'two\n' });
    expect((await p.ok(['plan'], { code: 10 })).stdout).toMatch(/container:shop\/web-1/);
    await p.ok(['up', '-d']);
    expect((await p.ok(['exec', '-T', 'web', 'cat', '/motd'])).stdout).toBe('two\n');
    expect(await p.container('other-1')).toEqual(other);
  });
});
