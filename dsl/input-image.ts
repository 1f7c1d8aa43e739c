/** What people write after `image` and `build`. */
import type { Labels, Scalar } from './input-values.ts';

/** An OCI reference, or what `hostRootfs()`, `rootfs()`, `debian()`, `ociImage()` or `build()` return. */
export type ImageInput = string | RootfsInput | DebianInput | OciImageInput | BuiltImageInput;

export type RootfsInput = { readonly kind: 'hostRootfs' } | { readonly kind: 'rootfs'; readonly path: string };

/** What an image can be built on, or files be copied from: an image with layers, not a directory. */
export type ParentImageInput = string | DebianInput | OciImageInput | BuiltImageInput;

export interface DebianOptions {
  /** `bookworm`, `stable` … */
  readonly suite: string;
  /** Beside the suite's essential ones. */
  readonly packages?: readonly string[];
  /** Default: the host's own sources if they have the suite, else `https://deb.debian.org/debian`. */
  readonly mirror?: string;
}

export interface DebianInput extends DebianOptions {
  readonly kind: 'debian';
}

export interface OciImageInput {
  readonly kind: 'archive';
  readonly path: string;
  readonly image?: string;
}

/** `build(from(…), b => …)` as data. */
export interface BuiltImageInput {
  readonly kind: 'build';
  readonly base: ParentImageInput;
  readonly steps: readonly BuildStepInput[];
  readonly context?: string;
  readonly tags?: readonly string[];
}

export type BuildStepInput =
  | { readonly do: 'run'; readonly command: string | readonly string[]; readonly cache?: readonly string[] }
  | ({ readonly do: 'copy'; readonly sources: string | readonly string[]; readonly target: string } & CopyOptions)
  | { readonly do: 'env' | 'label'; readonly values: { readonly [name: string]: Scalar } }
  | { readonly do: 'workdir'; readonly path: string }
  | { readonly do: 'user'; readonly user: string | number }
  | { readonly do: 'entrypoint' | 'cmd'; readonly argv: string | readonly string[] }
  | { readonly do: 'expose'; readonly ports: readonly (string | number)[] }
  | { readonly do: 'volume'; readonly paths: readonly string[] }
  | { readonly do: 'stopSignal'; readonly signal: string };

export interface RunOptions {
  /** Directories that outlive the step and are shared by builds; not in the image: `['/root/.npm']`. */
  readonly cache?: readonly string[];
}

export interface CopyOptions {
  /** Copy from this image. Default: from the stack file's directory, or the build's `context`. */
  readonly from?: ParentImageInput;
  /** `user[:group]`, names looked up in the image. Default: root; of another image: as there. */
  readonly chown?: string | number;
  /** Permission bits of files and directories alike, `0o755` or `'755'`. Default: as they are. */
  readonly chmod?: number | string;
  /** Patterns of what is left out. */
  readonly exclude?: string | readonly string[];
}

export interface BuildOptions {
  /** Directory that `copy` takes files from, relative to the stack file. Default: the stack file's own. */
  readonly context?: string;
  /** References it gets beside its own name. */
  readonly tags?: readonly string[];
}

/** An image built from a Dockerfile, as in the compose specification. */
export interface DockerfileBuildInput {
  /** What `build(…)` returns goes after `image`. */
  readonly kind?: never;
  /** Directory that `COPY` takes files from, relative to the stack file. Default: the stack file's own. */
  readonly context?: string;
  /** Relative to the context. Default `Dockerfile`. */
  readonly dockerfile?: string;
  /** The Dockerfile itself. Not together with `dockerfile`. */
  readonly dockerfileInline?: string;
  /** The stage that is the image. Default: the last. */
  readonly target?: string;
  /** Values of `ARG`. `null` takes the variable from the environment of `tsstack`; if it is not set there, it is left out. */
  readonly args?: { readonly [name: string]: Scalar | null | undefined };
  /** What `RUN --mount=type=secret,id=…` shows: never in a layer or a cache key. */
  readonly secrets?: { readonly [id: string]: { readonly file: string } | { readonly environment: string } };
  readonly labels?: Labels;
  /** References it gets beside its own name. */
  readonly tags?: readonly string[];
  /** Directories by name, for `COPY --from=name`. */
  readonly additionalContexts?: { readonly [name: string]: string };
}
