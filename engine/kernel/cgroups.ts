/**
 * Cgroups of containers, in every hierarchy of the host.
 * All file access is synchronous on purpose: cgroupfs answers from memory in microseconds, a trip through libuv's four threads costs more.
 * INVARIANT: a container's cgroup in its identity hierarchy (v2 where there is one) is made first and removed last, so that wherever a
 * change was cut off, what is left can still be found and finished.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { identityController, parseCgroupLayout, unifiedMountPoint } from '../codec/cgroup-layout.ts';
import { controllerOf, limitFiles } from '../codec/cgroup-writes.ts';
import type { CgroupLayout } from '../model/cgroup.ts';
import type { Executors } from '../model/plan.ts';
import type { CgroupSpec, CgroupState } from '../model/resources.ts';
import { enableControllers, makeDirectory, moveProcesses, readSmallFile, writeLimit } from './cgroup-files.ts';
import { removeCgroup, removeIfEmpty } from './cgroup-remove.ts';
import { unlessErrno } from './system-error.ts';

const V1_CONTROLLERS = ['cpu', 'cpuset', 'memory', 'pids'];
/** Where there is no v2 hierarchy to freeze containers in, they may be in this one too (`freezer.ts`). */
const V1_FREEZER = 'freezer';
/** On a v2 host these are on for every container: without them nobody counts OOM kills and processes. */
const ALWAYS_ENABLED = ['memory', 'pids'];

/** Reads /proc and the root of the v2 hierarchy. Never throws for a host without cgroups: its layout is empty. */
export function detectCgroupLayout(): CgroupLayout {
  const mountinfo = readFileSync('/proc/self/mountinfo', 'utf8');
  const unified = unifiedMountPoint(mountinfo);
  const controllers = unified === undefined ? undefined : read(`${unified}/cgroup.controllers`);
  const layout = parseCgroupLayout(mountinfo, controllers);
  return swapAccounting(layout) ? layout : { ...layout, swapAccounting: false };
}

/** The cgroups directly below `parent` (`tsstack/shop-3f9a1c2e`) in any hierarchy, by path, with all their limit files. */
export function observeCgroups(parent: string, layout: CgroupLayout): CgroupState[] {
  assertOurs(`${parent}/x`);
  const found = hierarchies(layout).map((hierarchy) => ({
    ...hierarchy,
    names: new Set(directories(`${hierarchy.mountPoint}/${parent}`)),
    files: filesOf(hierarchy, parent),
  }));
  const names = [...new Set(found.flatMap((hierarchy) => [...hierarchy.names]))].sort();
  return names.map((name) => {
    const values: Record<string, string> = {};
    for (const { controller, mountPoint, files } of found.filter((hierarchy) => hierarchy.names.has(name))) {
      for (const file of files) {
        const value = read(`${mountPoint}/${parent}/${name}/${file}`);
        if (value !== undefined) values[`${controller}/${file}`] = value.trim();
      }
    }
    return { path: `${parent}/${name}`, values };
  });
}

export function cgroupExecutors(layout: CgroupLayout): Pick<Executors, 'cgroup.create' | 'cgroup.update' | 'cgroup.delete'> {
  return {
    'cgroup.create': async ({ cgroup }) => {
      try {
        putInPlace(cgroup, layout);
      } catch (error) {
        // Whole or absent; but nothing is killed for it.
        for (const mountPoint of mountPoints(layout).reverse()) removeIfEmpty(`${mountPoint}/${cgroup.path}`);
        throw error;
      }
    },
    'cgroup.update': async ({ cgroup }) => update(cgroup, layout),
    'cgroup.delete': async ({ path }, signal) => {
      assertOurs(path);
      await removeCgroup(path, { mountPoints: mountPoints(layout), signal });
    },
  };
}

/** Removes `tsstack/shop-3f9a1c2e` and `tsstack`, each in every hierarchy, where nothing is left in them. */
export function removeEmptyParents(parent: string, layout: CgroupLayout): void {
  assertOurs(`${parent}/x`);
  for (const mountPoint of mountPoints(layout)) {
    for (let path = parent; path !== ''; path = path.slice(0, Math.max(0, path.lastIndexOf('/')))) {
      if (!removeIfEmpty(`${mountPoint}/${path}`)) break;
    }
  }
}

