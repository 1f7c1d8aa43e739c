/**
 * All that the launcher must know to make one container, in the kernel's own terms. `engine/codec/launch-options.ts`
 * turns it into the launcher's options. Paths absolute; strings without NUL.
 */
export interface LaunchSpec {
  /** Folder of the container: the monitor keeps `status` here. */
  readonly directory: string;
  /** The file the monitor writes output to. */
  readonly logFile: string;
  /** Bytes after which the log is rotated to `<logFile>.1`. */
  readonly logMaxBytes: number;
  readonly hostname: string;
  /** Whose network namespace. `join`: that of a running container, by the pid of its init when it is launched. Absent: a new one. */
  readonly network?: { readonly kind: 'host' } | { readonly kind: 'join'; readonly container: string };
  /** Undefined: the host's user namespace. Container ids 0 … size-1 are host ids base … base+size-1. */
  readonly idMap: { readonly base: number; readonly size: number } | undefined;
  /** Overlay: topmost first. At least one. */
  readonly lowerdirs: readonly string[];
  readonly upperdir: string;
  readonly workdir: string;
  readonly readOnlyRoot: boolean;
  /** In order; each target is made if it is not there. */
  readonly mounts: readonly LaunchMount[];
  /** Paths hidden, as `linux.maskedPaths` of the OCI runtime spec. */
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
  /** Inside the new namespaces, path under /proc/sys → value. */
  readonly sysctls: Readonly<Record<string, string>>;
  /** v2 cgroup directory the process is born in, if there is a v2 hierarchy. */
  readonly cgroupUnified: string | undefined;
  /** v1 cgroup directories it is put in. */
  readonly cgroupLegacy: readonly string[];
  /** File that counts OOM kills on a line `oom_kill N`: v2 `memory.events`, v1 `memory.oom_control`. */
  readonly oomFile: string | undefined;
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
  /** Capability numbers kept in the bounding set (and, for uid 0, permitted and effective). */
  readonly capabilities: readonly number[];
  /** File of a compiled classic BPF program (an array of `struct sock_filter`); undefined: no filter. */
  readonly seccompFile: string | undefined;
  readonly workingDir: string;
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly init: boolean;
  /** Signal number. */
  readonly stopSignal: number;
}

export type LaunchMount =
  /** A host path, recursively unless it is a file. idmapped when there is an idMap. */
  | {
      readonly type: 'bind';
      readonly source: string;
      readonly target: string;
      readonly readOnly: boolean;
      /** Made as a directory before the launch if it is not there. The launcher itself never makes one. */
      readonly createSource?: boolean;
    }
  | {
      readonly type: 'tmpfs';
      readonly target: string /** mount(2) data: `mode=1777,size=65536k` */;
      readonly data: string;
      readonly readOnly: boolean;
    }
  /** A small read-only file made in memory, e.g. `/etc/hostname`. */
  | { readonly type: 'content'; readonly content: string; readonly target: string };
