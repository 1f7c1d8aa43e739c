/** A machine that was switched off: no process, link, rule or cgroup is left, `/run` is empty, and the files tell of another boot. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { http } from '../support/http.ts';
import { killSupervisors, statuses, supervisors } from '../support/past-tsstack.ts';
import { idle, only, page } from '../support/stack-file.ts';
import { type Project, withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

const stack = only({
  services: {
    db: { ...idle, volumes: ['data:/data'], restart: 'always' },
    web: { ...page, ports: ['18080:80'], dependsOn: ['db'], limits: { pids: 50 } },
    once: { kind: 'job', command: ['sh', '-c', 'echo ran >> /data/runs'], volumes: ['data:/data'] },
  },
  volumes: { data: {} },
});
const before = 'ffffffff-0000-4000-8000-000000000000';

/** As if the machine had been switched off and on, for what is of this project. */
async function reboot(p: Project): Promise<void> {
  await killSupervisors(p);
  for (const { init, monitor } of statuses(p).values()) {
    for (const process_ of [monitor, init]) if (process_) kill(process_.pid);
  }
  await until('nothing runs', () => statuses(p), { holds: (all) => [...all.values()].every(({ state }) => state !== 'running') });
  await until('the veths are gone with their namespaces', ourLinks, { holds: (links) => links.every(({ kind }) => kind === 'bridge') });
  for (const { ifname } of ourLinks()) execFileSync('ip', ['link', 'delete', ifname]);
  // All of this fake host's: nobody else has any.
  execFileSync('iptables-restore', { input: '*nat\nCOMMIT\n*filter\nCOMMIT\n' });
  for (const name of readdirSync(p.runDirectory)) rmSync(join(p.runDirectory, name), { recursive: true });
  for (const id of readdirSync(join(p.stateDirectory, 'stacks'))) {
    removeCgroups(id);
    const directory = join(p.stateDirectory, 'stacks', id);
    const rewrite = (path: string, from: RegExp, to: string) => writeFileSync(path, readFileSync(path, 'utf8').replace(from, to));
    rewrite(join(directory, 'supervision.json'), /"bootId":"[^"]+"/, `"bootId":"${before}"`);
    for (const name of readdirSync(join(directory, 'containers'))) {
      rewrite(join(directory, 'containers', name, 'status'), /^boot=.*$/m, `boot=${before}`);
    }
  }
}

function ourLinks(): readonly { readonly ifname: string; readonly kind: string | undefined }[] {
  const links = JSON.parse(execFileSync('ip', ['-j', '-d', 'link'], { encoding: 'utf8' })) as {
    ifname: string;
    ifalias?: string;
    linkinfo?: { info_kind?: string };
  }[];
  const ours = links.filter(({ ifalias }) => ifalias?.startsWith('tsstack:'));
  return ours.map(({ ifname, linkinfo }) => ({ ifname, kind: linkinfo?.info_kind }));
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // It has gone with its monitor, or was stopped long ago.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** cgroups(7): a directory that nobody is in any more can be removed, from the leaves on. */
function removeCgroups(stack_: string): void {
  const roots = execFileSync('find', ['/sys/fs/cgroup', '-depth', '-type', 'd', '-path', `*/tsstack/${stack_}*`], { encoding: 'utf8' });
  for (const directory of roots.trim().split('\n')) if (directory !== '') rmdirSync(directory);
}

test('after a reboot `ps` starts nothing and tells what is gone; `up` brings the stack back, volumes intact', async () => {
  await withProject(stack, async (p) => {
    await p.ok(['up', '-d', '--wait']);
    await p.ok(['exec', '-T', 'db', 'sh', '-c', 'echo kept > /data/mark']);
    const { addresses } = await p.container('web-1');
    await reboot(p);

    expect((await p.ps()).map(({ name, state, pid }) => ({ name, state, pid }))).toEqual([
      { name: 'db-1', state: 'stopped', pid: undefined },
      { name: 'once-1', state: 'stopped', pid: undefined },
      { name: 'web-1', state: 'stopped', pid: undefined },
    ]);
    expect((await p.ok(['ps', '--all'])).stdout).toMatch(/web-1 .*ended when the machine went down/);
    expect(supervisors(p), '`ps` starts no supervisor').toEqual([]);
    expect((await p.tsstack(['start'])).stderr).toMatch(/is not up\n.*`tsstack up -d`/);
    expect((await p.tsstack(['plan'])).code).toBe(10);

    await p.ok(['up', '-d', '--wait']);
    expect((await until('the page answers', () => http('http://127.0.0.1:18080/'))).body).toBe('web-1\n');
    expect((await p.ok(['exec', '-T', 'db', 'cat', '/data/mark', '/data/runs'])).stdout).toBe('kept\nran\n');
    expect((await p.container('web-1')).addresses).toEqual(addresses);
    expect((await p.tsstack(['plan'])).code).toBe(0);
    expect((await p.ps()).map(({ name, state, restarts }) => [name, state, restarts])).toEqual([
      ['db-1', 'running', 0],
      ['once-1', 'stopped', 0],
      ['web-1', 'running', 0],
    ]);
  });
});

test('after a reboot `down` clears up what is left, and keeps the volumes', async () => {
  await withProject(stack, async (p) => {
    await p.ok(['up', '-d', '--wait']);
    await reboot(p);
    await p.ok(['down']);
    expect(await p.ps()).toEqual([]);
    const [id = ''] = readdirSync(join(p.stateDirectory, 'stacks'));
    expect(readdirSync(join(p.stateDirectory, 'stacks', id))).toEqual(['volumes']);
    expect(readFileSync(join(p.stateDirectory, 'stacks', id, 'volumes/data/runs'), 'utf8')).toBe('ran\n');
  });
});
