import type { DefaultRenderer, ListrTaskWrapper, SimpleRenderer } from 'listr2';
import type { EngineEvent } from '../../engine/model/events.ts';
import { formatBytes } from '../format.ts';
import type { DrawTurn } from './draw-turn.ts';

/** For a terminal: a line an image, and below it one a layer that says how far it is. */
export interface PullView {
  onEvent(event: EngineEvent): void;
  /** Resolves when all has been drawn; what has not ended is drawn as left. */
  close(): Promise<void>;
}

export function pullView(stream: NodeJS.WriteStream, inTurn: DrawTurn): PullView {
  const images = new Map<string, Image>();
  let drawn: Promise<unknown> = Promise.resolve();
  return {
    onEvent(event) {
      if (event.type === 'pull.started') {
        const fresh = event.images.map((name): Image => ({ name, layers: new Map(), known: deferred() }));
        for (const image of fresh) images.set(image.name, image);
        drawn = inTurn(() => draw(fresh, stream));
      } else if (event.type === 'pull.layers') {
        const image = images.get(event.image);
        for (const { digest } of event.layers)
          image?.layers.set(digest, { title: layerTitle(digest, 'waiting'), isDone: false, end: deferred() });
        image?.known.resolve(undefined);
      } else if (event.type === 'pull.progress') {
        showProgress(images.get(event.image)?.layers, event);
      } else if (event.type === 'pull.done') settle(images.get(event.image), undefined);
      else if (event.type === 'pull.failed') settle(images.get(event.image), 'failed');
    },
    async close() {
      for (const image of images.values()) settle(image, 'cancelled');
      await drawn;
    },
  };
}

/** What a layer's line says: `3f9a1c2e55aa fetching 34% of 12 MiB`. */
function layerTitle(digest: string, what: string): string {
  return `${digest.slice(digest.indexOf(':') + 1).slice(0, 12)} ${what}`;
}

function showProgress(
  layers: Image['layers'] | undefined,
  { layer: digest, stage, bytes, total }: Extract<EngineEvent, { type: 'pull.progress' }>,
): void {
  const layer = layers?.get(digest);
  if (layers === undefined || layer === undefined) return;
  const percent = total === 0 ? 100 : Math.floor((100 * bytes) / total);
  layer.title = layerTitle(digest, stage === 'done' ? `${formatBytes(total)} done` : `${stage} ${percent}% of ${formatBytes(total)}`);
  // Undefined until listr2 is loaded: then it takes the title from here.
  if (layer.task !== undefined) layer.task.title = layer.title;
  if (stage !== 'done') return;
  layer.isDone = true;
  // With the last of its lines the image's own would be drawn for good, which is only over when all of it is recorded.
  if ([...layers.values()].some(({ isDone }) => !isDone)) layer.end.resolve(undefined);
}

/** The first time counts. */
function settle(image: Image | undefined, failure: Failure | undefined): void {
  if (image === undefined || image.title !== undefined) return;
  image.title = `${image.name} ${failure ?? 'pulled'}`;
  if (image.task !== undefined) image.task.title = image.title;
  for (const { end } of image.layers.values()) end.resolve(failure);
  image.known.resolve(failure);
}

async function draw(images: readonly Image[], stream: NodeJS.WriteStream): Promise<void> {
  const { Listr, ListrLogger, ProcessOutput } = await import('listr2');
  const processOutput = new ProcessOutput(stream, stream, { leaveEmptyLine: false });
  const options = { concurrent: true, exitOnError: false } as const;
  const tasks = new Listr<unknown, 'default', 'simple'>(
    images.map((image) => ({
      title: `pulling ${image.name}`,
      task: async (_context: unknown, task: Task) => {
        image.task = task;
        const failure = await image.known.promise;
        if (image.title !== undefined) task.title = image.title;
        endAs(task, failure);
        const layers = [...image.layers.values()].map((layer) => ({
          title: layer.title,
          task: (_: unknown, line: Task) => drawLayer(layer, line),
        }));
        return failure === undefined ? task.newListr(layers, options) : undefined;
      },
    })),
    {
      ...options,
      // Signals are the command's business: listr2 would exit at SIGINT.
      registerSignalListeners: false,
      rendererOptions: { showErrorMessage: false, logger: new ListrLogger({ processOutput }) },
    },
  );
  await tasks.run();
}

async function drawLayer(layer: Layer, line: Task): Promise<void> {
  line.title = layer.title;
  layer.task = line;
  endAs(line, await layer.end.promise);
}

/** Red if it failed, left if it was cancelled. Why is told once, at the end, as the command's error. */
function endAs(task: Task, failure: Failure | undefined): void {
  if (failure === 'failed') throw new Error(failure);
  if (failure === 'cancelled') task.skip(task.title);
}

type Failure = 'failed' | 'cancelled';
type Task = ListrTaskWrapper<unknown, typeof DefaultRenderer, typeof SimpleRenderer>;

interface Image {
  readonly name: string;
  /** By digest. */
  readonly layers: Map<string, Layer>;
  /** Its layers are, or it has failed before. */
  readonly known: Deferred;
  /** What has become of it. */
  title?: string;
  task?: { title: string };
}

interface Layer {
  title: string;
  isDone: boolean;
  task?: { title: string };
  readonly end: Deferred;
}

/** Resolved with why it failed. */
interface Deferred {
  readonly promise: Promise<Failure | undefined>;
  readonly resolve: (failure: Failure | undefined) => void;
}

function deferred(): Deferred {
  let resolve: (failure: Failure | undefined) => void = () => {};
  const promise = new Promise<Failure | undefined>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
