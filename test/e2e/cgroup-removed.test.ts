import { existsSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { cgroupFile, cgroupPathOf, pidsMax } from '../support/cgroup-file.ts';
import { idle, only } from '../support/stack-file.ts';
import { listen } from '../support/supervised.ts';
import { withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

test('a cgroup that somebody empties and removes is made again, with its limits and the running container in it', async () => {
  await withProject(only({ services: { web: { ...idle, limits: { pids: 50 } } } }), async (p) => {
    await p.ok(['up', '-d']);
    const { pid } = await p.container('web-1');
    const directory = dirname(cgroupPathOf(pid, pidsMax));
    using heard = await listen(p);
    // Up to where the stack's cgroups begin, and one further.
    const elsewhere = `${directory.slice(0, directory.indexOf('/tsstack/'))}/cgroup.procs`;
    const members = () =>
      readFileSync(`${directory}/cgroup.procs`, 'utf8')
        .split('\n')
        .filter((line) => line !== '');
    for (const member of members()) writeFileSync(elsewhere, member);
    rmdirSync(directory);
    expect((await heard.hears('drift')).resource).toBe('cgroup:shop/web-1');
    await heard.hears('repaired');
    expect(existsSync(directory)).toBe(true);
    expect(await until('it is in there again', () => cgroupFile(pid, pidsMax), { holds: (value) => value === '50' })).toBe('50');
    expect((await p.container('web-1')).pid).toBe(pid);
  });
});
