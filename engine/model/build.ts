/** A build, whoever wrote it down: `engine/build/dockerfile*` and `engine/build/recipe.ts` make it, `engine/build/build.ts` performs it. */
import type { ImageSource } from '../../dsl/spec.ts';
import type { ImageHealthcheck } from './facts.ts';

/** Stages in the order they are written; a stage uses only those before it. */
export interface BuildGraph {
  readonly stages: readonly BuildStage[];
  /** Index of the stage that is the image. Only what it needs is built. */
  readonly target: number;
  /** To be told: what is probably a mistake, yet can be built. */
  readonly notices?: readonly string[];
}

export interface BuildStage {
  readonly name: string | undefined;
  readonly base: StageParent;
  readonly place: BuildPlace;
  /** Stages it copies or mounts from, and its base if that is one: by these, independent stages are found. */
  readonly uses: readonly number[];
  /**
   * What it does, once its base is known: variables of the base are expanded in it. Pure.
   * @throws TsstackError `usage`, with the place.
   */
  readonly steps: (base: ParentConfig) => readonly BuildStep[];
}

export type StageParent =
  | { readonly kind: 'image'; readonly image: ImageSource }
  | { readonly kind: 'stage'; readonly stage: number }
  | { readonly kind: 'scratch' };

/** What of a base's config its steps may depend on. */
export interface ParentConfig {
  readonly environment: Readonly<Record<string, string>>;
  readonly workingDir: string;
  readonly user: string | undefined;
  readonly shell: readonly string[] | undefined;
  /** Dockerfile instructions for images that are built on it, as written. */
  readonly onBuild: readonly string[];
}

/** For errors and progress. */
export interface BuildPlace {
  /** `Dockerfile`, or the stack file. */
  readonly file: string;
  /** From 1; of the typed form 0. */
  readonly line: number;
  /** The instruction as written, its heredocs left out: `RUN apt-get install -y curl`. */
  readonly text: string;
}

export type BuildStep = { readonly place: BuildPlace } & (RunStep | CopyStep | WorkdirStep | ConfigStep);

export interface RunStep {
  readonly do: 'run';
  /** With its shell. */
  readonly argv: readonly string[];
  /** Build arguments; the config's variables come with it anyway. In the cache key. */
  readonly environment: Readonly<Record<string, string>>;
  /** Variables beside them that are no part of the cache key. */
  readonly proxies?: Readonly<Record<string, string>>;
  readonly mounts: readonly RunMount[];
  readonly network: 'default' | 'none' | 'host';
}

export type RunMount =
  /** `sharing: locked` lets one step at a time use it, `private` makes a new one if it is in use. */
  | {
      readonly type: 'cache';
      readonly id: string;
      readonly target: string;
      readonly readOnly: boolean;
      readonly sharing: 'shared' | 'private' | 'locked';
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  | {
      readonly type: 'secret';
      readonly id: string;
      /** A file, or undefined: only in the variable. */
      readonly target: string | undefined;
      readonly variable: string | undefined;
      readonly required: boolean;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  /** Read-only unless `writable`; what is written is thrown away. */
  | {
      readonly type: 'bind';
      readonly from: CopyOrigin;
      readonly source: string;
      readonly target: string;
      readonly writable: boolean;
    }
  | { readonly type: 'tmpfs'; readonly target: string; readonly sizeBytes: number | undefined };

/** Where files come from. */
export type CopyOrigin =
  | { readonly kind: 'context' }
  /** One of the recipe's named contexts. */
  | { readonly kind: 'named-context'; readonly name: string }
  | { readonly kind: 'stage'; readonly stage: number }
  | { readonly kind: 'image'; readonly image: ImageSource };

export interface CopyStep {
  readonly do: 'copy';
  readonly sources: readonly CopySource[];
  /** Absolute. Ends with `/` if it was written so, or names a directory because there are several sources. */
  readonly target: string;
  /** `user[:group]`, names looked up in the stage. Undefined: 0:0 (of a stage or an image: as there). */
  readonly owner: string | undefined;
  /** Of files and directories alike. Undefined: as at the source. */
  readonly mode: number | undefined;
  readonly exclude: readonly string[];
  /** Keep the directories that lead to the sources (`COPY --parents`). */
  readonly parents: boolean;
}

export type CopySource =
  /** Patterns as of Go's path/filepath.Match. `unpack`: a local tar archive is extracted (ADD). */
  | { readonly kind: 'files'; readonly from: CopyOrigin; readonly pattern: string; readonly unpack: boolean }
  /** A heredoc. */
  | { readonly kind: 'content'; readonly name: string; readonly content: string }
  /** ADD. `checksum`: `sha256:…`. */
  | { readonly kind: 'url'; readonly url: string; readonly checksum: string | undefined };

/** Sets the working directory, and makes it. Absolute. */
export interface WorkdirStep {
  readonly do: 'workdir';
  readonly path: string;
}

export interface ConfigStep {
  readonly do: 'config';
  readonly change: ConfigChange;
}

/** What is absent stays as it is. Maps are added to, lists replaced but for ports and volumes, which are added to. */
export interface ConfigChange {
  readonly environment?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly user?: string;
  /** An entrypoint that is set discards the command of the base, not one that was set in this stage. */
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly exposedPorts?: readonly string[];
  readonly volumes?: readonly string[];
  readonly stopSignal?: string;
  readonly healthcheck?: ImageHealthcheck;
  readonly shell?: readonly string[];
  readonly onBuild?: readonly string[];
}
