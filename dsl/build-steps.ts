import { isAbsolute, normalize } from 'node:path/posix';
import { type ReadBuildOptions, readDirectory, readTags } from './build-dockerfile.ts';
import { type IssuePath, isTold } from './issues.ts';
import { readMode } from './mounts.ts';
import { readContainerPath } from './paths.ts';
import { readCommand, readEnvironment, readStopSignal, readUser } from './process.ts';
import type { ImageShape, StepShape, StepsShape } from './schema-image.ts';
import type { Scope } from './scope.ts';
import type { BuildSource, BuildStepSpec, ImageSource } from './spec.ts';
import { readTexts } from './texts.ts';

interface ReadStepsOptions extends ReadBuildOptions {
  readonly readBase: (written: ImageShape, path: IssuePath, scope: Scope) => ImageSource;
}

type StepOf<Do extends StepShape['do']> = Extract<StepShape, { readonly do: Do }>;

/** `build(from(…), b => …)`. */
export function readStepsBuild(written: StepsShape, options: ReadStepsOptions): BuildSource {
  const { path, scope } = options;
  const { base, steps, context, tags } = written;
  const missing = (key: string, why: string) => {
    if (!isTold(scope.log, [...path, key])) scope.log.add([...path, key], undefined, why);
  };
  if (base === undefined) missing('base', "is missing: `build` is first given `from('…')`");
  if (steps === undefined) missing('steps', 'is missing: the function given to `build` returns the builder');
  return {
    kind: 'build',
    recipe: {
      type: 'steps',
      base: base === undefined ? { kind: 'reference', reference: '' } : options.readBase(base, [...path, 'base'], scope),
      context: context === undefined ? scope.directory : (readDirectory(context, [...path, 'context'], scope) ?? scope.directory),
      steps: (steps ?? []).flatMap((step, index) => readStep(step, { ...options, path: [...path, 'steps', index] }) ?? []),
    },
    tags: [...new Set(readTags(tags ?? [], { ...options, path: [...path, 'tags'] }))],
    labels: {},
  };
}

/** Undefined: it is wrong. */
function readStep(step: StepShape, options: ReadStepsOptions): BuildStepSpec | undefined {
  const { path, scope } = options;
  switch (step.do) {
    case 'run':
      return readRun(step, options);
    case 'copy':
      return readCopy(step, options);
    case 'env':
      return { do: 'env', values: readEnvironment(step.values, [...path, 'values'], scope) };
    case 'label':
      return { do: 'label', values: readTexts(step.values) };
    case 'workdir':
      return isPath(step.path, [...path, 'path'], scope) ? step : undefined;
    case 'user': {
      const user = readUser(step.user, [...path, 'user'], scope);
      return user === undefined ? undefined : { do: 'user', user };
    }
    case 'entrypoint':
    case 'cmd': {
      const argv = readCommand(step.argv, [...path, 'argv'], scope);
      return argv === undefined ? undefined : { do: step.do, argv };
    }
    case 'expose':
      return { do: 'expose', ports: step.ports.map((port, index) => readExposed(port, [...path, 'ports', index], scope)) };
    case 'volume': {
      const paths = step.paths.map((each, index) => readContainerPath(each, [...path, 'paths', index], scope));
      return { do: 'volume', paths: paths.filter((each) => each !== undefined) };
    }
    case 'stopSignal':
      return { do: 'stopSignal', signal: readStopSignal(step.signal, [...path, 'signal'], scope) };
  }
}

function readRun({ command, cache = [] }: StepOf<'run'>, { path, scope }: ReadStepsOptions): BuildStepSpec {
  const words = typeof command === 'string' ? ['/bin/sh', '-c', command] : command;
  if (words.length === 0 || (typeof command === 'string' && command.trim() === '')) {
    scope.log.add([...path, 'command'], undefined, 'is empty');
  }
  if (words.some((word) => word.includes('\0'))) scope.log.add([...path, 'command'], undefined, 'contains a NUL');
  const caches = cache.map((each, index) => readContainerPath(each, [...path, 'cache', index], scope));
  return { do: 'run', command: words, caches: caches.filter((each) => each !== undefined) };
}

function readCopy(step: StepOf<'copy'>, { path, scope, readBase }: ReadStepsOptions): BuildStepSpec | undefined {
  const { target, chown, chmod, from, exclude = [] } = step;
  const sources = typeof step.sources === 'string' ? [step.sources] : step.sources;
  if (sources.length === 0) scope.log.add([...path, 'sources'], undefined, 'is empty: it tells what to copy');
  for (const [index, source] of sources.entries()) {
    const at = typeof step.sources === 'string' ? [...path, 'sources'] : [...path, 'sources', index];
    if (isPath(source, at, scope) && from === undefined) checkInContext(source, at, scope);
  }
  const several = sources.length > 1 && !target.endsWith('/');
  if (several) scope.log.add([...path, 'target'], target, 'must be a directory, since several things go there', `${target}/`);
  return {
    do: 'copy',
    sources,
    target: isPath(target, [...path, 'target'], scope) ? target : '/',
    from: from === undefined ? undefined : readBase(from, [...path, 'from'], scope),
    owner: chown === undefined ? undefined : readUser(chown, [...path, 'chown'], scope),
    mode: chmod === undefined ? undefined : readMode(chmod, [...path, 'chmod'], scope),
    exclude: typeof exclude === 'string' ? [exclude] : exclude,
  };
}

/** A Dockerfile takes `/src` for `src` of the context; in a stack file an absolute path is one of the host. */
function checkInContext(source: string, path: IssuePath, scope: Scope): void {
  if (isAbsolute(source)) scope.log.add(path, source, 'must be relative to the stack file, or to `context`');
  else if (/^\.\.(?:\/|$)/.test(normalize(source))) {
    scope.log.add(path, source, "leaves the stack file's directory: `build` takes another one as `{ context }`");
  }
}

function isPath(written: string, path: IssuePath, scope: Scope): boolean {
  if (written !== '' && !written.includes('\0')) return true;
  scope.log.add(path, written, 'is no path');
  return false;
}

/** `80` is `80/tcp` (image-spec config.md, "ExposedPorts"). */
function readExposed(written: string | number, path: IssuePath, scope: Scope): string {
  const [, port = '', protocol = 'tcp'] = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/.exec(String(written)) ?? [];
  if (Number(port) < 1 || Number(port) > 65_535) scope.log.add(path, written, 'must be a port such as `80` or `53/udp`');
  return `${Number(port)}/${protocol}`;
}
