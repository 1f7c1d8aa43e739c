import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { cgroupDirectories } from '../../engine/codec/cgroup-layout.ts';
import { cgroupDrift, cgroupWrites, unsupportedLimits } from '../../engine/codec/cgroup-writes.ts';
import { writeFile } from '../../engine/kernel/cgroup-files.ts';
import { cgroupExecutors, detectCgroupLayout, observeCgroups, removeEmptyParents } from '../../engine/kernel/cgroups.ts';
import type { CgroupLayout, CgroupLimits } from '../../engine/model/cgroup.ts';
import type { CgroupSpec } from '../../engine/model/resources.ts';

const detected = detectCgroupLayout();
/** A host with v1 can stand for one that has nothing else. */
const layouts: CgroupLayout[] = [
  detected,
  ...(detected.mode === 'hybrid' ? [{ ...detected, mode: 'legacy' as const, unified: undefined, unifiedControllers: [] }] : []),
];
let layout = detected;
let run = cgroupExecutors(layout);
const parent = `tsstack/test-${randomUUID()}`;
const signal = new AbortController().signal;
const limits: CgroupLimits = {
  cpus: 0.5,
  cpuShares: 2048,
  cpuset: '0',
  memory: 64 * 1024 ** 2,
  memoryReservation: 2 ** 25,
  swap: 0,
  pids: 20,
};

function spec(name: string, of: CgroupLimits): CgroupSpec {
  return { path: `${parent}/${name}`, limits: of, writes: cgroupWrites(of, layout) };
}
function directoriesOf(cgroup: CgroupSpec): string[] {
  const { unified, legacy } = cgroupDirectories(cgroup.path, cgroup.limits, layout);
  return [...(unified === undefined ? [] : [unified]), ...legacy];
}
/** A second witness: the kernel's own list of what a process is in. */
function cgroupsOf(child: ChildProcess): string {
  return readFileSync(`/proc/${child.pid}/cgroup`, 'utf8');
}
function sleeper(cgroup: CgroupSpec): ChildProcess {
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
  for (const directory of directoriesOf(cgroup)) writeFileSync(`${directory}/cgroup.procs`, String(child.pid));
  return child;
}
const gone = (child: ChildProcess): Promise<NodeJS.Signals | null> =>
  new Promise((resolve) => {
    child.once('exit', (_, signalName) => resolve(signalName));
  });

afterEach(async () => {
  for (const { path } of observeCgroups(parent, layout)) await run['cgroup.delete']({ kind: 'cgroup.delete', path }, signal);
  removeEmptyParents(parent, layout);
});

