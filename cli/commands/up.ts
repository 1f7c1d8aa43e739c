import type { Engine, UpResult } from '../../engine/model/engine.ts';
import { TsstackError } from '../../engine/model/errors.ts';
import { attach } from '../attach.ts';
import { defineCommand } from '../command.ts';
import type { CommandContext, LoadedStack } from '../context.ts';
import { count, formatDuration } from '../format.ts';
import { printLogs } from '../log-printer.ts';
import type { Given, OptionTable } from '../options.ts';
import { removedContainers, startedContainers } from '../progress/groups.ts';
import { startProgress } from '../progress/start.ts';
import { checkServices } from '../services.ts';
import { sourceOf } from '../source.ts';
import { runWatch } from '../watch/run-watch.ts';
import { withEngine } from '../with-engine.ts';

const OPTIONS = {
  detach: { kind: 'flag', short: 'd', summary: 'return when everything is started' },
  wait: { kind: 'flag', summary: 'return when everything is running, healthy or (jobs) completed' },
  'wait-timeout': { kind: 'duration', value: 'SECONDS', summary: 'give up waiting after this time (implies --wait; exit code 17)' },
  'force-recreate': { kind: 'flag', summary: 'recreate containers that have not changed, too' },
  watch: { kind: 'flag', short: 'w', summary: 'attached: apply changes of the stack file and what it uses as they happen' },
  verbose: { kind: 'flag', summary: 'show every step' },
  timestamps: { kind: 'flag', short: 't', summary: 'attached: show when each line was written' },
  'no-prefix': { kind: 'flag', summary: 'attached: show lines without the name of their container' },
} as const satisfies OptionTable;

export const up = defineCommand({
  name: 'up',
  summary: 'make the machine match the stack file, and stay with the stack',
  usage: '[SERVICE…]',
  options: OPTIONS,
  words: { min: 0, max: Number.POSITIVE_INFINITY },
  details: `Stays attached: shows the stack's output, restarts by policy; Ctrl-C stops the stack, a second Ctrl-C hurries.
With -d it returns and the stack goes on. With services named, only they and what they depend on.
What is as it should be is left alone. A run that was cut off is finished by the next one.`,
  run: (given, words, context) => withEngine(context, (engine, stack) => runUp(given, words, { context, engine, stack })),
});

interface Session {
  readonly context: CommandContext;
  readonly engine: Engine;
  readonly stack: LoadedStack;
}

async function runUp(given: Given<typeof OPTIONS>, words: readonly string[], session: Session): Promise<number> {
  const { context, engine, stack } = session;
  const services = checkServices(words, stack.spec);
  const wait = given.wait || given['wait-timeout'] !== undefined;
  if (given.watch && (given.detach || wait))
    throw new TsstackError('`--watch` stays attached: it goes with neither `-d` nor `--wait`', { code: 'usage' });
  const attached = !given.detach && !wait;
  const since = context.now();
  try {
    await reconcile(given, services, session);
  } catch (error) {
    if (attached && context.interrupts.signal.aborted) await stopHalfStarted(session, services);
    throw error;
  }
  if (!attached) return 0;
  return attach(engine, stack, context, {
    only: services,
    since,
    prefix: !given['no-prefix'],
    timestamps: given.timestamps,
    watch: given.watch ? (signal) => runWatch({ context, engine, stack, loadedAt: since, services, signal }) : undefined,
  });
}

async function reconcile(given: Given<typeof OPTIONS>, services: readonly string[] | undefined, session: Session): Promise<void> {
  const { context, engine, stack } = session;
  const progress = startProgress(context.terminal, { verbose: given.verbose, env: context.env });
  const failed = new Set<string>();
  const since = context.now();
  try {
    const result = await engine.up(stack.spec, {
      signal: context.interrupts.signal,
      services,
      forceRecreate: given['force-recreate'],
      wait: given.wait || given['wait-timeout'] !== undefined,
      waitTimeoutMs: given['wait-timeout'],
      source: sourceOf(stack, context),
      onEvent(event) {
        if (event.type === 'container.exited' && event.code !== 0) failed.add(event.container);
        progress.onEvent(event);
      },
    });
    await progress.close();
    tellResult(result, context);
  } catch (error) {
    await progress.close();
    await showLastWords([...failed], since, session);
    throw error;
  }
}

function tellResult({ plan, durationMs }: UpResult, { terminal, global }: CommandContext): void {
  if (global.json) terminal.out.write(`${JSON.stringify({ stack: plan.stack, changes: plan.steps.length, durationMs })}\n`);
  if (plan.steps.length === 0) {
    terminal.err.write('up to date: nothing to change\n');
    return;
  }
  const started = startedContainers(plan);
  const removed = removedContainers(plan);
  const done = [
    ...(started > 0 ? [`${count(started, 'container')} started`] : []),
    ...(removed > started ? [`${count(removed - started, 'container')} removed`] : []),
  ];
  const what = done.length > 0 ? done.join(', ') : `${count(plan.steps.length, 'change')} made`;
  terminal.err.write(`up: ${what} in ${formatDuration(durationMs)}\n`);
}

/** What a container said before it failed is usually the reason why `up` did. */
async function showLastWords(containers: readonly string[], since: number, { context, engine }: Session): Promise<void> {
  if (containers.length === 0) return;
  const lines = engine.logs({ signal: new AbortController().signal, follow: false, only: containers, since, tail: 20 });
  await printLogs(lines, { stream: context.terminal.err, containers, prefix: true, timestamps: false, json: false });
}

async function stopHalfStarted({ context, engine }: Session, services: readonly string[] | undefined): Promise<void> {
  const { terminal, interrupts } = context;
  const hurry = interrupts.hurry();
  terminal.err.write(`stopping${terminal.err.isTTY ? ' (Ctrl-C again to hurry)' : ''}
`);
  await engine.stop({ signal: new AbortController().signal, onEvent() {}, hurry, targets: services });
}
