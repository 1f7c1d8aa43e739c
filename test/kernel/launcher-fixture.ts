/** A root file system of busybox, a launcher, and an account of what it leaves behind. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { readContainerStatus } from '../../engine/kernel/container-status.ts';
import { type Launcher, startLauncher } from '../../engine/kernel/launcher.ts';
import type { ContainerStatus } from '../../engine/model/container.ts';
import type { LaunchSpec } from '../../engine/model/launch.ts';

export const BINARY = resolve(import.meta.dirname, '../../dist/native/tsstack-launcher');
export const BOOT_ID = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
export const ID_BASE = 1_000_000;
/** CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID NET_BIND_SERVICE SYS_CHROOT SETFCAP */
export const CAPABILITIES = [0, 1, 3, 4, 5, 6, 7, 10, 18, 31];
const APPLETS = [
  ...['sh', 'cat', 'echo', 'ls', 'id', 'sleep', 'kill', 'touch', 'stat', 'true', 'false', 'seq', 'head', 'tail', 'mkdir', 'tty', 'stty'],
  ...['ps', 'env', 'hostname', 'pwd', 'dd', 'mount', 'readlink', 'grep', 'test', 'yes', 'ip', 'wc', 'mknod', 'umount', 'trap', 'rm'],
];

export interface Fixture {
  readonly directory: string;
  readonly launcher: Launcher;
  readonly stage: string;
  /** A spec with fresh directories; `sh -c script`. */
  spec(name: string, script: string, change?: Partial<LaunchSpec>): LaunchSpec;
  status(name: string): ContainerStatus;
  /** Texts of the log, with P parts joined. */
  output(name: string, stream?: 'stdout' | 'stderr'): string;
  /** Creates, starts, waits for the end. */
  run(name: string, script: string, change?: Partial<LaunchSpec>): Promise<{ status: ContainerStatus; stdout: string; stderr: string }>;
  ended(name: string): Promise<ContainerStatus>;
  /** Of its launcher: the one process of this binary whose arguments say `serve` and our stage. */
  launcherPid(): number;
  /** Processes and mounts that were not there before. */
  left(): readonly string[];
  close(): Promise<void>;
}

export function openFixture(): Fixture {
  if (!existsSync(BINARY)) throw new Error(`${BINARY} is missing: make -C native/launcher`);
  const directory = mkdtempSync(join(tmpdir(), 'tsstack-launcher-'));
  const rootfs = makeRootfs(join(directory, 'rootfs'));
  const stage = join(directory, 'stage');
  mkdirSync(stage);
  const before = world();
  const launcher = startLauncher({ binary: BINARY, stageDirectory: stage });
  const fixture: Fixture = {
    directory,
    launcher,
    stage,
    spec: (name, script, change) => makeSpec(directory, rootfs, name, { argv: ['/bin/sh', '-c', script], ...change }),
    status: (name) => readContainerStatus(join(directory, name), BOOT_ID),
    output: (name, stream = 'stdout') => readLog(join(directory, `${name}.log`), stream),
    async ended(name) {
      const { monitor } = fixture.status(name);
      if (monitor !== undefined) await launcher.waitExit(monitor, AbortSignal.timeout(20_000));
      return fixture.status(name);
    },
    async run(name, script, change) {
      const { monitor } = await launcher.create(name, fixture.spec(name, script, change));
      await launcher.start(name);
      await launcher.waitExit(monitor, AbortSignal.timeout(20_000));
      return { status: fixture.status(name), stdout: fixture.output(name), stderr: fixture.output(name, 'stderr') };
    },
    launcherPid: () => findLauncher(stage),
    left: () => world().filter((line) => !before.includes(line)),
    async close() {
      await launcher[Symbol.asyncDispose]();
      await until(
        () => fixture.left().length === 0,
        () => `left behind: ${fixture.left().join('; ')}`,
      );
      rmSync(directory, { recursive: true });
    },
  };
  return fixture;
}

export function makeRootfs(directory: string): string {
  for (const name of ['bin', 'etc', 'proc', 'sys', 'dev', 'tmp', 'root', 'var']) mkdirSync(join(directory, name), { recursive: true });
  cpSync('/bin/busybox', join(directory, 'bin/busybox'));
  for (const applet of APPLETS) symlinkSync('busybox', join(directory, 'bin', applet));
  writeFileSync(join(directory, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n');
  return directory;
}

export function makeSpec(directory: string, rootfs: string, name: string, change: Partial<LaunchSpec>): LaunchSpec {
  const own = join(directory, name);
  for (const sub of ['upper', 'work']) mkdirSync(join(own, sub), { recursive: true });
  return {
    directory: own,
    logFile: `${own}.log`,
    logMaxBytes: 64 * 1024 * 1024,
    hostname: name,
    idMap: { base: ID_BASE, size: 65536 },
    lowerdirs: [rootfs],
    upperdir: join(own, 'upper'),
    workdir: join(own, 'work'),
    readOnlyRoot: false,
    mounts: [],
    maskedPaths: ['/proc/kcore', '/proc/keys', '/proc/timer_list', '/proc/scsi', '/sys/firmware', '/proc/not-there'],
    readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    sysctls: {},
    cgroupUnified: undefined,
    cgroupLegacy: [],
    oomFile: undefined,
    uid: 0,
    gid: 0,
    additionalGids: [],
    capabilities: CAPABILITIES,
    seccompFile: undefined,
    workingDir: '/',
    argv: ['/bin/true'],
    environment: { PATH: '/bin' },
    init: true,
    stopSignal: 15,
    ...change,
  };
}

function readLog(path: string, stream: string): string {
  let text = '';
  for (const line of readFileSync(path, 'utf8').split('\n').slice(0, -1)) {
    const match = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (stdout|stderr) ([PF]) (.*)$/s.exec(line);
    if (match === null) throw new Error(`not a log line: ${line}`);
    if (match[1] === stream) text += `${match[3]}${match[2] === 'F' ? '\n' : ''}`;
  }
  return text;
}

/** What the host would see of us: launcher processes, mounts, cgroups of tests. With second witnesses, not our own readers. */
function findLauncher(stage: string): number {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (readFileSync(`/proc/${pid}/cmdline`, 'utf8') === [BINARY, 'serve', '--stage', stage, ''].join('\0')) return Number(pid);
    } catch {
      // it has ended meanwhile
    }
  }
  throw new Error('no launcher');
}

function world(): readonly string[] {
  const processes = readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .flatMap((pid) => {
      try {
        // Others' tests may run beside these: ours are known by their binary.
        if (!readlinkSync(`/proc/${pid}/exe`).startsWith(BINARY)) return [];
        return [`process ${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`];
      } catch {
        return []; // it has ended meanwhile
      }
    });
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes('tsstack-launcher-'));
  return [...processes, ...mounts];
}

/** For what nothing notifies of: looks again, with a deadline. */
export async function until(condition: () => boolean, otherwise: () => string): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(otherwise());
    await new Promise((done) => setTimeout(done, 5));
  }
}
