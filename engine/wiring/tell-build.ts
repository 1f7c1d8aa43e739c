/** What an image that is made here tells while it is made: the `build.*` events. */
import type { OnEvent } from '../model/events.ts';
import type { ImageRecord } from '../store/image-records.ts';

export interface TellOptions {
  /** As people know it. */
  readonly image: string;
  readonly onEvent: OnEvent;
  readonly signal: AbortSignal;
}

/** `say`: a line of what it prints. */
export type Step = <T>(name: string, act: (say: (line: string) => void) => Promise<T>) => Promise<T>;

/** A failure is told unless somebody called the work off. */
export async function tellBuild({ image, onEvent, signal }: TellOptions, work: (step: Step) => Promise<ImageRecord>): Promise<ImageRecord> {
  const startedAt = Date.now();
  onEvent({ type: 'build.started', at: startedAt, image });
  let steps = 0;
  const step: Step = async (name, act) => {
    const index = steps++;
    const from = Date.now();
    const tell = (state: 'started' | 'done' | 'failed') =>
      onEvent({ type: 'build.step', at: Date.now(), image, index, name, state, durationMs: state === 'started' ? 0 : Date.now() - from });
    tell('started');
    try {
      const result = await act((text) => onEvent({ type: 'build.output', at: Date.now(), image, index, text }));
      tell('done');
      return result;
    } catch (error) {
      tell('failed');
      throw error;
    }
  };
  try {
    const record = await work(step);
    onEvent({ type: 'build.done', at: Date.now(), image, digest: record.manifest.digest, durationMs: Date.now() - startedAt });
    return record;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (!signal.aborted) onEvent({ type: 'build.failed', at: Date.now(), image, message });
    throw error;
  }
}
