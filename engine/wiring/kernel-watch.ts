/** Hears of changes in the kernel that may concern one stack. What was changed and whether it matters is for observing to say. */
import { readContainerStatus } from '../kernel/container-status.ts';
import { type FileWatches, watchFiles } from '../kernel/file-watches.ts';
import { observeLinks } from '../kernel/links.ts';
import type { ProcessIdentity } from '../model/container.ts';
import type { ContainerName } from '../model/ids.ts';
import type { KernelEvent } from '../model/kernel-events.ts';
import type { Desired } from '../model/resources.ts';
import { nameFromMark } from '../plan/names.ts';
import type { Session } from './session.ts';
import { watchedPaths } from './watched-paths.ts';

export interface KernelWatchOptions {
  readonly onChange: () => void;
  /** It forwards what the kernel says. */
  readonly onLauncherGone: () => void;
  readonly onNotice: (message: string) => void;
}

export class KernelWatch implements Disposable {
  readonly #session: Session;
  readonly #options: KernelWatchOptions;
  readonly #containers = new Map<ContainerName, ProcessIdentity>();
  readonly #files: FileWatches;
  #links: ReadonlySet<number> = new Set();
  #over = false;

  constructor(session: Session, options: KernelWatchOptions) {
    this.#session = session;
    this.#options = options;
    this.#files = watchFiles(() => options.onChange());
  }

  /** Also after the launcher has been replaced. */
  begin(): void {
    const { launcher } = this.#session;
    this.#containers.clear();
    launcher
      .subscribe((event) => this.#heard(event))
      .then(
        ({ warnings }) => {
          for (const warning of warnings) this.#options.onNotice(warning);
        },
        (error: unknown) => this.#tell(error),
      );
    launcher.ended.then(() => {
      if (!this.#over) this.#options.onLauncherGone();
    });
  }

  /** What runs now, and what is wanted of files. */
  update(desired: Desired | undefined): void {
    const { session, running } = { session: this.#session, running: this.#running(desired) };
    for (const name of [...this.#containers.keys()]) if (!running.has(name)) this.#containers.delete(name);
    for (const [name, init] of running) {
      const known = this.#containers.get(name);
      if (known?.pid === init.pid && known.startTime === init.startTime) continue;
      this.#containers.set(name, init);
      session.launcher.subscribeContainer(name, init).catch((error: unknown) => this.#tell(error));
    }
    const names = new Set(desired?.resources.flatMap((resource) => (resource.kind === 'link' ? [resource.spec.ifname] : [])));
    // One that has a name of ours and not our mark stands in the way: that it goes is what a repair waits for.
    const links = observeLinks(session.namespaces.host).filter(
      ({ ifname, ifalias }) => names.has(ifname) || nameFromMark(session.stack, ifalias) !== undefined,
    );
    this.#links = new Set(links.map(({ ifindex }) => ifindex));
    this.#setFiles(desired);
  }

  [Symbol.dispose](): void {
    this.#over = true;
    this.#files[Symbol.dispose]();
  }

  #setFiles(desired: Desired | undefined): void {
    try {
      this.#files.set(desired === undefined ? new Set() : watchedPaths(desired, this.#session.cgroups));
    } catch (error) {
      this.#tell(error);
    }
  }

  #running(desired: Desired | undefined): ReadonlyMap<ContainerName, ProcessIdentity> {
    const { paths, bootId } = this.#session;
    const running = new Map<ContainerName, ProcessIdentity>();
    for (const resource of desired?.resources ?? []) {
      if (resource.kind !== 'container') continue;
      const { state, init } = readContainerStatus(`${paths.containers}/${resource.spec.name}`, bootId);
      if (state === 'running' && init) running.set(resource.spec.name, init);
    }
    return running;
  }

  /** Other stacks' links come and go, and are no business of ours. */
  #heard(event: KernelEvent): void {
    if ('netns' in event && event.netns.in === 'host' && 'ifindex' in event && event.kind !== 'netconf') {
      if (!this.#links.has(event.ifindex)) return;
    }
    this.#options.onChange();
  }

  #tell(error: unknown): void {
    if (!this.#over) this.#options.onNotice(error instanceof Error ? error.message : String(error));
  }
}
