import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type FileWatches, watchFiles } from '../../engine/kernel/file-watches.ts';
import { makeTestCgroup, makeUnifiedCgroup } from './launcher-cgroups.ts';

let directory: string;
let watches: FileWatches;
let told: string[];
let changed: () => void;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tsstack-watches-'));
  told = [];
  changed = () => undefined;
  watches = watchFiles((path) => {
    told.push(path);
    changed();
  });
});
afterEach(() => {
  watches[Symbol.dispose]();
  rmSync(directory, { recursive: true, force: true });
});

/** Another process. */
const run = (command: string): string => execFileSync('sh', ['-ec', command], { encoding: 'utf8' });

/** Resolves when it has been told of; what was told so far is forgotten then. */
function hears(path: string): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    const deadline = setTimeout(() => reject(new Error(`not told of ${path}, but of [${told.join(' ')}]`)), 10_000);
    changed = () => {
      if (!told.includes(path)) return;
      clearTimeout(deadline);
      changed = () => undefined;
      resolve(told.splice(0));
    };
    changed();
  });
}

/** inotify keeps the order: what was done before has been told when this has. */
async function settle(): Promise<readonly string[]> {
  const last = join(directory, 'last/file');
  mkdirSync(dirname(last), { recursive: true });
  const also = watchFiles((path) => {
    told.push(path);
    changed();
  });
  also.set(new Set([last]));
  run(`echo > ${last}`);
  const all = await hears(last);
  also[Symbol.dispose]();
  return all.filter((path) => path !== last);
}

describe("another process's write is told of", () => {
  test.each(['cpu', 'memory', 'pids'] as const)('in a cgroup of controller %s', async (controller) => {
    const cgroup = makeTestCgroup(controller);
    try {
      const file = join(cgroup.directory, limitFile(controller, cgroup.legacy));
      watches.set(new Set([file, join(cgroup.directory, 'no.such.file')]));
      run(`cat ${file} > ${directory}/value; cat ${directory}/value > ${file}`);
      expect(await hears(file)).not.toContain(join(cgroup.directory, 'no.such.file'));
    } finally {
      cgroup.remove();
    }
  });

  test('in a v2 cgroup, and through another mount of the hierarchy', async () => {
    const cgroup = makeUnifiedCgroup();
    try {
      const file = join(cgroup.directory, 'cgroup.max.depth');
      watches.set(new Set([file]));
      run(`echo 100 > ${file}`);
      await hears(file);
      const path = cgroup.directory.split('/').pop();
      run(
        `unshare --mount sh -ec 'mkdir ${directory}/mount; mount -t cgroup2 none ${directory}/mount; echo 99 > $(find ${directory}/mount -maxdepth 3 -name ${path})/cgroup.max.depth'`,
      );
      await hears(file);
    } finally {
      cgroup.remove();
    }
  });

  test('in /proc/sys, of this network namespace', async () => {
    run('ip link add ts-bridge type bridge');
    const [forward, local] = ['/proc/sys/net/ipv4/ip_forward', '/proc/sys/net/ipv4/conf/ts-bridge/route_localnet'];
    watches.set(new Set([forward, local]));
    for (const file of [forward, local]) {
      run(`echo 1 > ${file}`);
      await hears(file);
    }
    run('ip link del ts-bridge');
  });

  test('in a link of the same name that came later, from the next `set` on', async () => {
    run('ip link add ts-bridge type bridge');
    const file = '/proc/sys/net/ipv4/conf/ts-bridge/route_localnet';
    watches.set(new Set([file]));
    run('ip link del ts-bridge');
    watches.set(new Set([file]));
    run('ip link add ts-bridge type bridge');
    watches.set(new Set([file]));
    run('ip link del ts-bridge; ip link add ts-bridge type bridge');
    watches.set(new Set([file]));
    run(`echo 1 > ${file}`);
    await hears(file);
    run('ip link del ts-bridge');
  });
});

describe('of a file of ours', () => {
  test.each([
    ['written to', 'echo x >> FILE'],
    ['cut', ': > FILE'],
    ['deleted', 'rm FILE'],
    ['replaced by a rename', 'echo x > OTHER; mv OTHER FILE'],
    ['moved away', 'mv FILE OTHER'],
    ['given another mode', 'chmod 600 FILE'],
  ])('it is told that it was %s', async (_, command) => {
    const file = join(directory, 'hosts');
    writeFileSync(file, 'x');
    watches.set(new Set([file]));
    run(command.replaceAll('FILE', file).replaceAll('OTHER', join(directory, 'other')));
    expect(new Set(await hears(file))).toEqual(new Set([file]));
  });

  test('it is told that it was made', async () => {
    const file = join(directory, 'hosts');
    watches.set(new Set([file]));
    run(`touch ${file}`);
    await hears(file);
  });

  test('it is told when its whole directory goes, and what happens in the next one, from the next `set` on', async () => {
    const file = join(directory, 'hosts/web-1');
    mkdirSync(dirname(file));
    writeFileSync(file, 'x');
    watches.set(new Set([file]));
    run(`rm -r ${dirname(file)}`);
    await hears(file);
    await settle();
    watches.set(new Set([file]));
    // ext4 gives it the same inode number.
    run(`mkdir ${dirname(file)}`);
    watches.set(new Set([file]));
    run(`echo x > ${file}`);
    await hears(file);
  });

  test('even if the new directory was there before anybody could see that the old one went', async () => {
    const file = join(directory, 'hosts/web-1');
    mkdirSync(dirname(file));
    watches.set(new Set([file]));
    run(`rmdir ${dirname(file)}; mkdir ${dirname(file)}`);
    watches.set(new Set([file]));
    // Told only if the new directory got the number of the old one, so that `set` couldn't tell. Deletion and end of the watch are two messages.
    await settle();
    await settle();
    watches.set(new Set([file]));
    run(`echo x > ${file}`);
    await hears(file);
  });
});

