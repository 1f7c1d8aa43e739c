/** `RUN --mount=type=…` (Dockerfile reference, "RUN --mount"). */
import { posix } from 'node:path';
import { nearest } from '../../dsl/suggest.ts';
import { parseSize } from '../../dsl/units.ts';
import type { BuildPlace, CopyOrigin, RunMount } from '../model/build.ts';
import { didYouMean, wrong } from './dockerfile-errors.ts';
import type { Expand, ReadContext } from './dockerfile-instruction.ts';

export interface ReadMount {
  readonly uses: readonly number[];
  readonly make: (expand: Expand, workingDir: string) => RunMount;
}

/** Names that mean the same. */
const SYNONYMS: Readonly<Record<string, string>> = {
  dst: 'target',
  destination: 'target',
  src: 'source',
  readonly: 'ro',
  readwrite: 'rw',
};
const KEYS: Readonly<Record<RunMount['type'], readonly string[]>> = {
  bind: ['target', 'source', 'from', 'rw', 'ro'],
  cache: ['id', 'target', 'ro', 'rw', 'sharing', 'from', 'source', 'mode', 'uid', 'gid'],
  tmpfs: ['target', 'size'],
  secret: ['id', 'target', 'env', 'required', 'mode', 'uid', 'gid'],
};
const SHARINGS = ['shared', 'private', 'locked'] as const;

/** What the values of a mount are read with. */
interface Values {
  readonly text: (key: string) => string | undefined;
  readonly flag: (key: string) => boolean;
  readonly whole: (key: string, radix: 8 | 10) => number | undefined;
  /** Absolute; relative ones are in the working directory. */
  readonly path: (key: string) => string | undefined;
}

export function readMount(written: string, place: BuildPlace, context: ReadContext): ReadMount {
  const fields = new Map<string, string>();
  for (const field of splitFields(written)) {
    const [, name = '', value] = /^([^=]*)(?:=([\s\S]*))?$/.exec(field) ?? [];
    const lower = name.trim().toLowerCase();
    fields.set(SYNONYMS[lower] ?? lower, value ?? 'true');
  }
  const type = readType(fields, place);
  const from = fields.get('from');
  const origin: CopyOrigin = from === undefined ? { kind: 'context' } : context.originOf(from, place);
  const make = (expand: Expand, workingDir: string) => {
    const values = valuesOf(fields, { place, expand, workingDir });
    return type === 'secret' ? makeSecret(values, place, context.secrets) : makeMount(type, values, { place, origin });
  };
  if (type !== 'secret' && !fields.has('target')) throw wrong(place, `a mount of type \`${type}\` needs a \`target\``);
  return { uses: origin.kind === 'stage' ? [origin.stage] : [], make };
}

function readType(fields: ReadonlyMap<string, string>, place: BuildPlace): RunMount['type'] {
  const type = fields.get('type') ?? 'bind';
  if (type === 'ssh') throw wrong(place, 'mounts of type `ssh` are not supported', 'use one of type `secret`');
  if (!isType(type)) throw wrong(place, `\`${type}\` is no type of mount`, didYouMean(nearest(type, Object.keys(KEYS))));
  const unknown = [...fields.keys()].find((key) => key !== 'type' && !KEYS[type].includes(key));
  if (unknown !== undefined) {
    throw wrong(place, `a mount of type \`${type}\` has no \`${unknown}\``, didYouMean(nearest(unknown, KEYS[type])));
  }
  const given = type === 'cache' && ['from', 'source'].find((key) => fields.has(key));
  if (given) throw wrong(place, `\`${given}\` of a cache is not supported: a cache begins empty`);
  return type;
}

function isType(type: string): type is RunMount['type'] {
  return Object.hasOwn(KEYS, type);
}

/** Docker reads them as a line of CSV (RFC 4180): a field with a comma is in double quotes. */
function splitFields(text: string): readonly string[] {
  const fields = text.match(/"(?:[^"]|"")*"|[^",]+/g) ?? [];
  return fields.map((field) => (field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field));
}

function valuesOf(
  fields: ReadonlyMap<string, string>,
  { place, expand, workingDir }: { readonly place: BuildPlace; readonly expand: Expand; readonly workingDir: string },
): Values {
  const text = (key: string) => {
    const value = fields.get(key);
    return value === undefined ? undefined : expand(value);
  };
  return {
    text,
    flag: (key) => {
      const value = text(key)?.toLowerCase() ?? 'false';
      if (!['true', '1', 'false', '0'].includes(value)) throw wrong(place, `\`${key}\` of its mount is \`true\` or \`false\``);
      return value === 'true' || value === '1';
    },
    whole: (key, radix) => {
      const value = text(key);
      const right = value === undefined || (radix === 8 ? /^0?o?[0-7]{1,4}$/ : /^\d{1,9}$/).test(value);
      if (!right) throw wrong(place, `\`${key}=${value}\` of its mount is no number${radix === 8 ? ' in octal' : ''}`);
      return value === undefined ? undefined : Number.parseInt(value.replace('o', ''), radix);
    },
    path: (key) => {
      const value = text(key);
      return value === undefined ? undefined : posix.resolve('/', workingDir, value);
    },
  };
}

function makeMount(
  type: Exclude<RunMount['type'], 'secret'>,
  { text, flag, whole, path }: Values,
  { place, origin }: { readonly place: BuildPlace; readonly origin: CopyOrigin },
): RunMount {
  const target = path('target') ?? '/';
  if (target === '/') throw wrong(place, 'a mount at `/` would hide the image');
  if (type === 'bind') return { type, from: origin, source: text('source') ?? '/', target, writable: flag('rw') };
  if (type === 'tmpfs') {
    const size = text('size');
    const sizeBytes = size === undefined ? undefined : parseSize(size);
    if (size !== undefined && sizeBytes === undefined) throw wrong(place, `\`size=${size}\` of its mount is no size`);
    return { type, target, sizeBytes };
  }
  const written = text('sharing') ?? 'shared';
  const sharing = SHARINGS.find((name) => name === written);
  if (sharing === undefined) {
    throw wrong(place, '`sharing` of its mount is `shared`, `private` or `locked`', didYouMean(nearest(written, SHARINGS)));
  }
  const owner = { mode: whole('mode', 8) ?? 0o755, uid: whole('uid', 10) ?? 0, gid: whole('gid', 10) ?? 0 };
  return { type, id: text('id') ?? target, target, readOnly: flag('ro'), sharing, ...owner };
}

function makeSecret({ text, flag, whole, path }: Values, place: BuildPlace, secrets: ReadonlySet<string>): RunMount {
  const variable = text('env');
  const given = path('target');
  const id = text('id') ?? (given === undefined ? undefined : posix.basename(given));
  if (id === undefined || id === '') throw wrong(place, 'a mount of type `secret` needs an `id` or a `target`');
  const required = flag('required');
  if (required && !secrets.has(id)) {
    throw wrong(place, `it requires the secret \`${id}\`, which the build is not given`, didYouMean(nearest(id, secrets)));
  }
  const target = given ?? (variable === undefined ? `/run/secrets/${id}` : undefined);
  const owner = { mode: whole('mode', 8) ?? 0o400, uid: whole('uid', 10) ?? 0, gid: whole('gid', 10) ?? 0 };
  return { type: 'secret', id, target, variable, required, ...owner };
}
