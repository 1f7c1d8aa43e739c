import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ExecSpec, encodeExecOptions } from '../../engine/codec/exec-options.ts';
import type { ContainerRecord, ProcessIdentity } from '../../engine/model/container.ts';
import type { LaunchSpec } from '../../engine/model/launch.ts';
import { makeTestCgroup, type TestCgroup } from './launcher-cgroups.ts';
import { BINARY, type Fixture, openFixture, until } from './launcher-fixture.ts';

let fixture: Fixture;
let target: Target;
let cgroup: TestCgroup;
beforeAll(async () => {
  fixture = openFixture();
  cgroup = makeTestCgroup('pids');
  target = await start('target', { environment: { PATH: '/bin', FROM: 'container' }, ...cgroup.launch });
});
afterAll(async () => {
  await stop(target);
  cgroup.remove();
  await fixture.close();
});

interface Target {
  readonly name: string;
  readonly init: ProcessIdentity;
  readonly launch: LaunchSpec;
}

async function start(name: string, change: Partial<LaunchSpec>): Promise<Target> {
  const launch = fixture.spec(name, 'sleep 1000', change);
  const { init } = await fixture.launcher.create(name, launch);
  await fixture.launcher.start(name);
  return { name, init, launch };
}

async function stop({ name, init }: Target): Promise<void> {
  await fixture.launcher.signal(init, 9);
  await fixture.ended(name);
}

function argv(options: Partial<ExecSpec> & { readonly argv: readonly string[] }, { init, launch }: Target = target): string[] {
  const record: ContainerRecord = {
    version: 1,
    name: 'target',
    service: 'target',
    index: 1,
    kind: 'service',
    configHash: '',
    imageDigest: '',
    fileHashes: {},
    image: '',
    launch,
    stopSignal: 'SIGTERM',
    stopGracePeriodMs: 0,
    restart: { policy: 'no', maxRetries: undefined },
    healthcheck: undefined,
    ports: [],
    addresses: {},
    labels: {},
    rerun: 'on-change',
    dependsOn: [],
    hooks: { postStart: [], preStop: [], host: [], hostTimeoutMs: 30_000 },
    update: { order: 'stop-first', parallelism: 1 },
  };
  return encodeExecOptions(record, init, { tty: false, interactive: true, ...options });
}

interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `input` undefined: its standard input stays open. */
async function collect(child: ChildProcess, input: string | undefined): Promise<Result> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  // A command that reads none of it closes the pipe.
  child.stdin?.on('error', () => undefined);
  if (input !== undefined) child.stdin?.end(input);
  const code = await new Promise<number | null>((done) => child.on('close', done));
  return { code, stdout, stderr };
}

const exec = (options: Partial<ExecSpec> & { readonly argv: readonly string[] }, input = ''): Promise<Result> =>
  collect(spawn(BINARY, argv(options)), input);
const sh = (script: string, options: Partial<ExecSpec> = {}, input = ''): Promise<Result> =>
  exec({ ...options, argv: ['sh', '-c', script] }, input);

