import { closeSync, constants, mkdirSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import type { CgroupWrite } from '../model/cgroup.ts';
import { TsstackError } from '../model/errors.ts';
import { errnoOf, unlessErrno } from './system-error.ts';

/** Makes `path` below a hierarchy's mount point, parents too. Returns whether the last directory is new. */
export function makeDirectory(mountPoint: string, at: { readonly path: string; readonly controller: string }): boolean {
  const { path, controller } = at;
  const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')));
  for (;;) {
    const errno = mkdir(`${mountPoint}/${path}`);
    if (errno === undefined) break;
    if (errno === 'EEXIST') return false;
    // Another stack's `down` may take an empty parent away at any moment; then it is made again.
    if (errno !== 'ENOENT' || parent === '') throw cgroupError(`cannot create cgroup \`${path}\` in \`${mountPoint}\``, errno);
    makeDirectory(mountPoint, { path: parent, controller });
  }
  if (controller === 'cpuset') inheritCpuset(mountPoint, path);
  return true;
}

/** Writes one limit. Throws TsstackError with the value, the file and what the kernel says. */
export function writeLimit(directory: string, write: CgroupWrite): void {
  const errno = writeFile(`${directory}/${write.file}`, write.value);
  if (errno !== undefined)
    throw cgroupError(`cannot set \`${write.file}\` of cgroup \`${directory}\` to \`${write.value}\``, errno, hintFor(write, errno));
}

/**
 * Has the root and each ancestor of `path` hand `controllers` down (cgroup-v2.rst, "Enabling and Disabling"). Already done: one read.
 * The root's `cgroup.subtree_control` is the only file outside `tsstack/` ever written, and only if a controller is missing there.
 */
export function enableControllers(mountPoint: string, at: { readonly path: string; readonly controllers: readonly string[] }): void {
  if (at.controllers.length === 0) return;
  const ancestors = at.path.split('/').map((_, depth, parts) => [mountPoint, ...parts.slice(0, depth)].join('/'));
  if (missing(ancestors.at(-1) ?? mountPoint, at.controllers).length === 0) return;
  for (const directory of ancestors) {
    const wanted = missing(directory, at.controllers);
    if (wanted.length === 0) continue;
    const errno = writeFile(`${directory}/cgroup.subtree_control`, wanted.map((name) => `+${name}`).join(' '));
    if (errno !== undefined) throw cgroupError(`cannot enable ${wanted.join(', ')} in cgroup \`${directory}\``, errno, subtreeHint(errno));
  }
}

/** Pids in one cgroup. 0 stands for a process of a pid namespace that cannot be seen from here, and is left out. */
export function processesOf(directory: string): number[] {
  const text = unlessErrno(['ENOENT', 'ENODEV'], () => readFileSync(`${directory}/cgroup.procs`, 'utf8')) ?? '';
  return text
    .split('\n')
    .map(Number)
    .filter((pid) => pid > 0);
}

/** Puts all processes found in `sources` into `target` too. A child forked meanwhile by one not yet moved is found in the next round. */
export function moveProcesses(sources: readonly string[], target: string): void {
  const moved = new Set<number>();
  for (;;) {
    const left = sources.flatMap(processesOf).filter((pid) => !moved.has(pid));
    if (left.length === 0) return;
    for (const pid of left) {
      moved.add(pid);
      const errno = writeFile(`${target}/cgroup.procs`, String(pid));
      // ESRCH: it has ended since.
      if (errno !== undefined && errno !== 'ESRCH') throw cgroupError(`cannot move process ${pid} into cgroup \`${target}\``, errno);
    }
  }
}

/** A file of one line or a few. Without the fstat(2) and the allocations of `readFileSync`: an `up` with nothing to do reads hundreds of these. */
export function readSmallFile(path: string): string {
  const fd = openSync(path, 'r');
  try {
    return buffer.toString('latin1', 0, readSync(fd, buffer, 0, buffer.length, 0));
  } finally {
    closeSync(fd);
  }
}
/** Longer than any limit file; synchronous use only. */
const buffer = Buffer.allocUnsafeSlow(4096);

/**
 * Returns the errno's name instead of throwing. One write(2), as cgroupfs wants; the newline lets an empty value be written at all.
 * Without O_CREAT, for which a file that this kernel hasn't got is EACCES instead of ENOENT.
 */
export function writeFile(path: string, value: string): string | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_WRONLY);
    writeSync(fd, `${value}\n`);
    return undefined;
  } catch (error) {
    return errnoOrThrow(error);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

export function cgroupError(what: string, errno: string, hint?: string): TsstackError {
  const code = errno === 'EACCES' || errno === 'EPERM' || errno === 'EROFS' ? 'permission' : 'kernel';
  return new TsstackError(`${what}: ${errno}`, {
    code,
    hint: hint ?? (code === 'permission' ? 'cgroups need root and a writable `/sys/fs/cgroup`' : undefined),
  });
}

/**
 * v1 lets no task into a cpuset without CPUs and memory nodes, and a new one has neither (cgroup-v1/cpusets.rst, 1.6). Nor does a parent that
 * another stack makes at this moment: it is given then what that one is about to give it.
 */
function inheritCpuset(mountPoint: string, path: string): void {
  const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')));
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    const inherited = () => readFileSync(`${mountPoint}/${parent}/${file}`, 'utf8').trim();
    if (inherited() === '' && parent !== '') inheritCpuset(mountPoint, parent);
    const [directory, value] = [`${mountPoint}/${path}`, inherited()];
    const errno = writeFile(`${directory}/${file}`, value);
    if (errno !== undefined) throw cgroupError(`cannot set \`${file}\` of cgroup \`${directory}\` to \`${value}\``, errno);
  }
}

function missing(directory: string, controllers: readonly string[]): string[] {
  const enabled = readFileSync(`${directory}/cgroup.subtree_control`, 'utf8').trim().split(' ');
  return controllers.filter((name) => !enabled.includes(name));
}

function mkdir(path: string): string | undefined {
  try {
    mkdirSync(path, 0o755);
    return undefined;
  } catch (error) {
    return errnoOrThrow(error);
  }
}

function hintFor(write: CgroupWrite, errno: string): string | undefined {
  if (write.file === 'cpuset.cpus') return 'the list may only name CPUs that this host has and its parent cgroup allows';
  if (errno === 'EBUSY' && write.file.startsWith('memory.')) return 'the container uses more memory than that, and it cannot be reclaimed';
  return undefined;
}

function subtreeHint(errno: string): string | undefined {
  // cgroup-v2.rst, "No Internal Process Constraint"
  return errno === 'EBUSY' ? 'processes live in that cgroup itself: move them into one of its children first' : undefined;
}

function errnoOrThrow(error: unknown): string {
  const errno = errnoOf(error);
  if (errno === undefined) throw error;
  return errno;
}
