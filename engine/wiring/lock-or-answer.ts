import fs from 'node:fs';
import { dirname } from 'node:path';
import { connectControl } from '../control/client.ts';
import { FileLock } from '../store/lock.ts';
import type { StackPaths } from '../store/paths.ts';

/**
 * The stack's lock, waited for while somebody else works on the stack without a supervisor or while a supervisor is just ending. Undefined: there is
 * a supervisor that answers on its socket, so that it is to be asked.
 */
export async function lockUnlessAnswered(paths: Pick<StackPaths, 'lock' | 'socket'>, holder: string): Promise<FileLock | undefined> {
  fs.mkdirSync(dirname(paths.lock), { recursive: true, mode: 0o711 });
  const lock = FileLock.tryAcquire(paths.lock, holder);
  if (lock) return lock;
  const leave = new AbortController();
  const locked = FileLock.acquire(paths.lock, holder, leave.signal);
  const answered = untilAnswered(paths.socket, leave.signal);
  try {
    const first = await Promise.race([locked, answered]);
    // Whoever has just got it does without.
    if (!first) locked.then((late) => late[Symbol.dispose](), ignore);
    return first;
  } finally {
    leave.abort();
    // Each rejects with that abort, if it is the one that came second.
    answered.catch(ignore);
    locked.catch(ignore);
  }
}

function ignore(): void {}

/** Resolves when somebody listens at `path`. */
async function untilAnswered(path: string, signal: AbortSignal): Promise<undefined> {
  const changes = fs.promises.watch(dirname(path), { signal });
  if (await answers(path)) return;
  for await (const _ of changes) if (await answers(path)) return;
}

async function answers(path: string): Promise<boolean> {
  using connection = await connectControl(path);
  return connection !== undefined;
}
