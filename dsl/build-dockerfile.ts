import { resolve } from 'node:path/posix';
import type { IssuePath } from './issues.ts';
import { readHostPath } from './paths.ts';
import { readEnvironment } from './process.ts';
import type { DockerfileBuildShape } from './schema-image.ts';
import type { Scope } from './scope.ts';
import type { BuildSource, DockerfileRecipe } from './spec.ts';
import { readTexts } from './texts.ts';

export interface ReadBuildOptions {
  readonly path: IssuePath;
  readonly scope: Scope;
  readonly readTag: (written: string, path: IssuePath, scope: Scope) => string | undefined;
}

/** `build: './api'`, or its long form. */
export function readDockerfileBuild(
  written: string | DockerfileBuildShape,
  options: ReadBuildOptions & { readonly tag: string | undefined },
): BuildSource {
  const { path, scope, tag } = options;
  const long = typeof written === 'string' ? { context: written } : written;
  const contextPath = typeof written === 'string' ? path : [...path, 'context'];
  const context = readDirectory(long.context ?? '.', contextPath, scope) ?? scope.directory;
  const tags = readTags(long.tags ?? [], { ...options, path: [...path, 'tags'] });
  return {
    kind: 'build',
    recipe: {
      type: 'dockerfile',
      context,
      dockerfile: readDockerfile(long, context, options),
      target: readTarget(long.target, [...path, 'target'], scope),
      args: readEnvironment(long.args ?? {}, [...path, 'args'], scope),
      secrets: readSecrets(long.secrets ?? {}, [...path, 'secrets'], scope),
      contexts: readContexts(long.additionalContexts ?? {}, [...path, 'additionalContexts'], scope),
    },
    tags: [...new Set([...(tag === undefined ? [] : [tag]), ...tags])],
    labels: readTexts(long.labels),
  };
}

export function readTags(written: readonly string[], { path, scope, readTag }: ReadBuildOptions): readonly string[] {
  return written.map((tag, index) => readTag(tag, [...path, index], scope)).filter((tag) => tag !== undefined);
}

/** Absolute directory on this host. Whether it is there is found out when it is read. */
export function readDirectory(written: string, path: IssuePath, scope: Scope): string | undefined {
  if (/^[a-z0-9+.-]+:\/\/|^git@/i.test(written)) {
    return scope.log.add(path, written, 'is no directory of this host: what is elsewhere has to be fetched first');
  }
  return readHostPath(written, path, scope);
}

function readDockerfile(
  { dockerfile, dockerfileInline }: DockerfileBuildShape,
  context: string,
  { path, scope }: ReadBuildOptions,
): DockerfileRecipe['dockerfile'] {
  if (dockerfile !== undefined && dockerfileInline !== undefined) {
    scope.log.add([...path, 'dockerfile'], dockerfile, 'is not read: there is `dockerfileInline`; leave one of the two out');
  }
  if (dockerfileInline !== undefined) {
    if (dockerfileInline.trim() === '') scope.log.add([...path, 'dockerfileInline'], undefined, 'is empty');
    return { text: dockerfileInline };
  }
  if (dockerfile === '') scope.log.add([...path, 'dockerfile'], dockerfile, 'is no path');
  return { path: resolve(context, dockerfile ?? 'Dockerfile') };
}

function readTarget(written: string | undefined, path: IssuePath, scope: Scope): string | undefined {
  if (written === undefined || /^[a-z0-9][a-z0-9_.-]*$/i.test(written)) return written;
  return scope.log.add(path, written, 'is no name of a stage');
}

function readSecrets(written: NonNullable<DockerfileBuildShape['secrets']>, path: IssuePath, scope: Scope): DockerfileRecipe['secrets'] {
  return Object.fromEntries(
    Object.entries(written).map(([id, secret]) => {
      if (!/^[\w.-]+$/.test(id)) scope.log.add([...path, id], undefined, 'is no id of a secret: use letters, digits, `_`, `.` and `-`');
      if ('file' in secret) return [id, { file: readHostPath(secret.file, [...path, id, 'file'], scope) ?? '' }];
      const named = /^[^=\0]+$/.test(secret.environment);
      if (!named) scope.log.add([...path, id, 'environment'], secret.environment, 'is no name of a variable');
      return [id, { environment: secret.environment }];
    }),
  );
}

function readContexts(written: Readonly<Record<string, string>>, path: IssuePath, scope: Scope): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(written).flatMap(([name, directory]) => {
      const absolute = readDirectory(directory, [...path, name], scope);
      return absolute === undefined ? [] : [[name, absolute]];
    }),
  );
}
