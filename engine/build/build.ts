/** Performs a build: the stages that its target needs, independent ones at the same time, each step unless it was done before. */
import { availableParallelism } from 'node:os';
import type { ImageSource } from '../../dsl/spec.ts';
import type { Platform } from '../codec/image-platform.ts';
import type { ImageStore } from '../image/image-store.ts';
import { limited } from '../image/limited.ts';
import { allOrFirst } from '../image/pull.ts';
import type { BuildGraph, BuildStage } from '../model/build.ts';
import type { OnEvent } from '../model/events.ts';
import type { ImageRecord } from '../store/image-records.ts';
import type { Lease } from '../store/lease.ts';
import { neededStages } from './build-inputs.ts';
import type { BuildScratch } from './build-scratch.ts';
import { buildSources } from './build-sources.ts';
import type { SourceFiles } from './copy-step-sources.ts';
import { writeImage } from './image-writer.ts';
import type { RunContext } from './run-step.ts';
import type { BuildRunner } from './runner.ts';
import type { StageState } from './stage.ts';
import { changeConfig, parentConfigOf, scratchConfig, withoutTriggers } from './stage-config.ts';
import { imageState } from './stage-image.ts';
import { performStep, type StepOptions } from './stage-step.ts';

export interface BuildOptions {
  readonly store: ImageStore;
  /** To be given all that is needed. */
  readonly lease: Lease;
  readonly signal: AbortSignal;
  readonly onEvent: OnEvent;
  readonly platform: Platform;
  /** As people know it. */
  readonly image: string;
  /** Normalized; the image is recorded under each. */
  readonly references: readonly [string, ...string[]];
  /** As in the record. */
  readonly bases: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** Layers extracted. */
  readonly getBase: (source: ImageSource) => Promise<ImageRecord>;
  readonly runner: BuildRunner;
  readonly scratch: BuildScratch;
  /** A context by its name; undefined: the one of the build. */
  readonly context: (name: string | undefined) => Promise<SourceFiles>;
  readonly secret: RunContext['secret'];
  readonly cache: RunContext['cache'];
  /** The text of the file that the steps are of. */
  readonly source: string | undefined;
  /** Do every step, whatever was done before. */
  readonly noCache: boolean;
}

/** @throws TsstackError `image`: the first step that fails ends the others; the signal's reason. Nothing is left then but whole layers. */
export async function buildImage(graph: BuildGraph, options: BuildOptions): Promise<ImageRecord> {
  const { image, onEvent } = options;
  const startedAt = Date.now();
  onEvent({ type: 'build.started', at: startedAt, image });
  try {
    const state = await buildTarget(graph, options);
    const labelled = Object.keys(options.labels).length === 0 ? state.config : changeConfig(state.config, { labels: options.labels });
    const record = await writeImage({ ...state, config: labelled }, options);
    const { digest } = record.manifest;
    onEvent({ type: 'build.done', at: Date.now(), image, digest, durationMs: Date.now() - startedAt });
    return record;
  } catch (error) {
    if (!options.signal.aborted)
      onEvent({ type: 'build.failed', at: Date.now(), image, message: error instanceof Error ? error.message : String(error) });
    throw error;
  }
}

async function buildTarget(graph: BuildGraph, options: BuildOptions): Promise<StageState> {
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  const states = new Map<number, Promise<StageState>>();
  const stageOf = (index: number): Promise<StageState> => {
    const state = states.get(index);
    if (state === undefined) throw new Error(`stage ${index} is not known to be needed`);
    return state;
  };
  const stepOptions = { ...options, signal, inTurn: limited(Math.max(2, availableParallelism())), indexes: { next: 0 } };
  const open = buildSources({ ...stepOptions, stageOf });
  // A stage uses only those before it: these are there when it begins.
  for (const index of neededStages(graph)) {
    const stage = graph.stages[index];
    if (stage === undefined) throw new Error(`there is no stage ${index}`);
    const name = graph.stages.length === 1 ? undefined : (stage.name ?? `stage-${index}`);
    const state = buildStage(stage, { ...stepOptions, open, stageOf, name });
    states.set(
      index,
      state.catch((error: unknown) => {
        failed.abort(error);
        throw error;
      }),
    );
  }
  await allOrFirst([...states.values()], failed.signal);
  return await stageOf(graph.target);
}

interface StageOptions extends Omit<StepOptions, 'number' | 'count'> {
  readonly getBase: BuildOptions['getBase'];
  readonly platform: Platform;
  readonly stageOf: (index: number) => Promise<StageState>;
}

async function buildStage(stage: BuildStage, options: StageOptions): Promise<StageState> {
  let state = await baseState(stage, options);
  const steps = stage.steps(parentConfigOf(state.config));
  const count = steps.filter(({ do: kind }) => kind !== 'config').length;
  let number = 0;
  // What its base has is for the stage to take over; it is no matter of those who build on this one.
  state = { ...state, config: withoutTriggers(state.config) };
  for (const step of steps) {
    if (step.do !== 'config') number++;
    state = await performStep(state, step, { ...options, number, count });
  }
  return state;
}

async function baseState({ base }: BuildStage, { store, getBase, platform, stageOf }: StageOptions): Promise<StageState> {
  switch (base.kind) {
    case 'stage':
      return await stageOf(base.stage);
    case 'scratch':
      return { layers: [], lowerdirs: [], config: scratchConfig(platform) };
    case 'image':
      return imageState(store, await getBase(base.image));
  }
}
