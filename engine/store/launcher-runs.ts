import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { TsstackError } from '../model/errors.ts';

/** Removes a directory and all below it, however deep an image made it. Not there: nothing happens. */
export function removeDeep(launcherBinary: string, directory: string): Promise<void> {
  return run(launcherBinary, ['remove', directory], `cannot remove \`${directory}\``);
}

/** Resolves when all that was written to the file system of the directory is on the disk, and the marks, files in it, are removed. */
export function flushFileSystem(launcherBinary: string, directory: string, marks: readonly string[]): Promise<void> {
  return run(launcherBinary, ['flush', directory, ...marks], `cannot flush the file system of \`${directory}\``);
}

/** The same in a process of its own, which may outlive this one. Nobody hears of it if it fails: then the marks are still there. */
export function flushFileSystemAside(launcherBinary: string, directory: string, marks: readonly string[]): void {
  const child = spawn(launcherBinary, ['flush', directory, ...marks], { stdio: 'ignore', detached: true });
  child.once('error', () => {});
  child.unref();
}

async function run(launcherBinary: string, args: readonly string[], what: string): Promise<void> {
  const child = spawn(launcherBinary, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const [[code], why] = await Promise.all([once(child, 'exit'), text(child.stderr)]);
  if (code !== 0) throw new TsstackError(`${what}: ${why.trim() || `exit code ${code}`}`, { code: 'image' });
}
