/** How much of the disk directories take, by du(1): it goes down paths of any length, and counts blocks, not lengths. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { TsstackError } from '../model/errors.ts';

/**
 * Bytes by path, of the file system each path is on. What isn't there any more is left out.
 * @throws TsstackError `kernel`; the signal's reason.
 */
export async function measureDirectories(paths: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>();
  if (paths.length === 0) return sizes;
  const child = spawn('du', ['-s', '-x', '-B1', '-0', '--files0-from=-'], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, LC_ALL: 'C' },
    signal,
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(paths.map((path) => `${path}\0`).join(''));
  const results = await Promise.allSettled([text(child.stdout), text(child.stderr), once(child, 'close')]);
  signal.throwIfAborted();
  const [output, complaints, ended] = results;
  if (output.status === 'rejected' || complaints.status === 'rejected') throw new Error('du cannot be read');
  if (ended.status === 'rejected')
    throw new TsstackError('cannot measure directories: du cannot be run', { code: 'kernel', cause: ended.reason });
  for (const line of output.value.split('\0')) {
    const [, bytes, path] = /^(\d+)\t(.*)$/s.exec(line) ?? [];
    if (bytes !== undefined && path !== undefined) sizes.set(path, Number(bytes));
  }
  // Files that go while it looks are what containers do. Anything else is a failure.
  const others = complaints.value.split('\n').filter((line) => line !== '' && !line.endsWith('No such file or directory'));
  if (others.length > 0) throw new TsstackError(`cannot measure directories: ${others[0]}`, { code: 'kernel' });
  return sizes;
}
