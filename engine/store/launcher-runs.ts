import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { TsstackError } from '../model/errors.ts';

/** Removes a directory and all below it, however deep an image made it. Not there: nothing happens. */
export function removeDeep(launcherBinary: string, directory: string): Promise<void> {
  return run(launcherBinary, ['remove', directory], `cannot remove \`${directory}\``);
}

/** Resolves when all that was written to the file system of the directory is on the disk. */
export function flushFileSystem(launcherBinary: string, directory: string): Promise<void> {
  return run(launcherBinary, ['flush', directory], `cannot flush the file system of \`${directory}\``);
}

async function run(launcherBinary: string, args: readonly string[], what: string): Promise<void> {
  const child = spawn(launcherBinary, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const [[code], why] = await Promise.all([once(child, 'exit'), text(child.stderr)]);
  if (code !== 0) throw new TsstackError(`${what}: ${why.trim() || `exit code ${code}`}`, { code: 'image' });
}
