import { expect, test } from 'vitest';
import { missingOnHost } from '../../../cli/host-files.ts';
import type { DockerfileRecipe, ImageSource } from '../../../dsl/spec.ts';
import { stackSpec } from './support/session.ts';

const HOST: Readonly<Record<string, 'directory' | 'file'>> = { '/p': 'directory', '/p/file': 'file' };
const bind = (source: string, createHostPath = false) => ({ type: 'bind', source, target: '/x', readOnly: false, createHostPath }) as const;
const built = (dockerfile: DockerfileRecipe['dockerfile'], context: string): ImageSource => ({
  kind: 'build',
  recipe: { type: 'dockerfile', context, dockerfile, target: undefined, args: {}, secrets: {}, contexts: {} },
  tags: [],
  labels: {},
});

test('what the stack file speaks of and the host does not have is told all at once', () => {
  const spec = stackSpec({
    a: {
      image: { kind: 'rootfs', path: '/nowhere' },
      mounts: [bind('/p'), bind('/gone'), bind('/made', true)],
      envFile: [
        { path: '/p/file', required: true },
        { path: '/p/.env', required: true },
        { path: '/p/maybe', required: false },
      ],
    },
    b: { image: { kind: 'reference', reference: 'postgres:17' } },
    c: { image: { kind: 'rootfs', path: '/p/file' } },
    d: { image: { kind: 'rootfs', path: '/p' } },
    e: { image: { kind: 'archive', path: '/p/image.tar', image: undefined } },
    f: { image: built({ path: '/p/Dockerfile' }, '/p') },
    g: { image: built({ text: 'FROM scratch' }, '/p/file') },
  });
  expect(missingOnHost(spec, (path) => HOST[path])).toEqual([
    'services.a.image: `/nowhere` does not exist',
    'services.a.envFile: `/p/.env` does not exist; `required: false` allows that',
    'services.a.volumes: `/gone` does not exist; `createHostPath: true` makes it',
    'services.c.image: `/p/file` is not a directory',
    'services.e.image: `/p/image.tar` does not exist',
    'services.f.image: `/p/Dockerfile` does not exist',
    'services.g.image: `/p/file` is not a directory',
  ]);
});
