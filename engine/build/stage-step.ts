/** One step of a stage: done, unless it was done before on the same. */
import { readdir } from 'node:fs/promises';
import type { ImageStore } from '../image/image-store.ts';
import { storeLayer } from '../image/pack.ts';
import { extractArchive } from '../image/unpack.ts';
import type { BuildStep, CopyOrigin, CopyStep, RunStep, WorkdirStep } from '../model/build.ts';
import type { OnEvent } from '../model/events.ts';
import type { Lease } from '../store/lease.ts';
import type { BuildScratch } from './build-scratch.ts';
import { type CachedStep, findStep, keepStep, stepKey } from './cache.ts';
import { prepareCopy } from './copy-step.ts';
import type { SourceFiles } from './copy-step-sources.ts';
import { download } from './copy-step-url.ts';
import { type Layering, layerOn, makeDirectories, setTimes } from './copy-step-write.ts';
import { findNode } from './layer-tree.ts';
import { prepareRun, type RunContext, runContent } from './run-step.ts';
import { CommandFailed, OUTPUT_LINES, stepFailure } from './run-step-error.ts';
import type { BuildRunner } from './runner.ts';
import { addLayer, chainOf, type MadeLayer, type StageState, treeOf } from './stage.ts';
import { changeConfig, parentConfigOf, withHistory, withWorkingDir } from './stage-config.ts';

export interface StepOptions {
  readonly store: ImageStore;
  readonly lease: Lease;
  readonly signal: AbortSignal;
  readonly onEvent: OnEvent;
  readonly image: string;
  readonly runner: BuildRunner;
  readonly scratch: BuildScratch;
  readonly open: (origin: CopyOrigin) => Promise<SourceFiles>;
  readonly secret: RunContext['secret'];
  readonly cache: RunContext['cache'];
  readonly source: string | undefined;
  readonly noCache: boolean;
  /** As many steps at a time as there are processors. */
  readonly inTurn: <T>(task: () => Promise<T>) => Promise<T>;
  /** Of the build's steps, in the order they begin. */
  readonly indexes: { next: number };
  /** Of its stage. Undefined: there is only one. */
  readonly name: string | undefined;
  /** Its own, from 1, and how many there are in the stage. */
  readonly number: number;
  readonly count: number;
}

/** @throws TsstackError `image` with the place of the step; the signal's reason. */
export async function performStep(state: StageState, step: BuildStep, options: StepOptions): Promise<StageState> {
  const { image, source, signal } = options;
  signal.throwIfAborted();
  if (step.do === 'config') {
    const created = state.config.history.findLast((entry) => entry.created !== undefined)?.created;
    const entry = { ...(created === undefined ? {} : { created }), created_by: step.place.text, empty_layer: true as const };
    return { ...state, config: withHistory(changeConfig(state.config, step.change), entry) };
  }
  const tell = teller(step, options);
  try {
    const { key, make } = await PREPARE[step.do](step as never, state, { ...options, tell });
    const found = options.noCache ? undefined : findStep(options.store, key, options.lease);
    const done = found ?? (await options.inTurn(() => perform(key, make, { ...options, tell })));
    if (found !== undefined) tell.state('cached');
    return finish(state, step, done, options.store);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    tell.state('failed');
    throw stepFailure(error, { image, place: step.place, source });
  }
}

type Making = StepOptions & { readonly tell: Teller };

interface Prepared {
  readonly key: string;
  /** Undefined: nothing has changed. */
  readonly make: (options: Making) => Promise<MadeLayer | undefined>;
}

const PREPARE: {
  readonly [K in 'run' | 'copy' | 'workdir']: (
    step: Extract<BuildStep, { do: K }>,
    state: StageState,
    options: Making,
  ) => Promise<Prepared>;
} = { run: runStep, copy: copyStep, workdir: workdirStep };

async function perform(key: string, make: Prepared['make'], options: Making): Promise<CachedStep> {
  options.signal.throwIfAborted();
  options.tell.state('started');
  const layer = await make(options);
  const step: CachedStep = { layer, created: new Date().toISOString() };
  keepStep(options.store, key, step);
  options.tell.state('done');
  return step;
}

