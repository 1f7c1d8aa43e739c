import fs from 'node:fs';
import { unlessErrno } from '../kernel/system-error.ts';

/** Gone already, or with something in it by now: nothing happens. POSIX has rmdir(2) say EEXIST as well as ENOTEMPTY. */
export function removeIfEmpty(directory: string): void {
  unlessErrno(['ENOENT', 'ENOTEMPTY', 'EEXIST'], () => fs.rmdirSync(directory));
}