/** Directories, then limits. Returns the directories that are new. */
function putInPlace(cgroup: CgroupSpec, layout: CgroupLayout): string[] {
  assertOurs(cgroup.path);
  const used = new Set(cgroup.writes.map((write) => write.controller));
  used.add(identityController(layout) ?? 'unified');
  const mine = hierarchies(layout).filter((hierarchy) => used.has(hierarchy.controller));
  const fresh = mine.filter(({ mountPoint, controller }) => makeDirectory(mountPoint, { path: cgroup.path, controller }));
  if (layout.unified !== undefined) enableControllers(layout.unified, { path: cgroup.path, controllers: v2Controllers(cgroup, layout) });
  for (const { mountPoint, controller } of mine) {
    for (const write of cgroup.writes) if (write.controller === controller) writeLimit(`${mountPoint}/${cgroup.path}`, write);
  }
  return fresh.map((hierarchy) => `${hierarchy.mountPoint}/${cgroup.path}`);
}

/** As `putInPlace`, and then, if a directory is new to a running container, its processes. */
function update(cgroup: CgroupSpec, layout: CgroupLayout): void {
  const fresh = putInPlace(cgroup, layout);
  if (fresh.length === 0) return;
  const settled = mountPoints(layout).map((mountPoint) => `${mountPoint}/${cgroup.path}`);
  for (const directory of fresh)
    moveProcesses(
      settled.filter((other) => !fresh.includes(other)),
      directory,
    );
}

interface Hierarchy {
  readonly controller: string;
  readonly mountPoint: string;
}

/** The identity hierarchy first. */
function hierarchies(layout: CgroupLayout): Hierarchy[] {
  const identity = identityController(layout);
  const known = layout.unified === undefined ? [...V1_CONTROLLERS, V1_FREEZER] : V1_CONTROLLERS;
  const legacy = known
    .flatMap((controller) => {
      const mountPoint = layout.controllers[controller];
      return mountPoint === undefined ? [] : [{ controller, mountPoint }];
    })
    .sort((a, b) => Number(b.controller === identity) - Number(a.controller === identity));
  return layout.unified === undefined ? legacy : [{ controller: 'unified', mountPoint: layout.unified }, ...legacy];
}

function mountPoints(layout: CgroupLayout): string[] {
  return [...new Set(hierarchies(layout).map((hierarchy) => hierarchy.mountPoint))];
}

function v2Controllers(cgroup: CgroupSpec, layout: CgroupLayout): string[] {
  const asked = cgroup.writes.filter((write) => write.controller === 'unified').map((write) => controllerOf(write.file));
  return [...new Set([...ALWAYS_ENABLED, ...asked])].filter(
    (name) => layout.controllers[name] === undefined && layout.unifiedControllers.includes(name),
  );
}

/** On v2 a cgroup has the files of the controllers that its parent hands down. */
function filesOf(hierarchy: Hierarchy, parent: string): string[] {
  const files = limitFiles(hierarchy.controller);
  if (hierarchy.controller !== 'unified') return files;
  const handedDown = (read(`${hierarchy.mountPoint}/${parent}/cgroup.subtree_control`) ?? '').trim().split(' ');
  return files.filter((file) => handedDown.includes(controllerOf(file)));
}

/** v1 shows it at the root; v2 shows `memory.swap.max` only in cgroups below it, so that any of them answers. */
function swapAccounting(layout: CgroupLayout): boolean {
  const memory = layout.controllers['memory'];
  if (memory !== undefined) return read(`${memory}/memory.memsw.limit_in_bytes`) !== undefined;
  if (layout.unified === undefined) return true;
  for (const name of directories(layout.unified)) {
    if (read(`${layout.unified}/${name}/memory.max`) === undefined) continue;
    return read(`${layout.unified}/${name}/memory.swap.max`) !== undefined;
  }
  return read('/proc/swaps') !== undefined;
}

function read(path: string): string | undefined {
  return unlessErrno(['ENOENT', 'ENODEV'], () => readSmallFile(path));
}

function directories(path: string): string[] {
  const entries = unlessErrno(['ENOENT'], () => readdirSync(path, { withFileTypes: true })) ?? [];
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

/** The path is the mark: a cgroup outside `tsstack/` is nobody's business of ours. */
function assertOurs(path: string): void {
  if (!/^tsstack(\/[^/]+){1,3}$/.test(path) || path.split('/').some((part) => part === '.' || part === '..')) {
    throw new Error(`not a cgroup of tsstack: ${path}`);
  }
}
