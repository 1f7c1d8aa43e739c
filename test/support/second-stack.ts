/** Another stack beside a project's: in a directory of its own, with the project's busybox. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type StackShape, stackFile } from './stack-file.ts';
import type { Project } from './tsstack.ts';

export interface SecondStack {
  readonly directory: string;
  ok(argv: readonly string[], code?: number): ReturnType<Project['ok']>;
  /** Its stack file from now on. */
  write(shape: StackShape): void;
}

/** Makes `<project>/<directory>` with that stack, not up yet, and takes it down at the end whatever happens. */
export async function withSecondStack(
  p: Project,
  { directory: name, ...shape }: StackShape & { readonly directory: string },
  body: (second: SecondStack) => Promise<void>,
): Promise<void> {
  const directory = join(p.directory, name);
  mkdirSync(directory);
  symlinkSync(join(p.directory, 'rootfs'), join(directory, 'rootfs'));
  const write: SecondStack['write'] = (next) => writeFileSync(join(directory, 'stack.config.ts'), stackFile(next));
  const ok: SecondStack['ok'] = (argv, code = 0) => p.ok(argv, { cwd: directory, code });
  write(shape);
  try {
    await body({ directory, ok, write });
  } finally {
    await ok(['down', '--volumes', '--timeout', '0']);
  }
}