test('of a volume it is told that its directory went, and nothing of what is written in it', async () => {
  const volume = join(directory, 'data');
  mkdirSync(volume);
  watches.set(new Set([volume]));
  run(`echo x > ${volume}/file; rm ${volume}/file`);
  expect(await settle()).toEqual([]);
  run(`rmdir ${volume}`);
  await hears(volume);
});

test('of a cgroup that was removed the directory above is told', async () => {
  const cgroup = makeTestCgroup('pids');
  watches.set(new Set([cgroup.directory, join(cgroup.directory, 'pids.max')]));
  cgroup.remove();
  await hears(cgroup.directory);
  watches.set(new Set([cgroup.directory, join(cgroup.directory, 'pids.max')]));
});

test('nothing is told of files that are not, or no longer, in the set', async () => {
  const [kept, left] = [join(directory, 'a/kept'), join(directory, 'b/left')];
  for (const file of [kept, left]) mkdirSync(dirname(file));
  watches.set(new Set([kept, left]));
  watches.set(new Set([kept]));
  run(`echo > ${left}; echo > ${join(directory, 'a/other')}; echo > ${kept}`);
  expect(new Set(await settle())).toEqual(new Set([kept]));
});

test('one watch does for all files of a directory, and none is left in the end', async () => {
  mkdirSync(join(directory, 'many'));
  const before = [inotifyWatches(), procDirectories()];
  watches.set(new Set(Array.from({ length: 50 }, (_, index) => join(directory, 'many', `${index}`))));
  expect(inotifyWatches()).toBe((before[0] ?? 0) + 1);
  watches.set(new Set(['/proc/sys/net/ipv4/ip_forward']));
  expect(inotifyWatches()).toBe((before[0] ?? 0) + 1);
  // Held open: a drop of caches would end its inode, which the watch is on.
  expect(procDirectories()).toBe((before[1] ?? 0) + 1);
  watches[Symbol.dispose]();
  expect([inotifyWatches(), procDirectories()]).toEqual(before);
});

/** A user namespace has limits of its own (namespaces(7), /proc/sys/user). */
describe('a limit of inotify is named', () => {
  test.each([
    ['max_inotify_watches', 3, 'watches are used up', 'fs.inotify.max_user_watches'],
    ['max_inotify_instances', 0, 'instances are used up', 'fs.inotify.max_user_instances'],
  ])('%s', async (name, limit, why, hint) => {
    const bundle = join(directory, 'watch.mjs');
    const contents = `
      import { mkdirSync, writeFileSync } from 'node:fs';
      import { watchFiles } from ${JSON.stringify(join(import.meta.dirname, '../../engine/kernel/file-watches.ts'))};
      writeFileSync('/proc/sys/user/${name}', '${limit}');
      const told = [];
      const watches = watchFiles((path) => told.push(path));
      const directories = Array.from({ length: 6 }, (_, index) => ${JSON.stringify(directory)} + '/d' + index);
      for (const directory of directories) mkdirSync(directory);
      try {
        watches.set(new Set(directories.map((directory) => directory + '/f')));
      } catch (error) {
        console.log(JSON.stringify({ message: error.message, hint: error.hint, code: error.code }));
      }`;
    await build({ stdin: { contents, resolveDir: import.meta.dirname }, outfile: bundle, bundle: true, format: 'esm', platform: 'node' });
    const output = execFileSync('unshare', ['--user', '--map-root-user', process.execPath, bundle], { encoding: 'utf8' });
    expect(JSON.parse(output)).toEqual({
      message: expect.stringContaining(why),
      hint: expect.stringContaining(hint),
      code: 'kernel',
    });
  });
});

function limitFile(controller: string, legacy: boolean): string {
  const names: Readonly<Record<string, readonly [string, string]>> = {
    cpu: ['cpu.cfs_quota_us', 'cpu.max'],
    memory: ['memory.limit_in_bytes', 'memory.max'],
    pids: ['pids.max', 'pids.max'],
  };
  const found = names[controller]?.[legacy ? 0 : 1];
  if (found === undefined) throw new Error(controller);
  return found;
}

/** Of this process: fdinfo has a line for each watch (proc_pid_fdinfo(5)). */
function inotifyWatches(): number {
  return descriptors().reduce((sum, fd) => {
    const path = `/proc/self/fdinfo/${fd}`;
    return (
      sum +
      (existsSync(path)
        ? readFileSync(path, 'utf8')
            .split('\n')
            .filter((line) => line.startsWith('inotify ')).length
        : 0)
    );
  }, 0);
}

function procDirectories(): number {
  return descriptors().filter((fd) => existsSync(`/proc/self/fd/${fd}`) && readlinkSync(`/proc/self/fd/${fd}`).startsWith('/proc/sys/'))
    .length;
}

const descriptors = (): string[] => readdirSync('/proc/self/fd');
