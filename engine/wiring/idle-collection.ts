/** Gives memory back when nothing happens any more: V8 looks for garbage only while new objects are made. */
import { Session } from 'node:inspector';

/** ms. Longer than the pauses within what belongs together. */
const QUIET_MS = 5_000;

export class IdleCollection implements Disposable {
  #timer: NodeJS.Timeout | undefined;

  /** Something happens: what it leaves behind is collected once it is quiet again. */
  postpone(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(collectGarbage, QUIET_MS);
    this.#timer.unref();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

/** The inspector's way is that of an embedder short of memory (V8's LowMemoryNotification): it also gives back what is left empty. */
function collectGarbage(): void {
  const session = new Session();
  session.connect();
  // In the answer itself V8 is still at work with the session.
  session.post('HeapProfiler.collectGarbage', () => setImmediate(() => session.disconnect()));
}
