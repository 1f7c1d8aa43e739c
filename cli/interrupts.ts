import { TsstackError } from '../engine/model/errors.ts';

/**
 * SIGINT, SIGTERM and SIGHUP while a command runs. The first aborts `signal`; the second aborts `hurry`, if the command knows how to hurry; the one
 * after that ends the process where it stands, which loses nothing: each step leaves its object whole or absent, and the next command goes on.
 */
export interface Interrupts extends Disposable {
  readonly signal: AbortSignal;
  /** To be asked for only by a command that can hurry. */
  hurry(): AbortSignal;
  /** From now on every signal goes there, and nowhere else. */
  forwardTo(receiver: (name: InterruptName) => void): void;
  /** 128 + the number of the first signal that came. */
  exitCode(): number | undefined;
}

export function listenForInterrupts(process: InterruptSource): Interrupts {
  const first = new AbortController();
  const second = new AbortController();
  let canHurry = false;
  let code: number | undefined;
  let receiver: ((name: InterruptName) => void) | undefined;
  const onSignal = (name: InterruptName) => {
    if (receiver !== undefined) receiver(name);
    else if (!first.signal.aborted) {
      code = EXIT_CODES[name];
      first.abort(new TsstackError(`cancelled by ${name}`, { code: 'cancelled' }));
    } else if (canHurry && !second.signal.aborted) second.abort(name);
    else process.exit(EXIT_CODES[name]);
  };
  for (const name of INTERRUPTS) process.on(name, onSignal);
  return {
    signal: first.signal,
    hurry() {
      canHurry = true;
      return second.signal;
    },
    forwardTo(to) {
      receiver = to;
    },
    exitCode: () => code,
    [Symbol.dispose]() {
      for (const name of INTERRUPTS) process.off(name, onSignal);
    },
  };
}

/** The part of `process` that is used, so that a test can play it. */
export interface InterruptSource {
  on(name: InterruptName, listener: (name: InterruptName) => void): unknown;
  off(name: InterruptName, listener: (name: InterruptName) => void): unknown;
  exit(code: number): void;
}
export type InterruptName = keyof typeof EXIT_CODES;

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
const INTERRUPTS = Object.keys(EXIT_CODES) as InterruptName[];
