import { describe, expect, test } from 'vitest';
import { turnstile } from '../../../../../engine/image/registry/turnstile.ts';

const signal = new AbortController().signal;

/** Work that is done when the test says so. */
function works(pass: <T>(work: () => Promise<T>, signal: AbortSignal) => Promise<T>) {
  const started: string[] = [];
  const ends = new Map<string, { resolve: () => void; reject: (error: Error) => void }>();
  return {
    started,
    begin: (name: string, until = signal) =>
      pass(() => {
        started.push(name);
        return new Promise<void>((resolve, reject) => ends.set(name, { resolve, reject }));
      }, until),
    end: (name: string) => ends.get(name)?.resolve(),
    fail: (name: string) => ends.get(name)?.reject(new Error(name)),
  };
}

describe('a turnstile', () => {
  test('lets so many in, and the next when one has left, however that ended', async () => {
    const { started, begin, end, fail } = works(turnstile(2).pass);
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => begin(name));
    // More turns of the queue of promises than it could need.
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    expect(started).toEqual(['a', 'b']);
    end('a');
    await a;
    expect(started).toEqual(['a', 'b', 'c']);
    fail('b');
    await expect(b).rejects.toThrow('b');
    expect(started).toEqual(['a', 'b', 'c', 'd']);
    for (const name of ['c', 'd']) end(name);
    await Promise.all([c, d]);
  });

  test('keeps no place for who went away while waiting', async () => {
    const { started, begin, end } = works(turnstile(1).pass);
    const gone = new AbortController();
    const [a, b, c] = [begin('a'), begin('b', gone.signal), begin('c')];
    gone.abort(new Error('enough'));
    await expect(b).rejects.toThrow('enough');
    end('a');
    await a;
    expect(started).toEqual(['a', 'c']);
    end('c');
    await c;
    await expect(begin('d', gone.signal)).rejects.toThrow('enough');
  });
});
