import type { Listr } from 'listr2';
import { isCancellation } from '../cancellation.ts';
import type { StepGroup } from './groups.ts';
import { type GroupResult, type ProgressView, wordFor } from './tracker.ts';

/** For a terminal: one line a group, drawn over in place, below what `before` ends. listr2 is loaded when there is something to show, which an unchanged `up` never has. */
export function taskView(stream: NodeJS.WriteStream, before: () => Promise<void> | undefined): ProgressView {
  const ends = new Map<StepGroup, Drawn>();
  let drawn: Promise<unknown> = Promise.resolve();
  return {
    planned(groups) {
      if (groups.length === 0) return;
      const fresh = new Map(groups.map((group) => [group, { ...deferred(), title: group.label }]));
      for (const [group, end] of fresh) ends.set(group, end);
      // A roll-out has several plans, one after the other.
      drawn = drawn.then(before).then(() => draw(fresh, stream));
    },
    began() {},
    waits(group, until) {
      const drawn = ends.get(group);
      if (drawn === undefined) return;
      drawn.title = `${group.label} … until ${until}`;
      // Undefined until listr2 is loaded: then it takes the title from here.
      if (drawn.task !== undefined) drawn.task.title = drawn.title;
    },
    ended(group, result) {
      ends.get(group)?.resolve(result);
    },
    async close() {
      // Steps that were never reached, because the engine gave up.
      for (const end of ends.values()) end.resolve({ skipped: 'not reached' });
      await drawn;
    },
  };
}

async function draw(ends: ReadonlyMap<StepGroup, Drawn>, stream: NodeJS.WriteStream): Promise<void> {
  const { Listr, ListrLogger, ProcessOutput } = await import('listr2');
  // Talk goes to stderr: both of listr2's streams are that one.
  const processOutput = new ProcessOutput(stream, stream, { leaveEmptyLine: false });
  const tasks: Listr = new Listr(
    [...ends].map(([group, end]) => ({
      title: end.title,
      task: async (_context: unknown, task: Title & { skip(message: string): void }) => {
        task.title = end.title;
        end.task = task;
        const result = await end.promise;
        task.title = `${group.label} ${wordFor(result)}`;
        if ('skipped' in result || ('error' in result && isCancellation(result.error))) task.skip(task.title);
        else if ('error' in result) throw result.error;
      },
    })),
    {
      concurrent: true,
      exitOnError: false,
      // Signals are the command's business: listr2 would exit at SIGINT.
      registerSignalListeners: false,
      rendererOptions: { showErrorMessage: false, logger: new ListrLogger({ processOutput }) },
    },
  );
  await tasks.run();
}

interface Title {
  title: string;
}

/** A line of the drawing. */
interface Drawn extends Deferred, Title {
  task?: Title;
}

interface Deferred {
  readonly promise: Promise<GroupResult>;
  readonly resolve: (result: GroupResult) => void;
}

function deferred(): Deferred {
  let resolve: (result: GroupResult) => void = () => {};
  const promise = new Promise<GroupResult>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
