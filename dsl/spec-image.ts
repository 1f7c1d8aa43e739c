/** Where the image of a service comes from. */

export type PullPolicy = 'missing' | 'always' | 'never';

export type ImageSource =
  /** The host's userland, read-only. */
  | { readonly kind: 'hostRootfs' }
  /** A directory, shared read-only by all that use it. Absolute path. */
  | { readonly kind: 'rootfs'; readonly path: string }
  /** An OCI reference, as written. */
  | { readonly kind: 'reference'; readonly reference: string }
  /** An OCI layout directory, or an archive of one or of `docker save`. `image`: which of it, if it has several. Absolute path. */
  | { readonly kind: 'archive'; readonly path: string; readonly image: string | undefined }
  | DebianSource
  | BuildSource;

/** A minimal image made from Debian's packages, cached by these inputs. */
export interface DebianSource {
  readonly kind: 'debian';
  /** `bookworm`, `stable` … */
  readonly suite: string;
  /** Beside the suite's essential ones; sorted, each once. */
  readonly packages: readonly string[];
  /** Undefined: the host's sources if they have the suite, else https://deb.debian.org/debian. */
  readonly mirror: string | undefined;
}

/** An image built here. `tags`: references it is recorded under, in addition to the stack's own. */
export interface BuildSource {
  readonly kind: 'build';
  readonly recipe: DockerfileRecipe | StepsRecipe;
  readonly tags: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

export interface DockerfileRecipe {
  readonly type: 'dockerfile';
  /** Absolute directory. */
  readonly context: string;
  /** Absolute path, or the text itself (Compose's `dockerfile_inline`). */
  readonly dockerfile: { readonly path: string } | { readonly text: string };
  /** Undefined: the last stage. */
  readonly target: string | undefined;
  readonly args: Readonly<Record<string, string>>;
  /** id → where it is. Never in a layer, a cache key or a log. */
  readonly secrets: Readonly<Record<string, { readonly file: string } | { readonly environment: string }>>;
  /** Absolute directories by name, for `COPY --from=name`. */
  readonly contexts: Readonly<Record<string, string>>;
}

/** What `build(from(…), b => …)` says. */
export interface StepsRecipe {
  readonly type: 'steps';
  readonly base: ImageSource;
  /** Absolute directory that `copy` sources are relative to. */
  readonly context: string;
  readonly steps: readonly BuildStepSpec[];
}

export type BuildStepSpec =
  | { readonly do: 'run'; readonly command: readonly string[]; readonly caches: readonly string[] }
  | {
      readonly do: 'copy';
      /** Relative to the context, or in `from`: patterns as of `COPY`. */
      readonly sources: readonly string[];
      readonly target: string;
      readonly from: ImageSource | undefined;
      readonly owner: string | undefined;
      readonly mode: number | undefined;
      readonly exclude: readonly string[];
    }
  | { readonly do: 'env'; readonly values: Readonly<Record<string, string>> }
  | { readonly do: 'workdir'; readonly path: string }
  | { readonly do: 'user'; readonly user: string }
  | { readonly do: 'entrypoint' | 'cmd'; readonly argv: readonly string[] }
  | { readonly do: 'expose'; readonly ports: readonly string[] }
  | { readonly do: 'volume'; readonly paths: readonly string[] }
  | { readonly do: 'label'; readonly values: Readonly<Record<string, string>> }
  | { readonly do: 'stopSignal'; readonly signal: string };