function finish(state: StageState, step: BuildStep, { layer, created }: CachedStep, store: ImageStore): StageState {
  const entry = { created, created_by: step.place.text, ...(layer === undefined ? { empty_layer: true as const } : {}) };
  const config = withHistory(step.do === 'workdir' ? withWorkingDir(state.config, step.path) : state.config, entry);
  return layer === undefined ? { ...state, config } : addLayer({ ...state, config }, layer, store);
}

async function workdirStep(step: WorkdirStep, state: StageState, { store }: Making): Promise<Prepared> {
  const tree = treeOf(state, store);
  return {
    key: stepKey('workdir', chainOf(state), step.path),
    async make(options) {
      if (tree !== undefined && (await findNode(tree, step.path))?.stat.isDirectory()) return undefined;
      return await layerOf(state, options, async (layering) => {
        await makeDirectories(layering, step.path, undefined);
        await setTimes(layering);
      });
    },
  };
}

async function copyStep(step: CopyStep, state: StageState, options: Making): Promise<Prepared> {
  const { scratch, signal, store } = options;
  const prepared = await prepareCopy(step, state.lowerdirs, {
    open: options.open,
    download: (source) => download(source, scratch.directory(), signal),
    extract: async ({ file }) => {
      const directory = scratch.directory();
      const { launcherBinary } = store.context;
      await extractArchive({ launcherBinary, directory, file, mediaType: '', lockFd: scratch.lockFd, signal });
      return { directories: [directory] };
    },
  });
  const { target, owner, mode, parents } = step;
  return {
    key: stepKey('copy', chainOf(state), prepared.content, [target, owner ?? null, mode ?? null, parents]),
    make: (making) => layerOf(state, making, prepared.write),
  };
}

/** What is written into a directory on top of the stage, as a layer. */
async function layerOf(
  state: StageState,
  { store, scratch, lease, signal }: Making,
  write: (layering: Layering) => Promise<void>,
): Promise<MadeLayer> {
  const directory = scratch.directory();
  await write(layerOn(directory, treeOf(state, store)?.directories ?? []));
  signal.throwIfAborted();
  return await storeLayer(store, { directory, lease, signal });
}

async function runStep(step: RunStep, state: StageState, options: Making): Promise<Prepared> {
  const config = parentConfigOf(state.config);
  return {
    key: stepKey('run', chainOf(state), await runContent(step, config, options)),
    async make({ store, lease, signal, runner, tell, ...context }) {
      using prepared = await prepareRun(step, { config, lowerdirs: state.lowerdirs }, context);
      const output: string[] = [];
      let layer: MadeLayer | undefined;
      const end = await runner.run({
        ...prepared.request,
        signal,
        onLine(text) {
          output.push(text);
          if (output.length > OUTPUT_LINES) output.shift();
          tell.output(text);
        },
        async keep({ directory, uidBase }) {
          // What it has changed, if anything.
          if ((await readdir(directory)).length > 0) layer = await storeLayer(store, { directory, uidBase, lease, signal });
        },
      });
      if (end.code !== 0 || end.error !== undefined) throw new CommandFailed(end, output);
      return layer;
    },
  };
}

interface Teller {
  state(state: 'started' | 'cached' | 'done' | 'failed'): void;
  output(text: string): void;
}

/** Of a step that comes to an end before it was begun, the beginning is told as well. */
function teller({ place }: BuildStep, { onEvent, image, indexes, name: stage, number, count }: StepOptions): Teller {
  const index = indexes.next++;
  const name = `[${stage === undefined ? '' : `${stage} `}${number}/${count}] ${place.text}`;
  let startedAt = Date.now();
  return {
    state(state) {
      const at = Date.now();
      if (state === 'started') startedAt = at;
      onEvent({ type: 'build.step', at, image, index, name, state, durationMs: state === 'done' ? at - startedAt : 0 });
    },
    output: (text) => onEvent({ type: 'build.output', at: Date.now(), image, index, text }),
  };
}