describe.each(layouts)('the cgroup driver on a $mode host', (ofHost) => {
  beforeAll(() => {
    layout = ofHost;
    run = cgroupExecutors(layout);
  });

  it('creates a cgroup with every limit, and finds no drift in it', async () => {
    const cgroup = spec('web-1', limits);
    expect(unsupportedLimits(limits, layout)).toEqual([]);
    await run['cgroup.create']({ kind: 'cgroup.create', cgroup }, signal);
    const [state] = observeCgroups(parent, layout);
    expect(state?.path).toBe(cgroup.path);
    expect(cgroupDrift(cgroup.writes, state?.values ?? {})).toEqual([]);
    const pids = layout.controllers['pids'] ?? layout.unified;
    expect(readFileSync(`${pids}/${cgroup.path}/pids.max`, 'utf8')).toBe('20\n');
  });

  it('takes limits away again', async () => {
    const cgroup = spec('web-1', limits);
    await run['cgroup.create']({ kind: 'cgroup.create', cgroup }, signal);
    const writes = cgroupDrift([], observeCgroups(parent, layout)[0]?.values ?? {});
    expect(writes.length).toBeGreaterThan(0);
    await run['cgroup.update']({ kind: 'cgroup.update', cgroup: { path: cgroup.path, limits: {}, writes } }, signal);
    expect(cgroupDrift([], observeCgroups(parent, layout)[0]?.values ?? {})).toEqual([]);
  });

  it('raises and lowers memory and swap together', async () => {
    const cgroup = spec('web-1', limits);
    await run['cgroup.create']({ kind: 'cgroup.create', cgroup }, signal);
    for (const memory of [2 ** 30, 2 ** 25]) {
      const next = spec('web-1', { memory, swap: 2 ** 20 });
      const writes = cgroupDrift(next.writes, observeCgroups(parent, layout)[0]?.values ?? {});
      await run['cgroup.update']({ kind: 'cgroup.update', cgroup: { ...next, writes } }, signal);
      expect(cgroupDrift(next.writes, observeCgroups(parent, layout)[0]?.values ?? {})).toEqual([]);
    }
  });

  it('puts a running process under a limit it was born without', async () => {
    const born = spec('web-1', {});
    await run['cgroup.create']({ kind: 'cgroup.create', cgroup: born }, signal);
    const child = sleeper(born);
    const cgroup = spec('web-1', { memory: 2 ** 26, pids: 7 });
    await run['cgroup.update']({ kind: 'cgroup.update', cgroup }, signal);
    const inside = cgroupsOf(child)
      .split('\n')
      .filter((line) => line.endsWith(cgroup.path));
    expect(inside).toHaveLength(directoriesOf(cgroup).length);
    child.kill('SIGKILL');
    await gone(child);
  });

  it('has the kernel enforce memory, and count what it kills for it', async () => {
    const cgroup = spec('web-1', { memory: 2 ** 24, swap: 0, pids: 20 });
    await run['cgroup.create']({ kind: 'cgroup.create', cgroup }, signal);
    const enter = directoriesOf(cgroup).map((directory) => `echo $$ > ${directory}/cgroup.procs; `);
    // tail keeps the line it is in, and /dev/zero has only one.
    const child = spawn('sh', ['-c', `${enter.join('')}exec tail /dev/zero`], { stdio: 'ignore' });
    expect(await gone(child)).toBe('SIGKILL');
    const { oomFile } = cgroupDirectories(cgroup.path, cgroup.limits, layout);
    expect(readFileSync(oomFile ?? '', 'utf8')).toMatch(/^oom_kill 1$/m);
  });

  it('kills what is left in a cgroup, below it too, and removes it everywhere', async () => {
    const cgroup = spec('web-1', limits);
    await run['cgroup.create']({ kind: 'cgroup.create', cgroup }, signal);
    const nested = { ...cgroup, path: `${cgroup.path}/inner`, limits: {}, writes: [] };
    await run['cgroup.create']({ kind: 'cgroup.create', cgroup: nested }, signal);
    const children = [sleeper(nested), sleeper(nested)];
    const ends = children.map(gone);
    await run['cgroup.delete']({ kind: 'cgroup.delete', path: cgroup.path }, signal);
    expect(await Promise.all(ends)).toEqual(['SIGKILL', 'SIGKILL']);
    expect(directoriesOf(cgroup).filter((directory) => existsSync(directory))).toEqual([]);
    expect(observeCgroups(parent, layout)).toEqual([]);
  });

  it('tells a file that this kernel does not have from one that may not be written', async () => {
    const cgroup = spec('web-1', {});
    await run['cgroup.create']({ kind: 'cgroup.create', cgroup }, signal);
    expect(writeFile(`${directoriesOf(cgroup)[0]}/cgroup.not-yet`, '1')).toBe('ENOENT');
  });

  it('leaves nothing of a cgroup whose limits the kernel refuses', async () => {
    const cgroup = spec('web-1', { ...limits, cpuset: '4095' });
    await expect(run['cgroup.create']({ kind: 'cgroup.create', cgroup }, signal)).rejects.toThrow(/`cpuset.cpus` .*`4095`/);
    expect(observeCgroups(parent, layout)).toEqual([]);
  });

  it('removes empty parents and leaves others', async () => {
    const [one, two] = [spec('web-1', limits), spec('web-2', limits)];
    await run['cgroup.create']({ kind: 'cgroup.create', cgroup: one }, signal);
    await run['cgroup.create']({ kind: 'cgroup.create', cgroup: two }, signal);
    await run['cgroup.delete']({ kind: 'cgroup.delete', path: one.path }, signal);
    removeEmptyParents(parent, layout);
    expect(observeCgroups(parent, layout).map((state) => state.path)).toEqual([two.path]);
    await run['cgroup.delete']({ kind: 'cgroup.delete', path: two.path }, signal);
    removeEmptyParents(parent, layout);
    expect(directoriesOf({ ...one, path: parent }).filter((directory) => existsSync(directory))).toEqual([]);
  });

  it('goes on below parents that another stack is just making', async () => {
    const one = spec('web-1', limits);
    const parents = directoriesOf({ ...one, path: parent });
    for (const directory of parents) mkdirSync(directory, { recursive: true });
    await run['cgroup.create']({ kind: 'cgroup.create', cgroup: one }, signal);
    expect(observeCgroups(parent, layout).map((state) => state.path)).toEqual([one.path]);
    const child = sleeper(one);
    child.kill('SIGKILL');
    expect(await gone(child)).toBe('SIGKILL');
  });

  it('still finds and removes a cgroup whose v2 directory somebody removed', async () => {
    const cgroup = spec('web-1', { memory: 2 ** 26 });
    await run['cgroup.create']({ kind: 'cgroup.create', cgroup }, signal);
    rmdirSync(directoriesOf(cgroup)[0] ?? '');
    const legacy = cgroupDirectories(cgroup.path, cgroup.limits, layout).legacy;
    expect(observeCgroups(parent, layout)).toHaveLength(legacy.length > 0 ? 1 : 0);
    await run['cgroup.delete']({ kind: 'cgroup.delete', path: cgroup.path }, signal);
    expect(observeCgroups(parent, layout)).toEqual([]);
  });

  it.each(['system.slice/x', 'tsstack/../x', 'tsstack'])('refuses to touch %s', async (path) => {
    await expect(run['cgroup.delete']({ kind: 'cgroup.delete', path }, signal)).rejects.toThrow(/not a cgroup of tsstack/);
  });
});
