/** Images that a stack builds: found again by all that they depend on, or made. */
import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import type { BuildSource, DockerfileRecipe, ImageSource } from '../../dsl/spec.ts';
import { buildImage } from '../build/build.ts';
import { hashInputs, type InputImage, type InputOptions, neededStages } from '../build/build-inputs.ts';
import { BuildScratch } from '../build/build-scratch.ts';
import { openContext } from '../build/context.ts';
import { contextFiles, type SourceFiles } from '../build/copy-step-sources.ts';
import { graphOf } from '../build/recipe.ts';
import { openCache } from '../build/run-step-cache.ts';
import { inheritedConfig } from '../build/stage-config.ts';
import { hostPlatform, type Platform } from '../codec/image-platform.ts';
import { familiarReference, formatReference, parseReference } from '../codec/image-reference.ts';
import { findHeld } from '../image/find-held.ts';
import type { ImageStore } from '../image/image-store.ts';
import { resolveStored } from '../image/resolve-stored.ts';
import type { BuildGraph } from '../model/build.ts';
import { TsstackError } from '../model/errors.ts';
import { imageKey } from '../plan/image-key.ts';
import type { ImageRecord } from '../store/image-records.ts';
import { lockObject } from '../store/store-context.ts';
import { buildRunner, removeBuildLeftovers } from './build-runner.ts';
import type { FindMadeOptions, MadeSource, MakeImageOptions } from './making-images.ts';
import type { Session } from './session.ts';

export interface FindBuiltOptions extends FindMadeOptions {
  /** Another image that is made here. */
  readonly find: (source: MadeSource) => Promise<ImageRecord | undefined>;
}

/** Reads its recipe and all files that it copies. @throws TsstackError: the recipe is wrong, a file isn't there. */
export async function findBuilt(source: BuildSource, { session, store, find }: FindBuiltOptions): Promise<ImageRecord | undefined> {
  const build = await openBuild(source, session, hostPlatform(process.arch));
  const image = async (base: ImageSource): Promise<InputImage | undefined> => {
    if (base.kind === 'hostRootfs' || base.kind === 'rootfs') return undefined;
    const record = base.kind === 'reference' ? store.findImage(formatReference(parseReference(base.reference))) : await find(base);
    return record && store.hasBlob(record.config.digest) ? inputImage(store, record) : undefined;
  };
  const key = await hashInputs(build.graph, { ...build, image });
  return key === undefined ? undefined : store.findImage(referenceOf(key));
}

/** Does what wasn't done before. Concurrent builds of the same wait for each other. @throws TsstackError `image`, `usage`; the signal's reason. */
export async function buildFromRecipe(source: BuildSource, options: MakeImageOptions): Promise<ImageRecord> {
  const { session, store, signal, platform, getBase, noCache } = options;
  const build = await openBuild(source, session, platform);
  await Promise.all(basesOf(build.graph).map(getBase));
  const bases = new Set<string>();
  const image = async (source: ImageSource): Promise<InputImage> => {
    const record = await getBase(source);
    bases.add(record.reference);
    return inputImage(store, record);
  };
  const key = await hashInputs(build.graph, { ...build, image });
  if (key === undefined) throw new Error('an image that was got is not there');
  const references: [string, ...string[]] = [referenceOf(key), ...source.tags.map((tag) => formatReference(parseReference(tag)))];
  const here = noCache ? undefined : findWithTags(references, options);
  if (here !== undefined) return here;
  using _lock = await lockObject(store.context, `build-${key}`, signal);
  const made = noCache ? undefined : findWithTags(references, options);
  if (made !== undefined) return made;
  return await perform(source, build, { ...options, references, bases: [...bases].sort() });
}

async function perform(
  { recipe }: BuildSource,
  build: OpenBuild,
  options: MakeImageOptions & { readonly references: readonly [string, ...string[]]; readonly bases: readonly string[] },
): Promise<ImageRecord> {
  const { session, store, signal, onEvent, environment } = options;
  await removeBuildLeftovers(session);
  for (const message of build.graph.notices ?? []) onEvent({ type: 'notice', at: Date.now(), message });
  await using scratch = await BuildScratch.open({ store, volatileDirectory: session.host.runDirectory });
  return await buildImage(build.graph, {
    ...options,
    ...build,
    image: build.name,
    runner: buildRunner(session),
    scratch,
    secret: async (id) => (recipe.type === 'dockerfile' ? await readSecret(recipe, id, environment) : undefined),
    cache: (mount) => openCache(store, mount, signal),
  });
}

