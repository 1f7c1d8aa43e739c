import type { Listr } from 'listr2';
import type { StepGroup } from './groups.ts';
import type { GroupResult, ProgressView } from './tracker.ts';

/** For a terminal: one line a group, drawn over in place. listr2 is loaded when there is something to show, which an unchanged `up` never has. */
export function taskView(stream: NodeJS.WriteStream): ProgressView {
  const ends = new Map<StepGroup, Deferred>();
  let drawn: Promise<unknown> = Promise.resolve();
  return {
    planned(groups) {
      if (groups.length === 0) return;
      for (const group of groups) ends.set(group, deferred());
      drawn = draw(ends, stream);
    },
    began() {},
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

async function draw(ends: ReadonlyMap<StepGroup, Deferred>, stream: NodeJS.WriteStream): Promise<void> {
  const { Listr, ListrLogger, ProcessOutput } = await import('listr2');
  // Talk goes to stderr: both of listr2's streams are that one.
  const processOutput = new ProcessOutput(stream, stream, { leaveEmptyLine: false });
  const tasks: Listr = new Listr(
    [...ends].map(([group, end]) => ({
      title: group.label,
      task: async (_context: unknown, task: { title: string; skip(message: string): void }) => {
        const result = await end.promise;
        if ('error' in result) throw new Error(`${group.label} failed`);
        if ('skipped' in result) task.skip(`${group.label} skipped`);
        else task.title = `${group.label} ${result.outcome}`;
      },
    })),
    {
      concurrent: true,
      exitOnError: false,
      // Signals are the command's business: listr2 would exit at SIGINT.
      registerSignalListeners: false,
      rendererOptions: { showErrorMessage: false, collapseSkips: false, logger: new ListrLogger({ processOutput }) },
    },
  );
  await tasks.run();
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
