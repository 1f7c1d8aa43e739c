import type { EngineEvent } from '../../engine/model/events.ts';
import { formatDuration } from '../format.ts';
import { paint } from '../style.ts';

/** A line for what happens beside the plan: exits, restarts, notices. Undefined: the event is about a step. */
export function describeEvent(event: EngineEvent, color: boolean): string | undefined {
  if (event.type === 'notice') return `note: ${event.message}`;
  if (event.type === 'container.exited') return paint(color, event.code === 0 ? 'dim' : 'red', `${event.container} ${describeExit(event)}`);
  if (event.type === 'container.restarting') {
    return paint(color, 'yellow', `${event.container} restarts in ${formatDuration(event.delayMs)} (attempt ${event.attempt})`);
  }
  return undefined;
}

export function describeExit(exit: { readonly code: number; readonly signal: number | undefined; readonly oomKilled: boolean }): string {
  if (exit.oomKilled) return 'was killed: it ran out of memory';
  if (exit.signal !== undefined) return `was ended by signal ${exit.signal}`;
  return `exited with code ${exit.code}`;
}