interface OpenBuild extends Omit<InputOptions, 'image'> {
  readonly graph: BuildGraph;
}

async function openBuild(source: BuildSource, session: Session, platform: Platform): Promise<OpenBuild> {
  const { recipe, labels } = source;
  const contexts = new Map<string | undefined, Promise<SourceFiles>>();
  const context = (name: string | undefined) => {
    const opened = contexts.get(name) ?? openFiles(source, name);
    contexts.set(name, opened);
    return opened;
  };
  const text = recipe.type === 'dockerfile' ? await readDockerfile(recipe) : undefined;
  return {
    graph: await graphOf(recipe, platform),
    platform,
    labels,
    context,
    name: nameOf(source, session),
    source: text,
  };
}

async function readDockerfile({ dockerfile }: DockerfileRecipe): Promise<string> {
  if ('text' in dockerfile) return dockerfile.text;
  try {
    return await readFile(dockerfile.path, 'utf8');
  } catch (error) {
    throw new TsstackError(`cannot read \`${dockerfile.path}\`: ${reasonOf(error)}`, { code: 'usage', cause: error });
  }
}

/** `name` undefined: the main one. */
async function openFiles({ recipe }: BuildSource, name: string | undefined): Promise<SourceFiles> {
  const directory = name === undefined ? recipe.context : recipe.type === 'dockerfile' ? recipe.contexts[name] : undefined;
  if (directory === undefined) throw new TsstackError(`there is no context \`${name}\``, { code: 'usage' });
  const dockerfile = recipe.type === 'dockerfile' && 'path' in recipe.dockerfile ? recipe.dockerfile.path : undefined;
  return contextFiles(await openContext(directory, name === undefined ? dockerfile : undefined));
}

async function readSecret(
  { secrets }: DockerfileRecipe,
  id: string,
  environment: Readonly<Record<string, string>>,
): Promise<Buffer | undefined> {
  const secret = secrets[id];
  if (secret === undefined) return undefined;
  if ('environment' in secret) {
    const value = environment[secret.environment];
    return value === undefined ? undefined : Buffer.from(value);
  }
  try {
    return await readFile(secret.file);
  } catch (error) {
    throw new TsstackError(`cannot read secret \`${id}\`: \`${secret.file}\`: ${reasonOf(error)}`, { code: 'image', cause: error });
  }
}

/** As people know it: `./api`, `./api (target dev)`. The key tells apart what has no better name. */
function nameOf(source: BuildSource, session: Session): string {
  const { recipe } = source;
  if (recipe.type === 'steps') return `${imageKey(recipe.base)} (${imageKey(source)})`;
  const below = relative(session.stack.directory, recipe.context);
  const directory = below.startsWith('..') ? recipe.context : `./${below}`;
  return recipe.target === undefined ? directory : `${directory} (target ${recipe.target})`;
}

function basesOf(graph: BuildGraph): readonly ImageSource[] {
  return neededStages(graph).flatMap((index) => {
    const base = graph.stages[index]?.base;
    return base?.kind === 'image' ? [base.image] : [];
  });
}

function inputImage(store: ImageStore, record: ImageRecord): InputImage {
  const name = familiarReference(parseReference(record.reference));
  return { digest: record.manifest.digest, config: inheritedConfig(store.readBlob(record.config.digest).toString('utf8'), name) };
}

function referenceOf(key: string): string {
  // 128 bits tell builds apart, and people see it.
  return `tsstack.local/build:${key.slice(0, 32)}`;
}

/** With all references recorded. Undefined: a part of it isn't there any more, or it was never built. */
function findWithTags([reference, ...tags]: readonly [string, ...string[]], { store, lease }: MakeImageOptions): ImageRecord | undefined {
  const record = findHeld(store, reference, lease);
  if (record === undefined) return undefined;
  const { manifest } = record;
  if (!store.hasBlob(manifest.digest) || resolveStored(store, record) === undefined) return undefined;
  for (const tag of tags) {
    if (store.findImage(tag)?.manifest.digest !== manifest.digest) store.recordImage({ ...record, reference: tag, recordedAt: Date.now() });
  }
  return record;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message.replace(/, \w+( '.*)?$/, '') : String(error);
}
