/**
 * `name[:tag][@digest]`, with Docker's defaults. Grammar and defaults: distribution/reference (`reference.go`, `normalize.go`) and
 * distribution-spec, "Pulling manifests".
 */
import { TsstackError } from '../model/errors.ts';
import { parseDigest } from './digest.ts';

export interface ImageRepository {
  /** Host and perhaps port: `docker.io`, `localhost:5000`, `[::1]:5000`. */
  readonly registry: string;
  /** Without the registry: `library/postgres`. */
  readonly repository: string;
}

export interface ImageReference extends ImageRepository {
  /** Undefined only where there is a digest. */
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

const DOCKER_HUB = 'docker.io';

/** Throws `image` and names the part that is wrong. A reference without tag and digest gets `latest`. */
export function parseReference(text: string): ImageReference {
  if (text === '') throw invalid(text, 'it is empty');
  if (text !== text.trim() || /\s/.test(text)) throw invalid(text, 'it has white space in it');
  const scheme = /^[a-z]+:\/\//i.exec(text)?.[0];
  if (scheme !== undefined) throw invalid(text, `it begins with \`${scheme}\``, `write it without: \`${text.slice(scheme.length)}\``);
  const [named = '', digest] = splitOnce(text, '@');
  if (digest !== undefined) checkDigest(text, digest);
  const { registry, rest } = splitRegistry(named);
  const [path = '', tag] = splitTag(rest);
  checkRegistry(text, registry);
  checkPath(text, path);
  if (tag !== undefined) checkTag(text, tag);
  const repository = registry === DOCKER_HUB && !path.includes('/') ? `library/${path}` : path;
  if (`${registry}/${repository}`.length > 255) throw invalid(text, 'registry and repository are longer than 255 characters');
  return { registry, repository, tag: tag ?? (digest === undefined ? 'latest' : undefined), digest };
}

/** In full: `docker.io/library/postgres:17`. Two references to the same are the same text. */
export function formatReference({ registry, repository, tag, digest }: ImageReference): string {
  return `${registry}/${repository}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

/** As people write it: `postgres:17`. */
export function familiarReference(reference: ImageReference): string {
  const full = formatReference(reference);
  return full.replace(/^docker\.io\/(?:library\/(?=[^/]+$))?/, '');
}

/** What comes first is a registry only if it cannot be a user's name at Docker Hub (`splitDockerDomain`). */
function splitRegistry(named: string): { readonly registry: string; readonly rest: string } {
  const slash = named.indexOf('/');
  const first = named.slice(0, slash);
  if (slash < 0 || (!/[.:[]/.test(first) && first !== 'localhost' && first === first.toLowerCase())) {
    return { registry: DOCKER_HUB, rest: named };
  }
  const registry = first === 'index.docker.io' || first === 'registry-1.docker.io' ? DOCKER_HUB : first;
  return { registry, rest: named.slice(slash + 1) };
}

function splitTag(rest: string): [path: string, tag?: string] {
  const colon = rest.lastIndexOf(':');
  return colon < 0 || rest.indexOf('/', colon) >= 0 ? [rest] : [rest.slice(0, colon), rest.slice(colon + 1)];
}

function checkRegistry(text: string, registry: string): void {
  const label = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
  const matched = new RegExp(`^(?:${label}(?:\\.${label})*|\\[[0-9a-fA-F:]+\\])(?::([0-9]+))?$`).exec(registry);
  if (!matched)
    throw invalid(text, `\`${registry}\` is not the name of a registry`, 'a registry is a host, perhaps with a port: `localhost:5000`');
  const port = matched[1];
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) throw invalid(text, `\`${port}\` is not a port`);
}

function checkPath(text: string, path: string): void {
  if (path === '') throw invalid(text, 'it has no repository');
  const wrong = path.split('/').find((component) => !/^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/.test(component));
  if (wrong === '') throw invalid(text, `its repository \`${path}\` has an empty part`);
  if (wrong !== undefined && wrong !== wrong.toLowerCase()) {
    throw invalid(text, `its repository \`${path}\` has upper-case letters`, `did you mean \`${text.replace(path, path.toLowerCase())}\`?`);
  }
  if (wrong !== undefined) {
    const why = 'small letters and digits are allowed, and between them `.`, `_`, `__` or dashes';
    throw invalid(text, `\`${wrong}\` in its repository is not allowed: ${why}`);
  }
  // Docker takes 64 of them for the id of an image.
  if (/^[0-9a-f]{64}$/.test(path)) throw invalid(text, 'a repository of 64 hexadecimal digits looks like the id of an image');
}

function checkTag(text: string, tag: string): void {
  if (/^\w[\w.-]{0,127}$/.test(tag)) return;
  if (tag === '') throw invalid(text, 'its tag is empty');
  if (tag.length > 128) throw invalid(text, 'its tag is longer than 128 characters');
  throw invalid(text, `its tag \`${tag}\` is not allowed: letters, digits, \`_\`, and after the first also \`.\` and \`-\``);
}

function checkDigest(text: string, digest: string): void {
  if (parseDigest(digest) !== undefined) return;
  const algorithm = /^([^:]*):/.exec(digest)?.[1];
  if (algorithm === undefined) throw invalid(text, `\`${digest}\` is not a digest`, 'a digest is `sha256:` and 64 hexadecimal digits');
  if (algorithm !== 'sha256' && algorithm !== 'sha512') throw invalid(text, `the algorithm \`${algorithm}\` of its digest is not known`);
  const digits = algorithm === 'sha256' ? 64 : 128;
  throw invalid(text, `its digest \`${digest}\` is not ${digits} hexadecimal digits in lower case`);
}

function splitOnce(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function invalid(
  text: string,
  why: string,
  hint = 'a reference is `[registry/]repository[:tag][@digest]`, like `docker.io/library/postgres:17`',
) {
  return new TsstackError(`cannot read image reference \`${text}\`: ${why}`, { code: 'image', hint });
}
