/** All that a build depends on, as one hash: what was built of the same is the same image, and is looked for before anything is done. */
import { createHash } from 'node:crypto';
import type { ImageSource } from '../../dsl/spec.ts';
import type { Platform } from '../codec/image-platform.ts';
import type { BuildGraph, BuildStage, BuildStep, CopyOrigin, CopySource, CopyStep, RunMount } from '../model/build.ts';
import type { Selection } from './copy-step-select.ts';
import type { SourceFiles } from './copy-step-sources.ts';
import { stepFailure } from './run-step-error.ts';
import { changeConfig, parentConfigOf, type StageConfig, scratchConfig, withoutTriggers, withWorkingDir } from './stage-config.ts';

export interface InputImage {
  /** Of its manifest. */
  readonly digest: string;
  readonly config: StageConfig;
}

export interface InputOptions {
  readonly platform: Platform;
  /** Undefined: it isn't here. */
  readonly image: (source: ImageSource) => Promise<InputImage | undefined>;
  readonly context: (name: string | undefined) => Promise<SourceFiles>;
  readonly labels: Readonly<Record<string, string>>;
  /** For errors: as people know it. */
  readonly name: string;
  /** For errors: the text of the file that the steps are of. */
  readonly source: string | undefined;
}

/** In hexadecimal digits. Undefined: an image that it needs isn't here. @throws TsstackError: the recipe is wrong, a file isn't there. */
export async function hashInputs(graph: BuildGraph, options: InputOptions): Promise<string | undefined> {
  const { platform, labels } = options;
  const configs = new Map<number, StageConfig>();
  const stages: unknown[] = [];
  for (const index of neededStages(graph)) {
    const stage = graph.stages[index];
    if (stage === undefined) throw new Error(`there is no stage ${index}`);
    const hashed = await hashStage(stage, configs, options);
    if (hashed === undefined) return undefined;
    configs.set(index, hashed.config);
    stages.push([index, hashed.inputs]);
  }
  return createHash('sha256')
    .update(JSON.stringify(['build', 1, platform, labels, graph.target, stages]))
    .digest('hex');
}

/** Ascending: a stage after those it uses. */
export function neededStages({ stages, target }: BuildGraph): readonly number[] {
  const needed = new Set<number>();
  const add = (index: number): void => {
    if (needed.has(index)) return;
    needed.add(index);
    const stage = stages[index];
    if (stage?.base.kind === 'stage') add(stage.base.stage);
    for (const used of stage?.uses ?? []) add(used);
  };
  add(target);
  return [...needed].sort((a, b) => a - b);
}

async function hashStage(
  stage: BuildStage,
  configs: ReadonlyMap<number, StageConfig>,
  options: InputOptions,
): Promise<{ readonly config: StageConfig; readonly inputs: unknown } | undefined> {
  const start = await startOf(stage, configs, options);
  if (start === undefined) return undefined;
  let config = withoutTriggers(start.config);
  const inputs: unknown[] = [start.input];
  for (const step of stage.steps(parentConfigOf(start.config))) {
    const input = await hashStep(step, options);
    if (input === undefined) return undefined;
    inputs.push(input);
    if (step.do === 'config') config = changeConfig(config, step.change);
    if (step.do === 'workdir') config = withWorkingDir(config, step.path);
  }
  return { config, inputs };
}

async function startOf(
  { base }: BuildStage,
  configs: ReadonlyMap<number, StageConfig>,
  { platform, image }: InputOptions,
): Promise<{ readonly config: StageConfig; readonly input: unknown } | undefined> {
  if (base.kind === 'scratch') return { config: scratchConfig(platform), input: 'scratch' };
  if (base.kind === 'image') {
    const found = await image(base.image);
    return found && { config: found.config, input: ['image', found.digest] };
  }
  const config = configs.get(base.stage);
  if (config === undefined) throw new Error(`stage ${base.stage} comes later`);
  return { config, input: ['stage', base.stage] };
}

/** Not where it is written. Undefined: an image that it needs isn't here. */
async function hashStep({ place, ...step }: BuildStep, options: InputOptions): Promise<unknown> {
  try {
    return await hashWithoutPlace(step, options);
  } catch (error) {
    throw stepFailure(error, { image: options.name, source: options.source, place });
  }
}

async function hashWithoutPlace(step: WithoutPlace, options: InputOptions): Promise<unknown> {
  if (step.do === 'copy') {
    const sources = await Promise.all(step.sources.map((source) => hashSource(source, step, options)));
    return sources.includes(undefined) ? undefined : { ...step, sources };
  }
  if (step.do !== 'run') return step;
  const { proxies: _proxies, ...run } = step;
  const mounts = await Promise.all(run.mounts.map((mount) => hashMount(mount, options)));
  return mounts.includes(undefined) ? undefined : { ...run, mounts };
}

type WithoutPlace = { [K in BuildStep['do']]: Omit<Extract<BuildStep, { do: K }>, 'place'> }[BuildStep['do']];

async function hashSource(source: CopySource, step: Pick<CopyStep, 'exclude'>, options: InputOptions): Promise<unknown> {
  if (source.kind !== 'files') return source;
  const content = await hashOrigin(source.from, (files) => files.select(source.pattern, step.exclude), options);
  return content === undefined ? undefined : { ...source, from: null, content };
}

async function hashMount(mount: RunMount, options: InputOptions): Promise<unknown> {
  if (mount.type !== 'bind') return mount;
  const content = await hashOrigin(mount.from, async (files) => [await files.selectPath(mount.source)], options);
  return content === undefined ? undefined : { ...mount, from: null, content };
}

async function hashOrigin(
  from: CopyOrigin,
  select: (files: SourceFiles) => Promise<readonly Selection[]>,
  { image, context }: InputOptions,
): Promise<unknown> {
  if (from.kind === 'stage') return ['stage', from.stage];
  if (from.kind === 'image') {
    const found = await image(from.image);
    return found && ['image', found.digest];
  }
  const files = await context(from.kind === 'context' ? undefined : from.name);
  return ['files', ...(await Promise.all((await select(files)).map(files.hash)))];
}
