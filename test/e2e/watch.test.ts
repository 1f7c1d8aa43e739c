import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cgroupFile, memoryMax } from '../support/cgroup-file.ts';
import { idle, stackFile } from '../support/stack-file.ts';
import { type Project, withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

const MIB = 1024 * 1024;

/** Its memory limit comes from a file of its own. */
function stack(service: Readonly<Record<string, unknown>>): string {
  const text = stackFile({ services: { web: { ...idle, ...service, limits: { memory: 'MEMORY' } } } });
  return `import { memory } from './limits.ts';\n${text.replace('"MEMORY"', 'memory')}`;
}
const limits = (mib: number) => `export const memory = '${mib}MiB';\n`;

async function watch(project: Project) {
  const watching = project.start(['watch']);
  await watching.says('watching ');
  return watching;
}
const inside = async (project: Project, script: string) => (await project.ok(['exec', '-T', 'web', 'sh', '-c', script])).stdout;
const becomes = (what: string, observe: () => Promise<string>, expected: string) =>
  until(what, observe, { holds: (seen) => seen === expected });

test('a change of what the stack file imports is applied in place, an invalid one is told and changes nothing', async () => {
  await withProject({ 'stack.config.ts': stack({}), 'limits.ts': limits(64) }, async (p) => {
    const watching = await watch(p);
    const { pid } = await p.container('web-1');
    const memory = async () => String(Number(cgroupFile(pid, memoryMax)) / MIB);

    p.write({ 'limits.ts': limits(65) });
    await becomes('the limit is written', memory, '65');

    p.write({ 'limits.ts': 'export const memory = 12 as\n' });
    await watching.says('limits.ts');
    await watching.says('the stack is left as it is until that is mended');
    p.write({ 'limits.ts': limits(66) });
    await becomes('it is mended', memory, '66');

    p.write({ 'limits.ts': "const wrong: number = 'x';\nexport const memory = '70MiB';\n" });
    await watching.says('limits.ts:1:7: error TS2322');
    expect(await memory(), 'what only the types forbid is not applied either').toBe('66');

    // As many editors write: another file takes the name.
    p.write({ 'limits.ts.new': limits(67) });
    renameSync(join(p.directory, 'limits.ts.new'), join(p.directory, 'limits.ts'));
    await becomes('the renamed file is seen', memory, '67');

    rmSync(join(p.directory, 'limits.ts'));
    await watching.says('there is no module `./limits.ts`');
    p.write({ 'limits.ts': limits(68) });
    await becomes('the file that came back is seen', memory, '68');

    expect((await p.container('web-1')).pid, 'nothing was restarted').toBe(pid);
    watching.signal('SIGINT');
    expect(await watching.ended).toBe(130);
    expect((await p.container('web-1')).pid, 'the stack goes on').toBe(pid);
  });
});

test('a change of an env file, a bind-mounted file or .env is followed, before it is there, too', async () => {
  const service = { envFile: [{ path: './web.env', required: false }], volumes: ['./motd:/motd:ro'], environment: { FROM: '@' } };
  const file = stack(service).replace('"@"', "process.env['GREETING'] ?? 'none'");
  await withProject({ 'stack.config.ts': file, 'limits.ts': limits(64), motd: 'one\n' }, async (p) => {
    const watching = await watch(p);
    const state = () => inside(p, 'cat /motd; echo $FROM $LATE');
    p.write({ motd: 'two\n' });
    await becomes('the file is mounted anew', state, 'two\nnone\n');
    p.write({ 'web.env': 'LATE=env\n' });
    await becomes('the env file is read', state, 'two\nnone env\n');
    p.write({ '.env': 'GREETING=hello\n' });
    await becomes('.env is read', state, 'two\nhello env\n');
    watching.signal('SIGINT');
    await watching.ended;
  });
});

test('watch rules sync, restart and execute', async () => {
  const rules = [
    { path: './src', action: 'sync', target: '/app', ignore: ['*.log', 'node_modules/'] },
    { path: './conf', action: 'sync+restart', target: '/conf' },
    { path: './data', action: 'sync+exec', target: '/data', exec: { command: ['sh', '-c', 'cat /data/x >> /seen'] } },
  ];
  const files = {
    'stack.config.ts': stack({ develop: { watch: rules } }),
    'limits.ts': limits(64),
    'src/a': 'one',
    'conf/c': 'one',
    'data/x': '0',
  };
  await withProject(files, async (p) => {
    const watching = await watch(p);
    const before = await p.container('web-1');
    expect(await inside(p, 'ls -d /app 2>/dev/null || echo nothing'), 'what was there before is not synced').toBe('nothing\n');

    p.write({ 'src/a': 'two', 'src/deep/er/b': 'new', 'src/x.log': 'no', 'src/node_modules/y': 'no' });
    await becomes('the files are there', () => inside(p, 'cd /app; find . -type f | sort | xargs; cat a'), './a ./deep/er/b\ntwo');
    rmSync(join(p.directory, 'src/deep'), { recursive: true });
    await becomes('they are gone', () => inside(p, 'cd /app; find . | sort | xargs'), '. ./a\n');
    expect((await p.container('web-1')).pid).toBe(before.pid);

    p.write({ 'data/x': 'hook\n' });
    await becomes('the hook has run', () => inside(p, 'cat /seen'), 'hook\n');

    p.write({ 'conf/c': 'two' });
    await until('it was restarted', () => p.container('web-1'), { holds: ({ pid, state }) => state === 'running' && pid !== before.pid });
    expect(await inside(p, 'cat /conf/c /app/a'), 'what was synced has stayed').toBe('twotwo');
    watching.signal('SIGINT');
    await watching.ended;
  });
});
