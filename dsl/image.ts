import { readDockerfileBuild } from './build-dockerfile.ts';
import { readStepsBuild } from './build-steps.ts';
import { type IssuePath, isTold } from './issues.ts';
import { readHostPath } from './paths.ts';
import type { ServiceShape } from './schema.ts';
import type { DebianShape, ImageShape } from './schema-image.ts';
import type { Scope } from './scope.ts';
import type { DebianSource, ImageSource } from './spec.ts';

const NOTHING: ImageSource = { kind: 'reference', reference: '' };

/** Of `image` and `build`. Beside `build`, `image` is a reference that what is built gets, as in Compose. */
export function readServiceImage({ image, build }: ServiceShape, path: IssuePath, scope: Scope): ImageSource {
  if (build === undefined) {
    // A shape that was wrong has been told and taken out already.
    if (image === undefined && !isTold(scope.log, [...path, 'image']) && !isTold(scope.log, [...path, 'build'])) {
      scope.log.add([...path, 'image'], undefined, 'is missing');
    }
    return image === undefined ? NOTHING : readImage(image, [...path, 'image'], scope);
  }
  if (typeof image === 'object') {
    scope.log.add([...path, 'image'], undefined, 'names what `build` builds, so it is a reference: leave one of the two out');
  }
  const tag = typeof image === 'string' ? readTag(image, [...path, 'image'], scope) : undefined;
  return readDockerfileBuild(build, { path: [...path, 'build'], scope, readTag, tag });
}

/** Any image a container can be made of. */
function readImage(written: ImageShape, path: IssuePath, scope: Scope): ImageSource {
  if (typeof written === 'string') return { kind: 'reference', reference: readReference(written, path, scope) };
  switch (written.kind) {
    case 'hostRootfs':
      return written;
    case 'rootfs':
      return { kind: 'rootfs', path: readHostPath(written.path, [...path, 'path'], scope) ?? '' };
    case 'archive':
      return { kind: 'archive', path: readHostPath(written.path, [...path, 'path'], scope) ?? '', image: written.image };
    case 'debian':
      return readDebian(written, path, scope);
    case 'build':
      return readStepsBuild(written, { path, scope, readTag, readBase });
  }
}

/** An image with layers: what can be built on or copied from. */
function readBase(written: ImageShape, path: IssuePath, scope: Scope): ImageSource {
  if (typeof written === 'object' && (written.kind === 'hostRootfs' || written.kind === 'rootfs')) {
    const why = `is a directory without layers: here goes a reference, \`debian()\`, \`ociImage()\` or \`build()\``;
    scope.log.add(path, `${written.kind}()`, why);
    return NOTHING;
  }
  return readImage(written, path, scope);
}

function readReference(written: string, path: IssuePath, scope: Scope): string {
  if (!/^[^\s]+$/.test(written)) scope.log.add(path, written, 'is no image reference');
  return written;
}

/** Undefined: it is none. */
function readTag(written: string, path: IssuePath, scope: Scope): string | undefined {
  if (!/^[^\s@]+$/.test(written)) return scope.log.add(path, written, 'cannot name what is built: it must be `name` or `name:tag`');
  return written;
}

function readDebian(written: DebianShape, path: IssuePath, scope: Scope): DebianSource {
  const { suite, packages = [], mirror } = written;
  if (!/^[a-z][a-z0-9.+-]*$/.test(suite)) scope.log.add([...path, 'suite'], suite, 'is no suite of Debian such as `bookworm` or `stable`');
  for (const [index, name] of packages.entries()) {
    // Debian Policy, 5.6.1.
    const right = /^[a-z0-9][a-z0-9+.-]+$/.test(name);
    if (!right) scope.log.add([...path, 'packages', index], name, 'is no name of a package', nameMeant(name));
  }
  if (mirror !== undefined && !/^(?:https?|file):\/\/\S+$/.test(mirror)) {
    scope.log.add([...path, 'mirror'], mirror, 'must be a URL such as `https://deb.debian.org/debian`');
  }
  return { kind: 'debian', suite, packages: [...new Set(packages)].sort(), mirror };
}

/** Without the version or architecture that apt-get(8) takes. */
function nameMeant(written: string): string | undefined {
  const name = written.toLowerCase().replace(/[=:/\s].*$/s, '');
  return /^[a-z0-9][a-z0-9+.-]+$/.test(name) && name !== written ? name : undefined;
}