describe('exec', () => {
  test.each([0, 1, 42, 255])('exits with the code of the command, %d', async (code) => {
    expect(await sh(`exit ${code}`)).toEqual({ code, stdout: '', stderr: '' });
  });

  test('exits with 128 + n if a signal ended the command', async () => {
    expect(await sh('kill -15 $$')).toMatchObject({ code: 143 });
  });

  test('passes standard input, output and error through', async () => {
    expect(await sh('cat; echo err >&2', {}, 'in\n')).toEqual({ code: 0, stdout: 'in\n', stderr: 'err\n' });
  });

  test('gives no standard input unless it is interactive', async () => {
    expect(await sh('cat; echo end', { interactive: false }, 'in\n')).toMatchObject({ code: 0, stdout: 'end\n' });
  });

  test('runs in every namespace and cgroup of the container, as its user', async () => {
    const { stdout } = await sh(
      'cd /proc/self/ns; for n in cgroup ipc mnt net pid user uts; do readlink $n; done; readlink /proc/2/ns/mnt; id -u; hostname; cat /proc/self/cgroup',
    );
    const lines = stdout.split('\n');
    for (const [index, name] of ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'].entries())
      expect(lines[index]).toMatch(new RegExp(`^${name}:`));
    expect(lines[2]).toBe(lines[7]);
    expect(lines.slice(8, 10)).toEqual(['0', 'target']);
    expect(stdout).toMatch(cgroup.line);
  });

  test('has the environment of the container, what is added, and nothing of ours', async () => {
    process.env['OURS'] = 'secret';
    const { stdout } = await exec({ argv: ['env'], environment: { ADDED: 'x' } });
    expect(stdout.split('\n').sort()).toEqual(['', 'ADDED=x', 'FROM=container', 'PATH=/bin']);
  });

  test('drops to another user and directory when asked', async () => {
    const { stdout } = await sh('id -u; id -g; pwd; grep CapEff /proc/self/status', {
      user: { uid: 1000, gid: 1001, additionalGids: [] },
      workingDir: '/tmp',
    });
    expect(stdout).toBe('1000\n1001\n/tmp\nCapEff:\t0000000000000000\n');
  });

  test('keeps capabilities and privileges bounded', async () => {
    const { stdout } = await sh('grep -E "CapBnd|CapEff|NoNew" /proc/self/status');
    expect(stdout).toBe('CapEff:\t00000000800404fb\nCapBnd:\t00000000800404fb\nNoNewPrivs:\t1\n');
  });

  test('holds no descriptor of the host', async () => {
    const { stdout } = await exec({ argv: ['ls', '/proc/self/fd'] });
    // The fourth is the directory that ls reads.
    expect(stdout).toBe('0\n1\n2\n3\n');
  });

  test.each([
    [127, ['nosuch'], 'tsstack: cannot execute `nosuch`: No such file or directory\n'],
    [126, ['/etc/passwd'], 'tsstack: cannot execute `/etc/passwd`: Permission denied\n'],
  ])('exits with %d if the command cannot be executed: %s', async (code, command, stderr) => {
    expect(await exec({ argv: command })).toEqual({ code, stdout: '', stderr });
  });

  test('exits with 125 if there is no such container', async () => {
    const gone = { ...target, init: { pid: target.init.pid, startTime: 1 } };
    const result = await collect(spawn(BINARY, argv({ argv: ['true'] }, gone)), '');
    expect(result).toMatchObject({ code: 125, stderr: `tsstack: container \`process ${target.init.pid}\`: No such process\n` });
  });

  test('kills the command when its time is up', async () => {
    expect(await exec({ argv: ['sleep', '1000'], timeoutMs: 50 })).toEqual({ code: 124, stdout: '', stderr: '' });
    expect(await exec({ argv: ['true'], timeoutMs: 60_000 })).toMatchObject({ code: 0 });
  });

  test('forwards signals', async () => {
    const child = spawn(BINARY, argv({ argv: ['sh', '-c', 'trap "echo term; exit 3" TERM; echo ready; while :; do sleep 0.01; done'] }));
    child.stdout.once('data', () => child.kill('SIGTERM'));
    expect(await collect(child, '')).toMatchObject({ code: 3, stdout: 'ready\nterm\n' });
  });

  test('takes the command along when it is killed', async () => {
    const child = spawn(BINARY, argv({ argv: ['sh', '-c', 'echo $$; exec sleep 54321'] }));
    const closed = collect(child, '');
    await new Promise((done) => child.stdout.once('data', done));
    child.kill('SIGKILL');
    await closed;
    await until(
      () => Number(readFileSync(join(cgroup.directory, 'pids.current'), 'utf8')) === 2,
      () => `still there: ${readFileSync(join(cgroup.directory, 'cgroup.procs'), 'utf8')}`,
    );
  });

  test('shows no environment in the list of processes', async () => {
    const child = spawn(BINARY, argv({ argv: ['sh', '-c', 'echo up; cat'], environment: { PASSWORD: 'hunter2' } }), { stdio: 'pipe' });
    await new Promise((done) => child.stdout.once('data', done));
    expect(readFileSync(`/proc/${child.pid}/cmdline`, 'utf8')).not.toContain('hunter2');
    expect(await collect(child, '')).toMatchObject({ code: 0 });
  });

  test("works in the host's user namespace too", async () => {
    const hosted = await start('hosted', { idMap: undefined });
    const result = await collect(spawn(BINARY, argv({ argv: ['sh', '-c', 'id -u; cat /proc/self/uid_map'] }, hosted)), '');
    expect(result.stdout.replaceAll(/ +/g, ' ')).toBe('0\n 0 0 4294967295\n');
    await stop(hosted);
  });
});

describe('exec --tty', () => {
  /** util-linux script(1) gives it a terminal, of a size that is not the default. */
  const inTerminal = (options: Partial<ExecSpec> & { readonly argv: readonly string[] }): ChildProcess => {
    const quoted = [BINARY, ...argv({ tty: true, ...options })].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
    const file = join(fixture.directory, 'in-terminal.sh');
    writeFileSync(
      file,
      `stty rows 33 cols 77; before=$(stty -g)\n${quoted}\ncode=$?\n[ "$before" = "$(stty -g)" ] && echo restored\nexit $code\n`,
    );
    return spawn('script', ['-qec', `sh ${file}`, '/dev/null'], { stdio: 'pipe' });
  };

  test('gives the command a terminal of the container, of the size of ours, and its exit code to us', async () => {
    const result = await collect(inTerminal({ argv: ['sh', '-c', 'tty; stty size; exit 5'] }), undefined);
    expect(result.stdout.replaceAll('\r', '')).toBe('/dev/pts/0\n33 77\nrestored\n');
    expect(result.code).toBe(5);
  });

  test('belongs to the user of the command, and is its controlling terminal', async () => {
    const result = await collect(
      inTerminal({ argv: ['sh', '-c', 'stat -c %u /dev/pts/0; echo x > /dev/tty'], user: { uid: 1000, gid: 1000, additionalGids: [] } }),
      undefined,
    );
    expect(result.stdout.replaceAll('\r', '')).toBe('1000\nx\nrestored\n');
  });

  test('passes keys on, Ctrl-C as the signal it means there', async () => {
    const child = inTerminal({ argv: ['sh', '-c', 'trap "echo int; exit 4" INT; echo ready; while :; do sleep 0.01; done'] });
    const keys = (chunk: Buffer): void => {
      if (!chunk.includes('ready')) return;
      child.stdout?.off('data', keys);
      child.stdin?.write('\x03');
    };
    child.stdout?.on('data', keys);
    let stdout = '';
    child.stdout?.on('data', (chunk) => {
      stdout += chunk;
    });
    const code = await new Promise<number | null>((done) => child.on('close', done));
    expect(stdout.replaceAll('\r', '')).toMatch(/^ready\n\^Cint\nrestored\n$/);
    expect(code).toBe(4);
  });

  test('shows all of a long output', async () => {
    const result = await collect(inTerminal({ argv: ['seq', '1', '20000'] }), undefined);
    expect(result.stdout.replaceAll('\r', '')).toBe(`${Array.from({ length: 20_000 }, (_, i) => i + 1).join('\n')}\nrestored\n`);
  });

  test('works without a terminal of ours', async () => {
    const result = await exec({ argv: ['cat'], tty: true }, 'typed\n');
    expect(result).toMatchObject({ code: 0, stdout: 'typed\r\ntyped\r\n' });
  });
});
