import { expect, test } from 'vitest';
import { idle, only } from '../support/stack-file.ts';
import { withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

/** Says what is written into /say, line by line, for ever. */
const parrot = { command: ['sh', '-c', 'mkfifo /say; echo ready; while true; do cat /say; done'] };
const lines = (text: string) => text.trimEnd().split('\n');

test('logs are prefixed, complete, and cut by tail, since and service', async () => {
  const counter = {
    command: ['sh', '-c', 'for i in $(seq 1 2000); do echo line $i; done; echo oops >&2; printf unfinished; exec sleep 1000000'],
  };
  await withProject(only({ services: { counter, parrot } }), async (p) => {
    await p.ok(['up', '-d']);
    const all = await until('all is logged', () => p.ok(['logs', 'counter']), { holds: ({ stdout }) => stdout.includes('oops') });
    expect(all.stdout).toMatch(/^counter-1 +\| line 1$/m);
    expect(lines(all.stdout).filter((line) => / line \d+$/.test(line))).toHaveLength(2000);

    expect(lines((await p.ok(['logs', '--no-prefix', '--tail', '1', 'parrot'])).stdout)).toEqual(['ready']);
    const stamped = await p.ok(['logs', '--no-prefix', '--timestamps', '--tail', '1', 'parrot']);
    const stamp = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z) ready$/.exec(stamped.stdout.trim())?.[1];
    expect(stamp).toBeDefined();

    const after = new Date(Date.parse(`${stamp}`) + 1).toISOString();
    await p.ok(['exec', '-T', 'parrot', 'sh', '-c', 'echo later > /say']);
    await until('the new line is logged', () => p.ok(['logs', 'parrot']), { holds: ({ stdout }) => stdout.includes('later') });
    expect(lines((await p.ok(['logs', '--no-prefix', '--since', after, 'parrot'])).stdout)).toEqual(['later']);

    const json = lines((await p.ok(['logs', '--json', 'parrot'])).stdout).map((line) => JSON.parse(line));
    expect(json).toMatchObject([
      { container: 'parrot-1', stream: 'stdout', text: 'ready' },
      { container: 'parrot-1', stream: 'stdout', text: 'later' },
    ]);
    const unknown = await p.tsstack(['logs', 'countre']);
    expect(unknown.code).not.toBe(0);
    expect(unknown.stderr).toMatch(/countre.*counter/s);
  });
});

test('`logs -f` shows a line when it is written, and ends with Ctrl-C', async () => {
  await withProject(only({ services: { parrot, other: idle } }), async (p) => {
    await p.ok(['up', '-d']);
    const follow = p.start(['logs', '-f']);
    await follow.says('ready');
    await p.ok(['exec', '-T', 'parrot', 'sh', '-c', 'echo polly > /say']);
    await follow.says('polly');
    follow.signal('SIGINT');
    expect([0, 130]).toContain(await follow.ended);
  });
});

test('a reader that has seen enough ends `logs` quietly', async () => {
  const loud = { command: ['sh', '-c', 'seq 1 20000; exec sleep 1000000'] };
  await withProject(only({ services: { loud } }), async (p) => {
    await p.ok(['up', '-d']);
    await until('all is logged', () => p.ok(['logs', '--tail', '1']), { holds: ({ stdout }) => stdout.includes('20000') });
    const follow = p.start(['logs']);
    follow.process.stdout?.destroy();
    await follow.ended;
    expect(follow.output()).not.toMatch(/EPIPE|Error/);
  });
});
