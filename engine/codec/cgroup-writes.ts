import type { CgroupLayout, CgroupLimits, CgroupWrite } from '../model/cgroup.ts';
import { cgroupV1Writes, V1_NO_LIMIT } from './cgroup-v1.ts';
import { cgroupV2Writes, V2_NO_LIMIT } from './cgroup-v2.ts';

/**
 * Limits → writes for a fresh cgroup on this host. Only what is limited is written: 50 containers without limits cost no write at all,
 * and taking a limit away is `cgroupDrift`'s, which sees what the files hold.
 * On a hybrid host a controller's limits go where it is: its v1 hierarchy, else v2. What no hierarchy offers is left out (`unsupportedLimits`).
 */
export function cgroupWrites(limits: CgroupLimits, layout: CgroupLayout): CgroupWrite[] {
  const legacy = cgroupV1Writes(limits).filter((write) => layout.controllers[write.controller] !== undefined);
  const unified = cgroupV2Writes(limits).filter((write) => {
    const controller = controllerOf(write.file);
    return layout.controllers[controller] === undefined && layout.unifiedControllers.includes(controller);
  });
  return [...legacy, ...unified].filter((write) => layout.swapAccounting !== false || !SWAP_FILES.has(write.file));
}

/** The limits among `limits` that this host cannot enforce, by name: `swap`. For a notice, not an error. */
export function unsupportedLimits(limits: CgroupLimits, layout: CgroupLayout): string[] {
  const asked = Object.entries(limits).filter(([, value]) => value !== undefined);
  return asked
    .map(([name]) => name)
    .filter((name) => cgroupWrites(alone(name, limits), layout).every((write) => isOtherLimit(write, name)))
    .sort();
}

/**
 * The writes that turn what a cgroup's files hold (`values`: `controller/file` → content) into what `writes` wants, in an order the kernel
 * accepts; empty if nothing differs. A limit file that is not in `writes` gets its no-limit value back.
 * What a `cgroup.update` op is to carry. `before` is for its cause; undefined: the file is not there yet.
 */
export function cgroupDrift(writes: readonly CgroupWrite[], values: Readonly<Record<string, string>>): CgroupChange[] {
  const wanted = new Map(writes.map((write) => [key(write), write]));
  const changes: CgroupChange[] = [];
  for (const write of [...writes, ...resets(wanted, values)]) {
    const before = values[key(write)];
    if (before === undefined || !sameValue(write.file, { a: write.value, b: before })) changes.push({ ...write, before });
  }
  return memswInOrder(changes);
}

export interface CgroupChange extends CgroupWrite {
  readonly before: string | undefined;
}

/** Files whose content `cgroupDrift` must know, for the hierarchy of one v1 controller or for `unified`. */
export function limitFiles(controller: string): string[] {
  if (controller === 'unified') return [...Object.keys(V2_NO_LIMIT), PARENT_CPUS.unified];
  const own = Object.keys(V1_NO_LIMIT).filter((file) => controllerOf(file) === controller);
  return controller === 'cpuset' ? ['cpuset.cpus', PARENT_CPUS.cpuset] : own;
}

/** `memory.max` and `../memory.max` → `memory` */
export function controllerOf(file: string): string {
  const name = file.slice(file.lastIndexOf('/') + 1);
  return name.slice(0, name.indexOf('.'));
}

/**
 * What a cpuset without a limit of its own holds: its parent's CPUs. In v1 always. In v2 a new one is empty, but older kernels (6.1 is one)
 * refuse to empty one that has processes in it (ENOSPC; kernel/cgroup/cpuset.c, validate_change), so that a limit is lifted by all CPUs.
 */
const PARENT_CPUS = { cpuset: '../cpuset.cpus', unified: '../cpuset.cpus.effective' } as const;

const SWAP_FILES = new Set(['memory.memsw.limit_in_bytes', 'memory.swap.max']);

function key(write: CgroupWrite): string {
  return `${write.controller}/${write.file}`;
}

/** One limit by itself; v1's swap limit can only be said together with memory. */
function alone(name: string, limits: CgroupLimits): CgroupLimits {
  if (name === 'swap') return { swap: limits.swap, memory: limits.memory };
  return { [name]: limits[name as keyof CgroupLimits] };
}

