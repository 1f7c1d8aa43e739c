import type { UpResult } from '../../engine/model/engine.ts';
import { TsstackError } from '../../engine/model/errors.ts';
import type { EngineEvent } from '../../engine/model/events.ts';
import type { LoadedStack } from '../context.ts';
import { dependenciesOf } from '../load/dependencies.ts';
import { describeEvent } from '../progress/happenings.ts';
import { checkServices } from '../services.ts';
import { sourceOf } from '../source.ts';
import { type FollowedRule, filesOfSpec, rulesOfSpec } from './followed.ts';
import type { Follower } from './follower.ts';
import { tell } from './tell.ts';
import type { TypeChecker } from './type-checker.ts';
import type { WatchDoors, WatchSession } from './watch-session.ts';

export interface Reloader {
  /** Follows what the stack came from, and makes the type checker warm meanwhile. */
  begin(): Promise<void>;
  /**
   * Loads and checks the stack file, and brings the stack up as it is now; one that is invalid is told, and changes nothing. Resolves to the services of which
   * a container was made anew, without what was synced into the one before.
   */
  reload(): Promise<ReadonlySet<string>>;
  /** Of the stack as it was applied last. */
  rules(): readonly FollowedRule[];
}

export function createReloader(session: WatchSession, doors: WatchDoors, follower: Follower): Reloader {
  const { context, signal } = session;
  let stack = session.stack;
  let rules: readonly FollowedRule[] = [];
  let loadedFiles = stack.dependencies;
  let checkedFiles: readonly string[] = [];
  let checker: Promise<TypeChecker> | undefined;

  const follow = (since: number) =>
    follower.follow(() => {
      rules = rulesOfSpec(stack.spec, session.services, doors.host);
      const files = [stack.file, ...loadedFiles, ...checkedFiles, ...filesOfSpec(stack.spec, doors.host)];
      return { directory: stack.directory, files, rules, since };
    });
  const check = async () => {
    checker ??= doors.openTypeChecker(stack.file, context.paths.packageRoot);
    const { errors, files } = (await checker).check();
    checkedFiles = files;
    return errors;
  };
  const load = async (): Promise<LoadedStack | undefined> => {
    try {
      const loaded = await context.loadStack();
      loadedFiles = loaded.dependencies;
      const errors = await check();
      if (errors.length === 0) return loaded;
      tell({ type: 'invalid', problems: errors }, context);
    } catch (error) {
      if (!isStackError(error)) throw error;
      loadedFiles = dependenciesOf(error) ?? loadedFiles;
      tell({ type: 'invalid', problems: [error.message] }, context);
    }
    return undefined;
  };
  const warmUp = async () => {
    const since = context.now();
    const errors = await check();
    if (signal.aborted) return;
    await follow(since);
    if (errors.length > 0) tell({ type: 'invalid', problems: errors }, context);
  };
  return {
    async begin() {
      const { files } = await follow(session.loadedAt);
      if (signal.aborted) return;
      tell({ type: 'watching', files: files.filter((file) => doors.host.kindOf(file) !== undefined).length, rules: rules.length }, context);
      // A change that comes before it is warm waits for it, and fails if it does.
      warmUp().catch((error: unknown) => tell({ type: 'failed', error }, context));
    },
    async reload() {
      const since = context.now();
      const began = doors.timers.now();
      const loaded = await load();
      try {
        if (loaded === undefined) return new Set();
        requireSameName(stack, loaded);
        stack = loaded;
        const result = await up(loaded, session);
        tell({ type: 'applied', result, durationMs: doors.timers.now() - began }, context);
        return recreatedServices(result);
      } finally {
        if (!signal.aborted) await follow(since);
      }
    },
    rules: () => rules,
  };
}

/** Whether it is for the user to mend in the project's files. */
function isStackError(error: unknown): error is TsstackError {
  return error instanceof TsstackError && (error.code === 'invalid-stack-file' || error.code === 'not-found');
}

/** The name is part of the stack's identity: under another one it is another stack, and this one would go on without its file. */
function requireSameName(before: LoadedStack, { spec, file }: LoadedStack): void {
  if (spec.name === before.spec.name) return;
  throw new TsstackError(
    `cannot apply \`${file}\`: it names the stack \`${spec.name}\` now, and \`${before.spec.name}\` is what is watched`,
    {
      code: 'usage',
      hint: 'end watching, take the stack down, and start again',
    },
  );
}

/** As `up` itself does it, with the same services. */
export function up(stack: LoadedStack, session: Pick<WatchSession, 'context' | 'engine' | 'services' | 'signal'>): Promise<UpResult> {
  const { context, engine, signal } = session;
  const { terminal } = context;
  return engine.up(stack.spec, {
    signal,
    services: checkServices(session.services ?? [], stack.spec),
    source: sourceOf(stack, context),
    onEvent(event: EngineEvent) {
      const line = describeEvent(event, terminal.err.color);
      if (line !== undefined) terminal.err.write(`${line}\n`);
    },
  });
}

/** A container is named for its service and its index: `web-1`. */
function recreatedServices({ plan }: UpResult): ReadonlySet<string> {
  const made = plan.steps.filter(({ op }) => op.kind === 'container.create');
  return new Set(made.map(({ resource }) => resource.replace(/^.*\/(.*)-\d+$/, '$1')));
}
