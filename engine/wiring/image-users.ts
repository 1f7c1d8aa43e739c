/** Which images the stacks of this host use: those of containers that exist, whatever their state, and those the last `up` of each names. */
import fs from 'node:fs';
import { append } from '../../dsl/multimap.ts';
import type { StackSpec } from '../../dsl/spec.ts';
import { formatReference, parseReference } from '../codec/image-reference.ts';
import { readRecord } from '../kernel/containers.ts';
import type { ContainerRecord } from '../model/container.ts';
import { TsstackError } from '../model/errors.ts';
import { readDesiredState } from '../store/desired-state.ts';
import type { ImageRecord } from '../store/image-records.ts';
import { type HostPaths, type StackPaths, stackPaths } from '../store/paths.ts';

/** Of containers that exist. */
export interface ContainerUse {
  /** The stack's name and a hash. */
  readonly stack: string;
  /** `shop-web-1` → the digest of the manifest of the image it was made of. */
  readonly containers: Readonly<Record<string, string>>;
}

export interface StackUse extends ContainerUse {
  /** Of manifests: of its containers, and of those it wants. */
  readonly digests: ReadonlySet<string>;
  /** Normalized. */
  readonly references: ReadonlySet<string>;
  readonly lowerdirs: readonly string[];
}

/** @throws TsstackError `image` for a stack whose state a newer tsstack wrote: nobody here can tell what it uses. */
export function readStackUses(host: Pick<HostPaths, 'stateDirectory'>): readonly StackUse[] {
  return namesIn(`${host.stateDirectory}/stacks`).map((stack) => readUse(host, stack));
}

/** Reads less, and fails for nothing another version wrote. */
export function readContainerUses(host: Pick<HostPaths, 'stateDirectory'>): readonly ContainerUse[] {
  return namesIn(`${host.stateDirectory}/stacks`).map((stack) => {
    const records = recordsOf(pathsOf(host, stack), stack);
    return { stack, containers: Object.fromEntries(records.map(({ name, record }) => [name, record.imageDigest])) };
  });
}

/** References of the images that a stack would miss, and of those that what it uses is built on: without them that would be built again. */
export function usedReferences(images: readonly ImageRecord[], uses: readonly StackUse[]): ReadonlySet<string> {
  const byReference = new Map(images.map((image) => [image.reference, image]));
  const used = new Set<string>();
  const visit = (image: ImageRecord | undefined): void => {
    if (image === undefined || used.has(image.reference)) return;
    used.add(image.reference);
    for (const base of image.bases ?? []) visit(byReference.get(base));
  };
  for (const image of images) {
    const { reference, manifest } = image;
    if (uses.some(({ digests, references }) => digests.has(manifest.digest) || references.has(reference))) visit(image);
  }
  return used;
}

/** Digest of a manifest → containers of all stacks that were made of it, sorted. */
export function containersByDigest(uses: readonly ContainerUse[]): ReadonlyMap<string, readonly string[]> {
  const containers = new Map<string, string[]>();
  for (const use of uses) for (const [name, digest] of Object.entries(use.containers)) append(containers, digest, name);
  for (const names of containers.values()) names.sort();
  return containers;
}

/** Whether anything of it is there but volumes. */
export function isUp({ containers, digests }: StackUse): boolean {
  return Object.keys(containers).length > 0 || digests.size > 0;
}

/** The stack's name, without the hash that makes it unique. */
export function nameOfStack(id: string): string {
  return id.slice(0, id.lastIndexOf('-'));
}

export function namesIn(directory: string): readonly string[] {
  try {
    return fs.readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function pathsOf({ stateDirectory }: Pick<HostPaths, 'stateDirectory'>, stack: string): StackPaths {
  return stackPaths({ stateDirectory, runDirectory: '' }, { id: stack });
}

function recordsOf({ containers }: StackPaths, stack: string): { readonly name: string; readonly record: ContainerRecord }[] {
  return namesIn(containers).flatMap((name) => {
    // One that isn't whole is being made, under a lease, or never will be.
    const record = readRecord(`${containers}/${name}`);
    return record === undefined ? [] : [{ name: `${nameOfStack(stack)}-${name}`, record }];
  });
}

function readUse(host: Pick<HostPaths, 'stateDirectory'>, stack: string): StackUse {
  const paths = pathsOf(host, stack);
  const there = recordsOf(paths, stack);
  const state = readDesiredState(paths, () => {
    throw new TsstackError(
      `cannot tell which images stack \`${nameOfStack(stack)}\` uses: another version of tsstack wrote \`${paths.desired}\``,
      { code: 'image', hint: 'use that version, or bring the stack up with this one' },
    );
  });
  const wanted = state?.desired.resources.flatMap(({ kind, spec }) => (kind === 'container' ? [spec.record] : [])) ?? [];
  const records: readonly ContainerRecord[] = [...there.map(({ record }) => record), ...wanted];
  return {
    stack,
    containers: Object.fromEntries(there.map(({ name, record }) => [name, record.imageDigest])),
    digests: new Set(records.map(({ imageDigest }) => imageDigest)),
    references: new Set(state === undefined ? [] : referencesIn(state.spec)),
    lowerdirs: records.flatMap(({ launch }) => launch.lowerdirs),
  };
}

/** Of services, and of what typed builds start and copy from, however deep. */
function referencesIn({ services }: StackSpec): readonly string[] {
  const found: string[] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    const { kind, reference } = value as { readonly kind?: unknown; readonly reference?: unknown };
    if (kind === 'reference' && typeof reference === 'string') found.push(formatReference(parseReference(reference)));
    for (const inner of Object.values(value)) visit(inner);
  };
  for (const { image } of Object.values(services)) visit(image);
  return found;
}
