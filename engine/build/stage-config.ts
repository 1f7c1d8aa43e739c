/** The config of an image that is being built: image-spec, config.md, and Docker's extensions, as they are written. */
import { parseImageConfig } from '../codec/image-config.ts';
import type { Platform } from '../codec/image-platform.ts';
import { DEFAULT_PATH } from '../image/layer.ts';
import type { ConfigChange, ParentConfig } from '../model/build.ts';
import { TsstackError } from '../model/errors.ts';
import type { ImageHealthcheck } from '../model/facts.ts';

type Fields = Readonly<Record<string, unknown>>;

/** A JSON document without `rootfs` and `history`, which are written at the end. What we don't know of a base stays. */
export interface StageConfig {
  readonly image: Fields;
  /** The command was set in this stage: a later entrypoint leaves it. */
  readonly hasOwnCommand: boolean;
  readonly history: readonly HistoryEntry[];
}

/** image-spec, config.md, `history`. */
export interface HistoryEntry {
  /** RFC 3339. */
  readonly created?: string;
  readonly created_by?: string;
  readonly empty_layer?: true;
}

export function scratchConfig({ os, architecture, variant }: Platform): StageConfig {
  const config = { Env: [`PATH=${DEFAULT_PATH}`] };
  const image = { os, architecture, ...(variant === undefined ? {} : { variant }), config };
  return { image, hasOwnCommand: false, history: [] };
}

/** @param text the config of the image it is built on. @throws TsstackError `image` if it can't be read. */
export function inheritedConfig(text: string, name: string): StageConfig {
  try {
    parseImageConfig(text);
  } catch (error) {
    throw new TsstackError(`cannot build on image \`${name}\`: its config ${(error as Error).message}`, { code: 'image', cause: error });
  }
  const { rootfs: _, history, ...image } = JSON.parse(text) as Fields;
  return { image, hasOwnCommand: false, history: Array.isArray(history) ? (history as HistoryEntry[]) : [] };
}

/** A stage built on another one, or on an image: its instructions for those who do so have been taken over by then. */
export function withoutTriggers(config: StageConfig): StageConfig {
  const { OnBuild: _, ...rest } = fieldsOf(config.image['config']);
  return { ...config, image: { ...config.image, config: rest }, hasOwnCommand: false };
}

export function parentConfigOf({ image }: StageConfig): ParentConfig {
  const { environment, workingDir, user, shell } = parseImageConfig(JSON.stringify(image));
  const triggers = fieldsOf(image['config'])['OnBuild'];
  return { environment, workingDir, user, shell, onBuild: Array.isArray(triggers) ? (triggers as string[]) : [] };
}

export function changeConfig(config: StageConfig, change: ConfigChange): StageConfig {
  const before = fieldsOf(config.image['config']);
  const dropsCommand = change.entrypoint !== undefined && change.command === undefined && !config.hasOwnCommand;
  const { Cmd: _, ...withoutCommand } = before;
  const after: Record<string, unknown> = {
    ...(dropsCommand ? withoutCommand : before),
    ...present('User', change.user),
    ...present('Entrypoint', change.entrypoint),
    ...present('Cmd', change.command),
    ...present('StopSignal', change.stopSignal),
    ...present('Shell', change.shell),
    ...present('Healthcheck', change.healthcheck && healthcheckFields(change.healthcheck)),
  };
  if (change.environment) after['Env'] = mergeEnvironment(before['Env'], change.environment);
  if (change.labels) after['Labels'] = { ...fieldsOf(before['Labels']), ...change.labels };
  if (change.exposedPorts) after['ExposedPorts'] = { ...fieldsOf(before['ExposedPorts']), ...emptyObjects(change.exposedPorts) };
  if (change.volumes) after['Volumes'] = { ...fieldsOf(before['Volumes']), ...emptyObjects(change.volumes) };
  if (change.onBuild) after['OnBuild'] = change.onBuild;
  return {
    ...config,
    image: { ...config.image, config: after },
    hasOwnCommand: config.hasOwnCommand || change.command !== undefined,
  };
}

export function withWorkingDir(config: StageConfig, path: string): StageConfig {
  return { ...config, image: { ...config.image, config: { ...fieldsOf(config.image['config']), WorkingDir: path } } };
}

export function withHistory(config: StageConfig, entry: HistoryEntry): StageConfig {
  return { ...config, history: [...config.history, entry] };
}

/** The document as it is stored. `diffIds`: of its layers, lowest first. */
export function configDocument({ image, history }: StageConfig, diffIds: readonly string[]): string {
  const created = history.findLast((entry) => entry.created !== undefined)?.created;
  return JSON.stringify({ ...image, ...present('created', created), rootfs: { type: 'layers', diff_ids: diffIds }, history });
}

/** A name keeps its place. */
function mergeEnvironment(before: unknown, values: Readonly<Record<string, string>>): string[] {
  const lines = Array.isArray(before) ? (before as string[]) : [];
  const named = new Map(lines.map((line) => [line.split('=', 1)[0] ?? '', line]));
  for (const [name, value] of Object.entries(values)) named.set(name, `${name}=${value}`);
  return [...named.values()];
}

/** Docker counts in ns. */
function healthcheckFields({ test, intervalMs, timeoutMs, startPeriodMs, startIntervalMs, retries }: ImageHealthcheck): Fields {
  const ns = (milliseconds: number | undefined) => (milliseconds === undefined ? undefined : milliseconds * 1e6);
  return {
    ...(test.length > 0 && { Test: test }),
    ...present('Interval', ns(intervalMs)),
    ...present('Timeout', ns(timeoutMs)),
    ...present('StartPeriod', ns(startPeriodMs)),
    ...present('StartInterval', ns(startIntervalMs)),
    ...present('Retries', retries),
  };
}

function present(name: string, value: unknown): Fields {
  return value === undefined ? {} : { [name]: value };
}

function emptyObjects(names: readonly string[]): Fields {
  return Object.fromEntries(names.map((name) => [name, {}]));
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}
