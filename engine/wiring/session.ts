/** What one command holds of the host while it works: sockets, the launcher, the layout of cgroups. Each made when it is first needed. */
import { readFileSync } from 'node:fs';
import { type ImageStore, openImageStore } from '../image/image-store.ts';
import { detectCgroupLayout } from '../kernel/cgroups.ts';
import { findIptables, type IptablesPrograms } from '../kernel/iptables-programs.ts';
import { type Launcher, startLauncher } from '../kernel/launcher.ts';
import { type NetworkNamespaces, openNetworkNamespaces } from '../kernel/network-namespaces.ts';
import type { CgroupLayout } from '../model/cgroup.ts';
import type { ContainerName, StackIdentity } from '../model/ids.ts';
import { type HostPaths, imagesDirectory, type StackPaths, stackPaths, stageDirectory } from '../store/paths.ts';

/** Differs after a reboot (random(4), boot_id). */
export function readBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

export interface SessionOptions {
  readonly stack: StackIdentity;
  readonly host: HostPaths;
  /** Path of the launcher's binary. */
  readonly launcher: string;
}

export class Session implements AsyncDisposable {
  readonly stack: StackIdentity;
  readonly host: HostPaths;
  readonly paths: StackPaths;
  readonly launcherBinary: string;
  /** Warnings of the launcher, each once. */
  readonly warnings = new Set<string>();
  /** firewalld runs and doesn't take what we ask of it: not asked again before the next `up`, or before it comes anew. */
  firewalldFails = false;
  readonly #initPids = new Map<ContainerName, number>();
  #bootId: string | undefined;
  #cgroups: CgroupLayout | undefined;
  #namespaces: NetworkNamespaces | undefined;
  #launcher: Launcher | undefined;

  constructor({ stack, host, launcher }: SessionOptions) {
    this.stack = stack;
    this.host = host;
    this.paths = stackPaths(host, stack);
    this.launcherBinary = launcher;
  }

  get bootId(): string {
    this.#bootId ??= readBootId();
    return this.#bootId;
  }

  get cgroups(): CgroupLayout {
    this.#cgroups ??= detectCgroupLayout();
    return this.#cgroups;
  }

  /** Images of all stacks of this host. `signal` ends the opening, which may have to look after a crash of the machine. */
  async imageStore(signal: AbortSignal): Promise<ImageStore> {
    this.#imageStore ??= await openImageStore({ directory: imagesDirectory(this.host), launcherBinary: this.launcherBinary }, signal);
    return this.#imageStore;
  }
  #imageStore: ImageStore | undefined;

  /** The programs that keep this host's rules. Chosen once: what has rules of this stack goes on having them. */
  async iptables(signal: AbortSignal): Promise<IptablesPrograms> {
    this.#iptables ??= await findIptables({ environment: process.env, stackHash: this.stack.hash, signal });
    return this.#iptables;
  }
  #iptables: IptablesPrograms | undefined;

  get namespaces(): NetworkNamespaces {
    this.#namespaces ??= openNetworkNamespaces((name) => this.initPid(name));
    return this.#namespaces;
  }

  /** A new one if the one before has gone: whoever holds on to that one is told by its `ended`. */
  get launcher(): Launcher {
    if (this.#launcher !== undefined) return this.#launcher;
    const launcher = startLauncher({ binary: this.launcherBinary, stageDirectory: stageDirectory(this.host) });
    this.#launcher = launcher;
    launcher.ended.then(() => {
      if (this.#launcher === launcher) this.#launcher = undefined;
    });
    return launcher;
  }

  knowInit(name: ContainerName, pid: number): void {
    this.#initPids.set(name, pid);
  }

  /** Throws for a container that does not run: whoever asks wants to enter its namespaces. */
  initPid(name: ContainerName): number {
    const pid = this.#initPids.get(name);
    if (pid === undefined) throw new Error(`container ${name} has no init`);
    return pid;
  }

  /** Sockets in the namespaces of containers that may have been recreated since. */
  forgetNamespaces(): void {
    this.#namespaces?.[Symbol.dispose]();
    this.#namespaces = undefined;
  }

  /** A container whose init that was has ended: a socket in its network namespace would keep it, and the host end of its links. */
  leaveNamespace(name: ContainerName, initPid: number): void {
    if (this.#initPids.get(name) === initPid) this.#namespaces?.forget(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.forgetNamespaces();
    await this.#launcher?.[Symbol.asyncDispose]();
  }
}
