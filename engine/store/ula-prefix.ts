import { randomBytes } from 'node:crypto';
import fs from 'node:fs';

/** This host's unique local prefix: `fd` and a random global id of 40 bits (RFC 4193, 3.2). Made once, and the same for all stacks. */
export function ulaPrefix(stateDirectory: string): string {
  const path = `${stateDirectory}/ula-prefix`;
  const known = read(path);
  if (known !== undefined) return known;
  const id = randomBytes(5).toString('hex');
  fs.writeFileSync(`${path}.${process.pid}`, `fd${id.slice(0, 2)}:${id.slice(2, 6)}:${id.slice(6)}::/48\n`);
  try {
    // Whoever is first has chosen: link(2) doesn't replace.
    fs.linkSync(`${path}.${process.pid}`, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    fs.unlinkSync(`${path}.${process.pid}`);
  }
  return read(path) ?? ulaPrefix(stateDirectory);
}

/** Without leading zeros (RFC 5952, 4.1). */
function read(path: string): string | undefined {
  try {
    return fs
      .readFileSync(path, 'utf8')
      .trim()
      .replace(/:0{1,3}(?=[0-9a-f])/g, ':');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