function isOtherLimit(write: CgroupWrite, name: string): boolean {
  return name === 'swap' && !SWAP_FILES.has(write.file);
}

/** For each limit file that is there and not wanted: the value that means no limit. */
function resets(wanted: ReadonlyMap<string, CgroupWrite>, values: Readonly<Record<string, string>>): CgroupWrite[] {
  const found: CgroupWrite[] = [];
  for (const name of Object.keys(values).sort()) {
    const [controller = '', file = ''] = splitKey(name);
    if (file.startsWith('../') || wanted.has(name)) continue;
    const value = file === 'cpuset.cpus' ? allCpus(controller, values) : (controller === 'unified' ? V2_NO_LIMIT : V1_NO_LIMIT)[file];
    if (value !== undefined) found.push({ controller, file, value });
  }
  return found;
}

/** Undefined: this cpuset limits nothing as it is. */
function allCpus(controller: string, values: Readonly<Record<string, string>>): string | undefined {
  if (controller !== 'unified') return values[`${controller}/${PARENT_CPUS.cpuset}`];
  return values[`${controller}/cpuset.cpus`] === '' ? undefined : (values[`${controller}/${PARENT_CPUS.unified}`] ?? '');
}

function splitKey(name: string): [string, string] {
  const slash = name.indexOf('/');
  return [name.slice(0, slash), name.slice(slash + 1)];
}

/** Whether a file holding `b` already means `a`: the kernel rounds, and prints no limit in its own way. */
function sameValue(file: string, values: { readonly a: string; readonly b: string }): boolean {
  const { a, b } = values;
  if (a === b) return true;
  switch (controllerOf(file)) {
    case 'memory':
      return sameBytes(a, b);
    case 'cpuset':
      return cpuList(a) === cpuList(b);
    default:
      return a.split(/\s+/).join(' ') === b.split(/\s+/).join(' ');
  }
}

/**
 * The kernel keeps memory limits in pages, rounded down (mm/page_counter.c, page_counter_memparse), and v1 prints "no limit" as the largest
 * number of pages in bytes. Pages are of 4, 16 or 64 KiB.
 */
function sameBytes(wanted: string, held: string): boolean {
  if (noMemoryLimit(wanted) || noMemoryLimit(held)) return noMemoryLimit(wanted) && noMemoryLimit(held);
  const bytes = Number(wanted);
  return [4096, 16_384, 65_536].some((page) => bytes - (bytes % page) === Number(held));
}

/** LONG_MAX rounded down to a page; Number() is exact to 1024 there, so a page below is told apart. */
function noMemoryLimit(value: string): boolean {
  return value === 'max' || value === '-1' || Number(value) >= 2 ** 63 - 2 ** 17;
}

/** `0-1,3` and `3,0,1` are the same list (cpuset(7), "List format"). */
function cpuList(text: string): string {
  const cpus = new Set<number>();
  for (const part of text.split(',').filter((item) => item.trim() !== '')) {
    const [first, last] = part.split('-').map(Number);
    for (let cpu = first ?? 0; cpu <= (last ?? first ?? 0); cpu++) cpus.add(cpu);
  }
  return [...cpus].sort((a, b) => a - b).join(',');
}

/**
 * v1 refuses memory > memsw at every moment (mm/memcontrol-v1.c, mem_cgroup_resize_max, "limits_invariant"): what is lowered goes memory
 * first, what is raised memsw first.
 */
function memswInOrder(changes: readonly CgroupChange[]): CgroupChange[] {
  const memory = changes.find((change) => change.file === 'memory.limit_in_bytes');
  const memsw = changes.find((change) => change.file === 'memory.memsw.limit_in_bytes');
  if (memory === undefined || memsw === undefined) return [...changes];
  const raised = memory.before !== undefined && bytesOf(memory.value) > bytesOf(memory.before);
  const pair = raised ? [memsw, memory] : [memory, memsw];
  return changes.flatMap((change) => (change === memory ? pair : change === memsw ? [] : [change]));
}

function bytesOf(value: string): number {
  return noMemoryLimit(value) ? Number.POSITIVE_INFINITY : Number(value);
}
