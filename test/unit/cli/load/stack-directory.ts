import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach } from 'vitest';
import type { LoadOptions } from '../../../../cli/load/stack-file.ts';

/** A directory for each test of the file, gone after it. Names are relative to it. */
export function stackDirectory() {
  let directory = '';
  beforeEach(() => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'tsstack-load-')));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));
  const path = (name: string) => join(directory, name);
  return {
    path,
    write(files: Readonly<Record<string, string>>): void {
      for (const [name, text] of Object.entries(files)) {
        mkdirSync(dirname(path(name)), { recursive: true });
        writeFileSync(path(name), text);
      }
    },
    options: (options: Partial<LoadOptions> = {}): LoadOptions => ({
      directory,
      command: 'up',
      env: { HOME: '/root' },
      cacheDirectory: path('.cache'),
      packageRoot: fileURLToPath(new URL('../../../../', import.meta.url)),
      version: 'test',
      ...options,
    }),
    /** What of `files` is in the directory, by names. */
    names: (files: readonly string[] | undefined) =>
      files?.filter((file) => file.startsWith(`${directory}/`)).map((file) => file.slice(directory.length + 1)),
  };
}
