import type { EngineEvent } from '../../engine/model/events.ts';
import type { Terminal } from '../terminal.ts';
import { type BuildView, buildView } from './build-tasks.ts';
import { drawTurn } from './draw-turn.ts';
import { describeEvent, isAsPlanned } from './happenings.ts';
import { lineView } from './lines.ts';
import { type PullView, pullView } from './pull-tasks.ts';
import { taskView } from './tasks.ts';
import { trackProgress } from './tracker.ts';

export interface Progress {
  readonly onEvent: (event: EngineEvent) => void;
  /** Resolves when all has been drawn. What happens later is told in plain lines. */
  close(): Promise<void>;
}

/** Shows a running plan: drawn on a terminal, lines elsewhere. */
export function startProgress(terminal: Terminal, options: { readonly verbose: boolean; readonly env: NodeJS.ProcessEnv }): Progress {
  const drawn = !options.verbose && canDraw(terminal, options.env);
  const images = drawn ? imageViews(process.stderr) : undefined;
  const view = drawn ? taskView(process.stderr, () => images?.close()) : lineView(terminal.err, options);
  const track = trackProgress(view);
  // Lines in the middle of what is being drawn would tear it: they wait.
  let waiting: string[] | undefined = drawn ? [] : undefined;
  const say = (line: string) => {
    if (waiting === undefined) terminal.err.write(`${line}\n`);
    else waiting.push(line);
  };
  return {
    onEvent(event) {
      images?.onEvent(event);
      track(event);
      if (event.type === 'planned') for (const notice of event.plan.notices) say(`note: ${notice.message}`);
      // What goes as planned is told by the lines of the plan.
      // Why an image could not be had is told once, at the end, as the command's error.
      if (isAsPlanned(event) || event.type === 'pull.failed' || event.type === 'build.failed') return;
      if (images !== undefined && /^(pull|build)\./.test(event.type)) return;
      const line = describeEvent(event, terminal.err.color);
      if (line !== undefined) say(line);
    },
    async close() {
      await images?.close();
      await view.close();
      const lines = waiting ?? [];
      waiting = undefined;
      for (const line of lines) terminal.err.write(`${line}\n`);
    },
  };
}

/** What is done for images comes before the plan, and is drawn above it. */
function imageViews(stream: NodeJS.WriteStream): PullView & BuildView {
  const inTurn = drawTurn();
  const views = [pullView(stream, inTurn), buildView(stream, inTurn)];
  return {
    onEvent(event) {
      for (const view of views) view.onEvent(event);
    },
    async close() {
      await Promise.all(views.map((view) => view.close()));
    },
  };
}

/** A pseudo-terminal that nobody gave a size has 0 columns: there a drawing would be one character wide. */
function canDraw({ err }: Terminal, env: NodeJS.ProcessEnv): boolean {
  return err.isTTY && env['TERM'] !== 'dumb' && env['CI'] === undefined && process.stderr.columns >= MIN_COLUMNS;
}

const MIN_COLUMNS = 20;
