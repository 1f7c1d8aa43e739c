import { expect, test } from 'vitest';
import { command } from '../support/fake-host.ts';
import { idle, only } from '../support/stack-file.ts';
import { type Project, withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

const cli = new URL('../../bin/tsstack.cjs', import.meta.url).pathname;

test('exec passes arguments, input, output and the exit code through', async () => {
  await withProject(only({ services: { web: { ...idle, environment: { FROM: 'stack' }, replicas: 2 } } }), async (p) => {
    await p.ok(['up', '-d']);
    const exec = (argv: readonly string[], input?: string) => p.tsstack(['exec', '-T', ...argv], input === undefined ? {} : { input });

    expect(await exec(['web', 'printf', '%s|', 'a b', '', '$HOME'])).toEqual({ code: 0, stdout: 'a b||$HOME|', stderr: '' });
    expect(await exec(['web', 'cat'], 'through\0bytes')).toMatchObject({ code: 0, stdout: 'through\0bytes' });
    expect(await exec(['web', 'sh', '-c', 'echo out; echo err >&2; exit 7'])).toEqual({ code: 7, stdout: 'out\n', stderr: 'err\n' });
    expect(await exec(['web', 'sh', '-c', 'kill -TERM $$'])).toMatchObject({ code: 143 });
    expect(await exec(['--index', '2', 'web', 'hostname'])).toMatchObject({ stdout: 'web-2\n' });
    expect(await exec(['web-2', 'hostname'])).toMatchObject({ stdout: 'web-2\n' });
    expect(
      await exec(['-e', 'MORE=1', '-w', '/tmp', '-u', '1000:1000', 'web', 'sh', '-c', 'echo $FROM $MORE $(pwd) $(id -u)']),
    ).toMatchObject({
      stdout: 'stack 1 /tmp 1000\n',
    });

    expect(await exec(['web', 'no-such-command'])).toMatchObject({ code: 127, stderr: expect.stringContaining('no-such-command') });
    expect(await exec(['web', '/etc/hosts'])).toMatchObject({ code: 126 });
    expect(await exec(['wbe', 'true'])).toMatchObject({ code: expect.any(Number), stderr: expect.stringMatching(/wbe.*web/s) });
  });
});

test('exec has a terminal when it is given one', async () => {
  await withProject(only({ services: { web: idle } }), async (p) => {
    await p.ok(['up', '-d']);
    const result = await onTerminal(p, `stty rows 33 cols 101; '${process.execPath}' '${cli}' exec web sh -c 'tty; stty size; exit 5'`);
    expect(result.stdout).toMatch(/\/dev\/pts\/\d+\r?\n33 101/);
    expect(result.code).toBe(5);
    expect((await p.tsstack(['exec', '-T', 'web', 'tty'])).stdout).toMatch(/not a tty/);
  });
});

test('a command whose exec was killed does not live on in the container', async () => {
  await withProject(only({ services: { web: idle } }), async (p) => {
    await p.ok(['up', '-d']);
    const running = p.start(['exec', '-T', 'web', 'sleep', '4242']);
    const listed = () => p.ok(['exec', '-T', 'web', 'ps']);
    await until('it runs', listed, { holds: ({ stdout }) => stdout.includes('sleep 4242') });
    running.signal('SIGTERM');
    await running.ended;
    await until('it is gone', listed, { holds: ({ stdout }) => !stdout.includes('sleep 4242') });
  });
});

/** script(1) gives the command a terminal, and with -e its exit code. At the end of its input it would type: this input never ends. */
function onTerminal(p: Project, line: string) {
  return command(['sh', '-c', 'mkfifo keys && exec script -qec "$1" /dev/null <>keys', 'sh', line], {
    cwd: p.directory,
    env: { ...p.env, TERM: 'xterm' },
  });
}
