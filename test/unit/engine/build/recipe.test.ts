import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DockerfileRecipe, StepsRecipe } from '../../../../dsl/spec.ts';
import { graphOf } from '../../../../engine/build/recipe.ts';
import type { ParentConfig } from '../../../../engine/model/build.ts';

const BASE: ParentConfig = { environment: {}, workingDir: '/srv', user: undefined, shell: undefined, onBuild: [] };
const RUN = { environment: {}, network: 'default' };

let root: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'tsstack-recipe-')));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('a recipe with a Dockerfile', () => {
  const recipe = (more: Partial<DockerfileRecipe>): DockerfileRecipe => ({
    type: 'dockerfile',
    context: root,
    dockerfile: { path: join(root, 'Dockerfile') },
    target: undefined,
    args: {},
    secrets: {},
    contexts: {},
    ...more,
  });

  it('is its stages, and names the file with its context', async () => {
    writeFileSync(join(root, 'Dockerfile'), 'ARG V\nFROM x:$V AS a\nCOPY --from=lib a /a\nRUN --mount=type=secret,id=key,required b');
    const graph = await graphOf(
      recipe({ args: { V: '1' }, target: 'a', contexts: { lib: '/lib' }, secrets: { key: { environment: 'K' } } }),
    );
    expect(graph).toMatchObject({ target: 0, stages: [{ base: { image: { reference: 'x:1' } }, place: { line: 2 } }] });
    expect(graph.stages[0]?.place.file).toBe(`${basename(root)}/Dockerfile`);
    expect(graph.stages[0]?.steps(BASE)).toMatchObject([{ sources: [{ from: { kind: 'named-context', name: 'lib' } }] }, { do: 'run' }]);
    await expect(graphOf(recipe({}), { os: 'linux', architecture: 'arm64' })).rejects.toThrow('x:');
  });

  it('can hold its text, and tells a file that is not there', async () => {
    expect((await graphOf(recipe({ dockerfile: { text: 'FROM x' } }))).stages[0]?.place.file).toBe('dockerfileInline');
    writeFileSync(join(root, 'Dockerfile'), '');
    await expect(graphOf(recipe({ dockerfile: { path: join(root, 'Dokcerfile') } }))).rejects.toMatchObject({
      code: 'usage',
      message: `cannot build: there is no \`${root}/Dokcerfile\``,
      hint: `did you mean \`${root}/Dockerfile\`?`,
    });
  });
});

describe('a recipe of steps', () => {
  const recipe = (steps: StepsRecipe['steps']): StepsRecipe => ({
    type: 'steps',
    base: { kind: 'reference', reference: 'node:22' },
    context: root,
    steps,
  });

  it('is one stage, whose paths go on from the working directory', async () => {
    const from = { kind: 'reference', reference: 'y' } as const;
    const { stages, target } = await graphOf(
      recipe([
        { do: 'workdir', path: 'app' },
        { do: 'run', command: ['/bin/sh', '-c', 'npm ci'], caches: ['/root/.npm'] },
        { do: 'copy', sources: ['src', '*.js'], target: '.', from: undefined, owner: 'node', mode: 0o755, exclude: ['*.md'] },
        { do: 'copy', sources: ['/a'], target: 'a', from, owner: undefined, mode: undefined, exclude: [] },
        { do: 'env', values: { A: '$B' } },
        { do: 'cmd', argv: ['node', 'x.js'] },
        { do: 'expose', ports: ['80/tcp'] },
      ]),
    );
    expect(target).toBe(0);
    expect(stages[0]).toMatchObject({
      base: { kind: 'image', image: { reference: 'node:22' } },
      uses: [],
      place: { text: 'from node:22' },
    });
    const at = (text: string) => ({ place: { file: 'stack.config.ts', line: 0, text } });
    const cache = {
      type: 'cache',
      id: '/root/.npm',
      target: '/root/.npm',
      readOnly: false,
      sharing: 'shared',
      mode: 0o755,
      uid: 0,
      gid: 0,
    };
    const files = (pattern: string, origin: object = { kind: 'context' }) => ({ kind: 'files', from: origin, pattern, unpack: false });
    expect(stages[0]?.steps(BASE)).toEqual([
      { ...at('workdir app'), do: 'workdir', path: '/srv/app' },
      { ...at('run npm ci'), ...RUN, do: 'run', argv: ['/bin/sh', '-c', 'npm ci'], mounts: [cache] },
      {
        ...at('copy src *.js .'),
        do: 'copy',
        sources: [files('src'), files('*.js')],
        target: '/srv/app/',
        owner: 'node',
        mode: 0o755,
        exclude: ['*.md'],
        parents: false,
      },
      {
        ...at('copy /a a'),
        do: 'copy',
        sources: [files('/a', { kind: 'image', image: from })],
        target: '/srv/app/a',
        owner: undefined,
        mode: undefined,
        exclude: [],
        parents: false,
      },
      { ...at('env A=$B'), do: 'config', change: { environment: { A: '$B' } } },
      { ...at('cmd node x.js'), do: 'config', change: { command: ['node', 'x.js'] } },
      { ...at('expose 80/tcp'), do: 'config', change: { exposedPorts: ['80/tcp'] } },
    ]);
  });

  it('runs what its base asks for, and the same steps each time it is asked', async () => {
    const { stages } = await graphOf(recipe([{ do: 'workdir', path: 'a' }]));
    const onBuild = ['WORKDIR /triggered', 'ENV A=1'];
    const first = stages[0]?.steps({ ...BASE, onBuild });
    expect(first).toMatchObject([
      { change: { onBuild: [] } },
      { path: '/triggered', place: { text: 'ONBUILD WORKDIR /triggered' } },
      { change: { environment: { A: '1' } } },
      { path: '/triggered/a' },
    ]);
    expect(stages[0]?.steps({ ...BASE, onBuild })).toEqual(first);
  });
});
