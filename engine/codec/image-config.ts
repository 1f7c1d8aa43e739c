/** What an image says of the containers made of it: image-spec `config.md`, and Docker's extensions (Healthcheck, Shell). */
import type { ImageHealthcheck } from '../model/facts.ts';
import type { Platform } from './image-platform.ts';

export interface ImageConfig {
  readonly platform: Platform;
  /** Of each layer uncompressed, lowest first. */
  readonly diffIds: readonly string[];
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** `/` where the image says nothing. */
  readonly workingDir: string;
  /** `user`, `uid`, `user:group` …; undefined: root. */
  readonly user: string | undefined;
  /** `80/tcp`, sorted. */
  readonly exposedPorts: readonly string[];
  /** Absolute paths, sorted. */
  readonly volumes: readonly string[];
  /** `SIGTERM` or a number as text. */
  readonly stopSignal: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly healthcheck: ImageHealthcheck | undefined;
  /** Of the shell form in a Dockerfile that builds on it. */
  readonly shell: readonly string[] | undefined;
  /** RFC 3339. */
  readonly created: string | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/** Throws `Error` with why it is none (after "the config"): the caller knows of what. */
export function parseImageConfig(text: string): ImageConfig {
  const value = parseObject(text);
  const { os, architecture, variant, created } = value;
  if (typeof os !== 'string' || typeof architecture !== 'string') throw new Error('names no os or architecture');
  const config = fields(value['config']);
  return {
    platform: { os, architecture, ...(typeof variant === 'string' && variant !== '' ? { variant } : {}) },
    diffIds: strings(fields(value['rootfs'])['diff_ids'], 'rootfs.diff_ids') ?? [],
    entrypoint: strings(config['Entrypoint'], 'Entrypoint') ?? [],
    command: strings(config['Cmd'], 'Cmd') ?? [],
    environment: environmentOf(strings(config['Env'], 'Env') ?? []),
    workingDir: textOf(config['WorkingDir']) ?? '/',
    user: textOf(config['User']),
    exposedPorts: Object.keys(fields(config['ExposedPorts'])).sort(),
    volumes: Object.keys(fields(config['Volumes'])).sort(),
    stopSignal: textOf(config['StopSignal']),
    labels: stringMap(config['Labels']),
    healthcheck: healthcheckOf(config['Healthcheck']),
    shell: strings(config['Shell'], 'Shell'),
    created: textOf(created),
  };
}

function parseObject(text: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error('is not JSON', { cause: error });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('is not an object');
  return value as Fields;
}

/** The last of a name wins, as execve(2)'s readers have it in practice. */
function environmentOf(lines: readonly string[]): Readonly<Record<string, string>> {
  const pairs = lines.map((line): [string, string] => {
    const equals = line.indexOf('=');
    return equals < 0 ? [line, ''] : [line.slice(0, equals), line.slice(equals + 1)];
  });
  return Object.fromEntries(pairs.filter(([name]) => name !== ''));
}

function healthcheckOf(value: unknown): ImageHealthcheck | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const health = fields(value);
  return {
    test: strings(health['Test'], 'Healthcheck.Test') ?? [],
    intervalMs: milliseconds(health['Interval']),
    timeoutMs: milliseconds(health['Timeout']),
    startPeriodMs: milliseconds(health['StartPeriod']),
    startIntervalMs: milliseconds(health['StartInterval']),
    retries: typeof health['Retries'] === 'number' && health['Retries'] > 0 ? health['Retries'] : undefined,
  };
}

/** Docker counts in ns, and 0 is its default. */
function milliseconds(value: unknown): number | undefined {
  return typeof value === 'number' && value > 0 ? Math.max(1, Math.round(value / 1e6)) : undefined;
}

function strings(value: unknown, name: string): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value) || value.some((item) => typeof item !== 'string'))
    throw new Error(`has a \`${name}\` that is no list of texts`);
  return value;
}

function stringMap(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(fields(value)).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
