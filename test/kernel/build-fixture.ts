/** Builds of graphs written by hand, on a busybox, in a store of their own. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buildImage } from '../../engine/build/build.ts';
import { BuildScratch } from '../../engine/build/build-scratch.ts';
import { openContext } from '../../engine/build/context.ts';
import { contextFiles } from '../../engine/build/copy-step-sources.ts';
import { writeImage } from '../../engine/build/image-writer.ts';
import { openCache } from '../../engine/build/run-step-cache.ts';
import { addLayer } from '../../engine/build/stage.ts';
import { scratchConfig } from '../../engine/build/stage-config.ts';
import { type ImageStore, openImageStore } from '../../engine/image/image-store.ts';
import { storeLayer } from '../../engine/image/pack.ts';
import type { BuildGraph, BuildPlace, BuildStage, BuildStep, CopyOrigin, StageParent } from '../../engine/model/build.ts';
import type { EngineEvent } from '../../engine/model/events.ts';
import { stackIdentity } from '../../engine/plan/names.ts';
import type { ImageRecord } from '../../engine/store/image-records.ts';
import { buildRunner, removeBuildLeftovers } from '../../engine/wiring/build-runner.ts';
import { Session } from '../../engine/wiring/session.ts';
import { makeBusyboxRootfs } from '../support/busybox-rootfs.ts';
import { LAUNCHER } from './unpack-fixture.ts';

export interface BuildWorld extends AsyncDisposable {
  readonly store: ImageStore;
  readonly session: Session;
  /** The context. */
  readonly context: string;
  write(files: Readonly<Record<string, string>>): void;
  build(graph: BuildGraph, options?: BuildSettings): Promise<Built>;
  /** What is left of builds: stacks, scratch directories, secrets. */
  leftovers(): readonly string[];
}

export interface BuildSettings {
  readonly secrets?: Readonly<Record<string, string>>;
  readonly noCache?: boolean;
  readonly signal?: AbortSignal;
  readonly source?: string;
  readonly onEvent?: (event: EngineEvent) => void;
}

export interface Built {
  readonly record: ImageRecord;
  readonly events: readonly EngineEvent[];
  /** Steps that were done, in order: `RUN …`. */
  readonly done: readonly string[];
  readonly cached: readonly string[];
  /** Directories of its layers, lowest first. */
  readonly layers: readonly string[];
  readonly config: { readonly config: Readonly<Record<string, unknown>>; readonly history: readonly object[] };
}

const platform = { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : 'arm64' };

export async function buildWorld(): Promise<BuildWorld> {
  const base = mkdtempSync(join(tmpdir(), 'tsstack-build-'));
  const context = join(base, 'context');
  const host = { stateDirectory: join(base, 'state'), runDirectory: join(base, 'run') };
  for (const directory of [context, host.stateDirectory, host.runDirectory]) mkdirSync(directory);
  const session = new Session({ stack: stackIdentity('test', base, undefined), host, launcher: LAUNCHER });
  const store = await openImageStore(
    { directory: join(host.stateDirectory, 'images'), launcherBinary: LAUNCHER },
    new AbortController().signal,
  );
  const busybox = await makeBase(store, join(base, 'rootfs'));
  writeFileSync(join(context, '.dockerignore'), '**/*.ignored\n.dockerignore\n');
  const secretsLeft = () => readdirSync(host.runDirectory).filter((name) => name !== 'stage');
  return {
    store,
    session,
    context,
    write(files) {
      for (const [name, content] of Object.entries(files)) {
        mkdirSync(dirname(join(context, name)), { recursive: true });
        writeFileSync(join(context, name), content);
      }
    },
    async build(graph, options = {}) {
      const events: EngineEvent[] = [];
      const signal = options.signal ?? new AbortController().signal;
      using lease = store.lease([]);
      await removeBuildLeftovers(session);
      await using scratch = await BuildScratch.open({ store, volatileDirectory: host.runDirectory });
      const record = await buildImage(graph, {
        store,
        lease,
        signal,
        onEvent(event) {
          events.push(event);
          options.onEvent?.(event);
        },
        platform,
        image: 'app',
        references: ['tsstack.local/build:test'],
        labels: {},
        getBase: async () => busybox,
        runner: buildRunner(session),
        scratch,
        context: async () => contextFiles(await openContext(context)),
        secret: async (id) => (options.secrets?.[id] === undefined ? undefined : Buffer.from(options.secrets[id])),
        cache: (mount) => openCache(store, mount, signal),
        source: options.source,
        bases: [],
        noCache: options.noCache ?? false,
      });
      return describe(store, record, events);
    },
    leftovers: () => [
      ...(existsSync(join(host.stateDirectory, 'stacks')) ? readdirSync(join(host.stateDirectory, 'stacks')) : []),
      ...readdirSync(store.context.paths.scratch),
      ...readdirSync(store.context.paths.layers).filter((name) => name.startsWith('.')),
      ...secretsLeft(),
    ],
    async [Symbol.asyncDispose]() {
      await session[Symbol.asyncDispose]();
      execFileSync(LAUNCHER, ['remove', base]);
    },
  };
}

