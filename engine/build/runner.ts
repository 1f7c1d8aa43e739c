import type { RunStep } from '../model/build.ts';

/** What runs a step's command, in a container of its own. */
export interface BuildRunner {
  /**
   * Resolves when it has ended and all of it but its upper layer is gone, once `keep` has been called if it ended with 0.
   * @throws TsstackError: it could not be started; the signal's reason, with nothing left.
   */
  run(request: RunRequest): Promise<RunEnd>;
}

export interface RunRequest {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly workingDir: string;
  /** As in an image's config. */
  readonly user: string | undefined;
  /** The text of its /etc/passwd and /etc/group. */
  readonly passwd: string;
  readonly groupFile: string;
  /** Topmost first. */
  readonly lowerdirs: readonly string[];
  readonly mounts: readonly RunnerMount[];
  readonly network: RunStep['network'];
  readonly signal: AbortSignal;
  readonly onLine: (text: string) => void;
  /** Of a command that succeeded. `uidBase`: that host id is the container's 0. */
  readonly keep: (upper: { readonly directory: string; readonly uidBase: number | undefined }) => Promise<void>;
}

export type RunnerMount =
  | { readonly type: 'bind'; readonly source: string; readonly target: string; readonly readOnly: boolean }
  | { readonly type: 'tmpfs'; readonly target: string; readonly sizeBytes: number | undefined };

export interface RunEnd {
  /** 128 + n if a signal ended it. */
  readonly code: number;
  readonly oomKilled: boolean;
  /** Why it could not be started at all: the user's business, as a command that isn't there. */
  readonly error: string | undefined;
}
