import type { EngineEvent } from '../../engine/model/events.ts';
import type { DrawTurn } from './draw-turn.ts';

/** For a terminal: a line an image that is made here, and below it the steps that are at work, each with what it printed last. */
export interface BuildView {
  onEvent(event: EngineEvent): void;
  /** Resolves when all has been drawn; what has not ended is drawn as left. */
  close(): Promise<void>;
}

export function buildView(stream: NodeJS.WriteStream, inTurn: DrawTurn): BuildView {
  const images = new Map<string, Image>();
  let drawn: Promise<unknown> = Promise.resolve();
  /** Of the drawing that images join as long as it goes on. */
  let open: Image[] | undefined;
  const begin = (name: string): void => {
    const image: Image = { name, steps: new Map(), state: 'at work' };
    images.set(name, image);
    if (open?.some(({ state }) => state === 'at work')) {
      open.push(image);
      open[0]?.changed?.();
      return;
    }
    const group = [image];
    open = group;
    drawn = inTurn(() => draw(group, stream));
  };
  return {
    onEvent(event) {
      if (event.type === 'build.started') return begin(event.image);
      if (!event.type.startsWith('build.') || !('image' in event)) return;
      const image = images.get(event.image);
      if (image === undefined) return;
      note(image, event);
      image.changed?.();
    },
    async close() {
      for (const image of images.values()) {
        if (image.state === 'at work') image.state = 'cancelled';
        image.changed?.();
      }
      await drawn;
    },
  };
}

interface Image {
  readonly name: string;
  /** Those at work, by index. */
  readonly steps: Map<number, { readonly name: string; said: string }>;
  state: 'at work' | 'built' | 'failed' | 'cancelled';
  /** What is called when it has; undefined until it is drawn. */
  changed?: () => void;
}

function note(image: Image, event: EngineEvent): void {
  if (event.type === 'build.step') {
    if (event.state === 'started') image.steps.set(event.index, { name: event.name, said: '' });
    else image.steps.delete(event.index);
  } else if (event.type === 'build.output') {
    const step = image.steps.get(event.index);
    if (step !== undefined) step.said = event.text;
  } else if (event.type === 'build.done') image.state = 'built';
  else if (event.type === 'build.failed') image.state = 'failed';
}

/** What is drawn of an image, line by line. `columns`: longer lines are cut, or they would be several. */
function buildLines({ name, steps, state }: Pick<Image, 'name' | 'steps' | 'state'>, columns: number): readonly string[] {
  if (state !== 'at work') return [`${name} ${state}`];
  const cut = (text: string) => (text.length > columns ? `${text.slice(0, columns - 1)}…` : text);
  const below = [...steps.values()].flatMap((step) => [`  ${step.name}`, ...(step.said === '' ? [] : [`    ${step.said}`])]);
  return [`building ${name}`, ...below].map(cut);
}

/** listr2's spinner and indentation are before each line. */
const INDENT = 6;

async function draw(images: readonly Image[], stream: NodeJS.WriteStream): Promise<void> {
  const { Listr, ListrLogger, ProcessOutput } = await import('listr2');
  const processOutput = new ProcessOutput(stream, stream, { leaveEmptyLine: false });
  const titles = () => images.flatMap((image) => buildLines(image, stream.columns - INDENT)).join('\n');
  const tasks = new Listr(
    [
      {
        title: titles(),
        task: async (_: unknown, task: { title: string; skip(message: string): void }) => {
          await new Promise<void>((resolve) => {
            const changed = () => {
              for (const image of images) image.changed ??= changed;
              task.title = titles();
              if (images.every(({ state }) => state !== 'at work')) resolve();
            };
            changed();
          });
          if (images.some(({ state }) => state === 'failed')) throw new Error('failed');
          if (images.some(({ state }) => state === 'cancelled')) task.skip(task.title);
        },
      },
    ],
    {
      exitOnError: false,
      // Signals are the command's business: listr2 would exit at SIGINT.
      registerSignalListeners: false,
      rendererOptions: { showErrorMessage: false, logger: new ListrLogger({ processOutput }) },
    },
  );
  await tasks.run();
}