function describe(store: ImageStore, record: ImageRecord, events: readonly EngineEvent[]): Built {
  const steps = (wanted: string) =>
    events.flatMap((event) => (event.type === 'build.step' && event.state === wanted ? [event.name.replace(/^\[.*?\] /, '')] : []));
  const layers = record.layers.map(({ diffId }) => store.layerDirectory(diffId) ?? '');
  const config = JSON.parse(store.readBlob(record.config.digest).toString('utf8')) as Built['config'];
  return { record, events, done: steps('done'), cached: steps('cached'), layers, config };
}

async function makeBase(store: ImageStore, rootfs: string): Promise<ImageRecord> {
  makeBusyboxRootfs(rootfs);
  writeFileSync(join(rootfs, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\nworker:x:1234:1235::/:/bin/sh\n');
  writeFileSync(join(rootfs, 'etc/group'), 'root:x:0:\nworker:x:1235:\n');
  const { signal } = new AbortController();
  using lease = store.lease([]);
  const layer = await storeLayer(store, { directory: rootfs, lease, signal });
  const state = addLayer({ layers: [], lowerdirs: [], config: scratchConfig(platform) }, layer, store);
  return await writeImage(state, { store, lease, signal, references: ['localhost/busybox:latest'], bases: [] });
}

export const CONTEXT: CopyOrigin = { kind: 'context' };

let line = 0;
function place(text: string): BuildPlace {
  return { file: 'Dockerfile', line: ++line, text };
}

/** Its lines count from 1. */
export function graph(...stages: readonly BuildStage[]): BuildGraph {
  return { stages, target: stages.length - 1 };
}

export function stage(base: StageParent, steps: readonly BuildStep[], uses: readonly number[] = []): BuildStage {
  line = 0;
  return { name: undefined, base, place: place('FROM'), uses, steps: () => steps };
}

export const BUSYBOX: StageParent = { kind: 'image', image: { kind: 'reference', reference: 'localhost/busybox' } };

export function run(script: string, more: Partial<Extract<BuildStep, { do: 'run' }>> = {}): BuildStep {
  const argv = ['/bin/sh', '-c', script];
  return { do: 'run', place: place(`RUN ${script}`), argv, environment: {}, mounts: [], network: 'none', ...more };
}

export function copy(
  pattern: string,
  target: string,
  { from = CONTEXT, unpack = false, ...more }: Partial<Extract<BuildStep, { do: 'copy' }>> & { from?: CopyOrigin; unpack?: boolean } = {},
): BuildStep {
  const sources = [{ kind: 'files' as const, from, pattern, unpack }];
  const text = `COPY ${pattern} ${target}`;
  return { do: 'copy', place: place(text), sources, target, owner: undefined, mode: undefined, exclude: [], parents: false, ...more };
}

export function config(change: Extract<BuildStep, { do: 'config' }>['change']): BuildStep {
  return { do: 'config', place: place('CONFIG'), change };
}

export function workdir(path: string): BuildStep {
  return { do: 'workdir', place: place(`WORKDIR ${path}`), path };
}
