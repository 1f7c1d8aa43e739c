import { setTimeout } from 'node:timers/promises';
import { patience } from './patience.ts';

/**
 * Observes until the condition holds, and answers what it held with. After `timeoutMs` (default 10 s; see `patience`) rejects with the last thing seen.
 * For what nobody notifies a test of: a server that starts to listen, a namespace the kernel tears down when it likes.
 */
export async function until<T>(
  what: string,
  observe: () => Promise<T> | T,
  options: { readonly holds?: (value: T) => boolean; readonly timeoutMs?: number } = {},
): Promise<T> {
  const holds = options.holds ?? ((value: T) => Boolean(value));
  const deadline = performance.now() + (options.timeoutMs ?? 10_000) * patience;
  for (;;) {
    const seen = await attempt(observe);
    if ('value' in seen && holds(seen.value)) return seen.value;
    if (performance.now() > deadline) {
      const last = 'value' in seen ? JSON.stringify(seen.value) : String(seen.error);
      throw new Error(`waited in vain until ${what}; last seen: ${last}`, 'error' in seen ? { cause: seen.error } : undefined);
    }
    await setTimeout(20);
  }
}

async function attempt<T>(observe: () => Promise<T> | T): Promise<{ readonly value: T } | { readonly error: unknown }> {
  try {
    return { value: await observe() };
  } catch (error) {
    return { error };
  }
}
