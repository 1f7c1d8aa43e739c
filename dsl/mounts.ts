import type { IssuePath } from './issues.ts';
import { readContainerPath, readHostPath } from './paths.ts';
import type { MountShape } from './schema.ts';
import { isDeclared, type Scope } from './scope.ts';
import type { MountSpec } from './spec.ts';
import { parseSize } from './units.ts';

/** One entry of `volumes`, short or long. */
export function readMount(written: string | MountShape, path: IssuePath, scope: Scope): MountSpec | undefined {
  if (typeof written === 'string') return readShortMount(written, path, scope);
  const target = readTarget(written.target, [...path, 'target'], scope);
  if (target === undefined) return undefined;
  const readOnly = written.readOnly ?? false;
  switch (written.type) {
    case 'volume':
      if (!isDeclared(scope, 'volumes', { path: [...path, 'source'], name: written.source })) return undefined;
      return { type: 'volume', source: written.source, target, readOnly };
    case 'bind': {
      const source = readHostPath(written.source, [...path, 'source'], scope);
      return source === undefined ? undefined : { type: 'bind', source, target, readOnly, createHostPath: written.createHostPath ?? false };
    }
    case 'tmpfs': {
      const sizeBytes = written.size === undefined ? undefined : readTmpfsSize(written.size, [...path, 'size'], scope);
      const mode = written.mode === undefined ? undefined : readMode(written.mode, [...path, 'mode'], scope);
      return { type: 'tmpfs', target, sizeBytes, mode, readOnly };
    }
  }
}

/** One entry of `tmpfs`: `/run` or `/run:size=64m,mode=1777,ro`. */
export function readTmpfs(written: string, path: IssuePath, scope: Scope): MountSpec | undefined {
  const colon = written.indexOf(':');
  const target = readTarget(colon < 0 ? written : written.slice(0, colon), path, scope);
  if (target === undefined) return undefined;
  let sizeBytes: number | undefined;
  let mode: number | undefined;
  let readOnly = false;
  for (const option of colon < 0 ? [] : written.slice(colon + 1).split(',')) {
    const [name, value = ''] = option.split('=', 2);
    if (name === 'size') sizeBytes = readTmpfsSize(value, path, scope);
    else if (name === 'mode') mode = readMode(value, path, scope);
    else if (option === 'ro' || option === 'rw') readOnly = option === 'ro';
    else scope.log.add(path, written, `has the option \`${option}\`; there are \`size=\`, \`mode=\`, \`ro\` and \`rw\``);
  }
  return { type: 'tmpfs', target, sizeBytes, mode, readOnly };
}

function readShortMount(written: string, path: IssuePath, scope: Scope): MountSpec | undefined {
  const [source = '', targetText, options, ...rest] = written.split(':');
  if (targetText === undefined || source === '' || rest.length > 0) {
    return scope.log.add(path, written, 'must be `source:target` or `source:target:ro`; a path with a colon needs the long form');
  }
  if (options !== undefined && options !== 'ro' && options !== 'rw') {
    scope.log.add(path, written, `has the option \`${options}\`; there are \`ro\` and \`rw\``);
  }
  const readOnly = options === 'ro';
  const target = readTarget(targetText, path, scope);
  if (/^[./~]/.test(source)) {
    const host = readHostPath(source, path, scope);
    if (host === undefined || target === undefined) return undefined;
    return { type: 'bind', source: host, target, readOnly, createHostPath: false };
  }
  if (source.includes('/')) {
    return scope.log.add(path, written, 'is neither a volume nor a path that starts with `.`, `/` or `~`', `./${written}`);
  }
  if (!isDeclared(scope, 'volumes', { path, name: source }) || target === undefined) return undefined;
  return { type: 'volume', source, target, readOnly };
}

function readTarget(written: string, path: IssuePath, scope: Scope): string | undefined {
  const target = readContainerPath(written, path, scope);
  return target === '/' ? scope.log.add(path, written, 'would hide the whole root filesystem') : target;
}

function readTmpfsSize(written: string | number, path: IssuePath, scope: Scope): number | undefined {
  const size = parseSize(written);
  if (size === undefined || size === 0) return scope.log.add(path, written, 'must be a size such as `64MiB`');
  return size;
}

/** Permission bits. As text it is octal, as mount(8) takes it. */
export function readMode(written: string | number, path: IssuePath, scope: Scope): number | undefined {
  const mode =
    typeof written === 'number' ? written : /^(?:0o?)?[0-7]{3,4}$/.test(written) ? Number.parseInt(written.replace(/^0o?/, ''), 8) : -1;
  if (!Number.isInteger(mode) || mode < 0 || mode > 0o7777) return scope.log.add(path, written, 'must be permission bits such as `0o1777`');
  return mode;
}
