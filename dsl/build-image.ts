/** `build(from('node:22'), (b) => b.run('npm ci'))`: an image as typed code. Values in, values out: nothing is checked or built here. */
import type {
  BuildOptions,
  BuildStepInput,
  BuiltImageInput,
  CopyOptions,
  DebianInput,
  DebianOptions,
  OciImageInput,
  ParentImageInput,
  RunOptions,
} from './input-image.ts';
import type { Scalar } from './input-values.ts';

/** What `build` starts from. */
export interface FromInput {
  readonly base: ParentImageInput;
}

/** Never changes: each call returns a builder with one step more, so that several images can go on from one. */
export interface ImageBuilder {
  readonly steps: readonly BuildStepInput[];
  /** Text is run by `/bin/sh -c`, a list as it is. */
  run(command: string | readonly string[], options?: RunOptions): ImageBuilder;
  /** Patterns relative to the context as in a Dockerfile; of a directory, what is in it. A relative target is in the working directory. */
  copy(sources: string | readonly string[], target: string, options?: CopyOptions): ImageBuilder;
  env(values: { readonly [name: string]: Scalar }): ImageBuilder;
  /** Made if it is not there. A relative one is in the one before. */
  workdir(path: string): ImageBuilder;
  /** `user[:group]` of the steps that follow and of the container. */
  user(user: string | number): ImageBuilder;
  /** Text is split like a shell does, without expansion. Discards a command of the base. */
  entrypoint(argv: string | readonly string[]): ImageBuilder;
  /** Text is split like a shell does, without expansion. */
  cmd(argv: string | readonly string[]): ImageBuilder;
  /** `80`, `'53/udp'`. */
  expose(...ports: readonly (string | number)[]): ImageBuilder;
  /** Absolute paths where the image keeps data. */
  volume(...paths: readonly string[]): ImageBuilder;
  label(values: { readonly [name: string]: Scalar }): ImageBuilder;
  stopSignal(signal: string): ImageBuilder;
}

/** A reference, `debian()`, `ociImage()` or another `build()`. */
export function from(base: ParentImageInput): FromInput {
  return { base };
}

/** An image built from a base in steps. Each is cached by what it is made of: change one, and only it and what follows is run again. */
export function build(start: FromInput, steps: (builder: ImageBuilder) => ImageBuilder, options: BuildOptions = {}): BuiltImageInput {
  // A function that forgets to return is told with all else that is wrong, as a list of steps that is missing.
  const built: Partial<ImageBuilder> | undefined = steps(builderOf([]));
  return { kind: 'build', base: start.base, steps: built?.steps as BuiltImageInput['steps'], ...options };
}

/** A minimal image made from Debian's packages, with no registry. */
export function debian(options: DebianOptions): DebianInput {
  return { kind: 'debian', ...options };
}

/**
 * An image from a file: a directory or archive in the OCI image layout, or an archive of `docker save`. Relative to the stack file.
 * `image`: which of it, if it has several.
 */
export function ociImage(path: string, options: { readonly image?: string } = {}): OciImageInput {
  return { kind: 'archive', path, ...options };
}

function builderOf(steps: readonly BuildStepInput[]): ImageBuilder {
  const add = (step: BuildStepInput): ImageBuilder => builderOf([...steps, step]);
  return {
    steps,
    run: (command, options = {}) => add({ do: 'run', command, ...options }),
    copy: (sources, target, options = {}) => add({ do: 'copy', sources, target, ...options }),
    env: (values) => add({ do: 'env', values }),
    workdir: (path) => add({ do: 'workdir', path }),
    user: (user) => add({ do: 'user', user }),
    entrypoint: (argv) => add({ do: 'entrypoint', argv }),
    cmd: (argv) => add({ do: 'cmd', argv }),
    expose: (...ports) => add({ do: 'expose', ports }),
    volume: (...paths) => add({ do: 'volume', paths }),
    label: (values) => add({ do: 'label', values }),
    stopSignal: (signal) => add({ do: 'stopSignal', signal }),
  };
}
