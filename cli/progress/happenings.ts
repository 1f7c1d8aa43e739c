import { constants } from 'node:os';
import { TsstackError } from '../../engine/model/errors.ts';
import type { EngineEvent } from '../../engine/model/events.ts';
import { formatBytes, formatDuration } from '../format.ts';
import { paint, type Style } from '../style.ts';

/** A line for what happens beside the plan: exits, restarts, health, drift, notices. Undefined: the event is about a step. */
export function describeEvent(event: EngineEvent, color: boolean): string | undefined {
  const { style, text } = describe(HAPPENINGS, event) ?? NOTHING;
  return text === undefined ? undefined : style === undefined ? text : paint(color, style, text);
}

/** A line for a step of a plan. Undefined: the event is about something else. */
export function describeStep(event: EngineEvent, color: boolean): string | undefined {
  const { style, text } = describe(STEPS, event) ?? NOTHING;
  return text === undefined || style === undefined ? text : paint(color, style, text);
}

/** Whether it says no more than that all goes as it should while a plan runs: who shows the plan need not show it too. */
export function isAsPlanned(event: EngineEvent): boolean {
  switch (event.type) {
    case 'container.exited':
      return event.code === 0;
    case 'container.health':
      return event.health !== 'unhealthy';
    case 'hook':
      return event.error === undefined;
    default:
      return event.type === 'container.started' || event.type === 'supervisor.started';
  }
}

/** `web-1 …` → how it ended. */
export function describeExit(exit: { readonly code: number; readonly signal: number | undefined; readonly oomKilled: boolean }): string {
  if (exit.oomKilled) return 'was killed: it ran out of memory';
  if (exit.signal !== undefined) return `was ended by ${signalText(exit.signal)}`;
  return `exited with code ${exit.code}`;
}

/** `SIGKILL`; `signal 34` for one without a name. */
export function signalText(number: number): string {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? `signal ${number}`;
}

interface Line {
  /** Undefined: there is no line. */
  readonly text: string | undefined;
  readonly style?: Style;
}
type EventType = EngineEvent['type'];
type Lines = { readonly [T in EventType]?: (event: Extract<EngineEvent, { type: T }>) => Line };
type StepType = 'planned' | 'step.started' | 'step.done' | 'step.failed' | 'step.skipped';

function describe(lines: Lines, event: EngineEvent): Line | undefined {
  // The table's row for a type takes events of that type, which TypeScript can't follow through an index.
  const row = lines[event.type] as ((event: EngineEvent) => Line) | undefined;
  return row?.(event);
}

const NOTHING: Line = { text: undefined };

/** Complete: an event of a new type doesn't compile before it has a line. */
const HAPPENINGS: Required<Omit<Lines, StepType>> = {
  notice: ({ message }) => ({ text: `note: ${message}` }),
  'container.exited': (event) => ({ text: `${event.container} ${describeExit(event)}`, style: event.code === 0 ? 'dim' : 'red' }),
  'container.restarting': ({ container, delayMs, attempt }) => ({
    text: `${container} restarts in ${formatDuration(delayMs)} (attempt ${attempt})`,
    style: 'yellow',
  }),
  'container.started': ({ container }) => ({ text: `${container} started`, style: 'dim' }),
  'container.health': ({ container, health, detail }) => {
    if (health === 'starting') return { text: `${container} is not healthy yet`, style: 'dim' };
    if (health === 'healthy') return { text: `${container} is healthy`, style: 'green' };
    return { text: `${container} is unhealthy${after(detail)}`, style: 'red' };
  },
  'container.oom': ({ container, kills }) => ({
    text: `${container} ran out of memory: the kernel killed ${kills === 1 ? 'a process' : `${kills} processes`} in it`,
    style: 'red',
  }),
  'container.paused': ({ container }) => ({ text: `${container} is paused`, style: 'yellow' }),
  'container.unpaused': ({ container }) => ({ text: `${container} goes on` }),
  hook: ({ container, hook, durationMs, error }) => {
    if (error !== undefined) return { text: `${hook} of ${container} failed${after(error)}`, style: 'red' };
    return { text: `${hook} of ${container} done in ${formatDuration(durationMs)}`, style: 'dim' };
  },
  drift: ({ resource, cause }) => ({ text: `drift: ${resource}: ${cause}`, style: 'yellow' }),
  repaired: ({ resources, durationMs }) => ({ text: `repaired in ${formatDuration(durationMs)}: ${resources.join(', ')}`, style: 'green' }),
  'repair.failed': ({ message, attempts, retryInMs }) => ({
    text: `repair failed${attempts > 1 ? ` ${attempts} times` : ''}${after(message)}; next try in ${formatDuration(retryInMs)}`,
    style: 'red',
  }),
  'pull.started': ({ images }) => ({ text: `pulling ${images.join(', ')}`, style: 'dim' }),
  'pull.layers': () => NOTHING,
  'pull.progress': () => NOTHING,
  'pull.done': ({ image, digest, fetched, durationMs }) => ({
    text: `${image} pulled: ${digest.slice(0, 19)}, ${formatBytes(fetched)} in ${formatDuration(durationMs)}`,
  }),
  'pull.failed': ({ image, message }) => ({ text: `${image} could not be pulled: ${message}`, style: 'red' }),
  'build.started': ({ image }) => ({ text: `building ${image}`, style: 'dim' }),
  'build.step': ({ name, state, durationMs }) => {
    if (state === 'started') return NOTHING;
    if (state === 'cached') return { text: `${name} (cached)`, style: 'dim' };
    return { text: `${name} ${state} in ${formatDuration(durationMs)}`, ...(state === 'failed' && { style: 'red' }) };
  },
  'build.output': ({ text }) => ({ text: `  ${text}`, style: 'dim' }),
  'build.done': ({ image, digest, durationMs }) => ({ text: `${image} built: ${digest.slice(0, 19)} in ${formatDuration(durationMs)}` }),
  'build.failed': ({ image, message }) => ({ text: `${image} could not be built: ${message}`, style: 'red' }),
  'supervisor.started': ({ pid, adopted }) => ({
    text: `supervisor started (pid ${pid})${adopted.length === 0 ? '' : `, adopted ${adopted.join(', ')}`}`,
    style: 'dim',
  }),
};

const STEPS: Required<Pick<Lines, StepType>> = {
  planned: ({ plan }) => ({ text: `plan of ${plan.steps.length === 1 ? '1 step' : `${plan.steps.length} steps`}`, style: 'dim' }),
  'step.started': () => NOTHING,
  'step.done': ({ step, durationMs }) => ({
    text: `#${step.id} ${step.resource}, ${step.op.kind}, ${step.cause} (${durationMs.toFixed(1)} ms)`,
    style: 'dim',
  }),
  'step.failed': ({ step, error }) => ({
    text: `#${step.id} ${step.resource}, ${step.op.kind} failed: ${error.message}${hintOf(error)}`,
    style: 'red',
  }),
  'step.skipped': ({ step, reason }) => ({ text: `#${step.id} ${step.resource}, ${step.op.kind} skipped: ${reason}`, style: 'dim' }),
};

function hintOf(error: Error): string {
  return error instanceof TsstackError && error.hint !== undefined ? ` (${error.hint})` : '';
}

/** What a program printed, on one line. */
function after(detail: string | undefined): string {
  const text = (detail ?? '').trim().replaceAll(/\s*\n\s*/g, ' | ');
  return text === '' ? '' : `: ${text}`;
}
