/** Faults on purpose that are in force, until they are healed or the stack is taken down. */
import fs from 'node:fs';
import type { Fault } from '../model/faults.ts';
import type { StackPaths } from './paths.ts';

interface FaultsFile {
  readonly version: 1;
  readonly faults: readonly Fault[];
}

export function readFaults({ faults }: Pick<StackPaths, 'faults'>): readonly Fault[] {
  try {
    const file = JSON.parse(fs.readFileSync(faults, 'utf8')) as FaultsFile;
    return file.version === 1 ? file.faults.map(withUndefined) : [];
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Written whole or not at all. */
export function writeFaults({ faults: path }: Pick<StackPaths, 'faults'>, faults: readonly Fault[]): void {
  if (faults.length === 0) {
    fs.rmSync(path, { force: true });
    return;
  }
  const file: FaultsFile = { version: 1, faults };
  fs.writeFileSync(`${path}.new`, `${JSON.stringify(file)}\n`, { mode: 0o600 });
  fs.renameSync(`${path}.new`, path);
}

/** JSON leaves out what is undefined. */
function withUndefined({ from, to, effects }: Fault): Fault {
  const { partition, loss, delay, rate } = effects;
  const end = ({ service, container }: Fault['from']) => ({ service, container });
  return { from: end(from), to: end(to), effects: { partition, loss, delay, rate } };
}
