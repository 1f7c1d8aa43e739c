/**
 * Frames of the control socket: one JSON document a line, both ways.
 *
 *   client                                   supervisor
 *     │ {"id":1,"call":"up","params":{…}} ──────▶│
 *     │◀────────────── {"id":1,"event":{…}} ─────│  any number
 *     │ {"id":1,"cancel":"abort"} ──────────────▶│  or "hurry": any time
 *     │◀── {"id":1,"result":{…}} or "error" ─────│  once
 */
import { type ErrorCode, TsstackError } from '../model/errors.ts';
import type { EngineEvent } from '../model/events.ts';
import type { Op, Plan, Step } from '../model/plan.ts';

export type Cancellation = 'abort' | 'hurry';

export type Request =
  | { readonly id: number; readonly call: string; readonly params: unknown }
  | { readonly id: number; readonly cancel: Cancellation };

export type Response =
  | { readonly id: number; readonly event: unknown }
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: WireError };

export interface WireError {
  readonly message: string;
  /** Undefined: it was no TsstackError, which is a mistake of ours. */
  readonly code?: ErrorCode | undefined;
  readonly hint?: string | undefined;
  readonly stack?: string | undefined;
}

export function encodeFrame(frame: Request | Response): string {
  return `${JSON.stringify(frame)}\n`;
}

/** Takes what comes in, in whatever pieces, and gives back whole frames. */
export function frameReader<T>(onFrame: (frame: T) => void): (chunk: string) => void {
  let pieces: string[] = [];
  return (chunk) => {
    let start = 0;
    for (let end = chunk.indexOf('\n'); end >= 0; end = chunk.indexOf('\n', start)) {
      pieces.push(chunk.slice(start, end));
      start = end + 1;
      const text = pieces.join('');
      pieces = [];
      onFrame(JSON.parse(text) as T);
    }
    if (start < chunk.length) pieces.push(chunk.slice(start));
  };
}

export function encodeError(error: unknown): WireError {
  if (error instanceof TsstackError) return { message: error.message, code: error.code, hint: error.hint, stack: error.stack };
  return error instanceof Error ? { message: error.message, stack: error.stack } : { message: String(error) };
}

export function decodeError({ message, code, hint, stack }: WireError): Error {
  const error = code === undefined ? new Error(message) : new TsstackError(message, { code, hint });
  if (stack !== undefined) error.stack = stack;
  return error;
}

/**
 * Of an operation only what is shown goes over the socket: its arguments are the engine's business, and of fifty containers half a
 * megabyte.
 */
export function encodeEvent(event: EngineEvent): unknown {
  if (event.type === 'planned') return { ...event, plan: encodePlan(event.plan) };
  if (!('step' in event)) return event;
  const step = encodeStep(event.step);
  return event.type === 'step.failed' ? { ...event, step, error: encodeError(event.error) } : { ...event, step };
}

export function decodeEvent(encoded: unknown): EngineEvent {
  const event = encoded as EngineEvent;
  return event.type === 'step.failed' ? { ...event, error: decodeError(event.error as unknown as WireError) } : event;
}

export function encodePlan(plan: Plan): Plan {
  return { ...plan, steps: plan.steps.map(encodeStep) };
}

function encodeStep(step: Step): Step {
  return { ...step, op: shownOp(step.op) };
}

function shownOp(op: Op): Op {
  const { kind } = op;
  const shown = kind === 'container.await' ? op : 'name' in op ? { kind, name: op.name } : { kind };
  // Whoever shows a plan looks at an operation's kind, and at what is waited for; nobody carries it out from here.
  return shown as Op;
}
