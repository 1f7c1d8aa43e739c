import { createInterface } from 'node:readline/promises';
import type { Interrupts } from './interrupts.ts';

/** Asks on the terminal. Anything but `y` or `yes` is no. Rejects with the reason of an interrupt. */
export async function confirm(question: string, { signal }: Interrupts): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    // Ctrl-C on a terminal that readline reads is no signal any more.
    lines.once('SIGINT', () => process.kill(process.pid, 'SIGINT'));
    const closed = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
    const answer = await Promise.race([lines.question(`${question} [y/N] `, { signal }), closed]);
    return /^y(es)?$/i.test(answer.trim());
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    lines.close();
  }
}
