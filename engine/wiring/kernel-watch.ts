/** Hears of changes in the kernel that may concern one stack. What was changed and whether it matters is for observing to say. */
import { existsSync } from 'node:fs';
import { readContainerStatus } from '../kernel/container-status.ts';
import { type FileWatches, watchFiles } from '../kernel/file-watches.ts';
import { observeLinks } from '../kernel/links.ts';
import { readOomCount } from '../kernel/oom-count.ts';
import type { ProcessIdentity } from '../model/container.ts';
import type { ContainerName } from '../model/ids.ts';
import type { KernelEvent } from '../model/kernel-events.ts';
import type { Desired, LinkSpec } from '../model/resources.ts';
import { nameFromMark } from '../plan/names.ts';
import { OomKills } from '../supervise/oom-kills.ts';
import { SYSTEM_CLOCK } from './await.ts';
import { LegacyTables } from './legacy-tables.ts';
import type { Session } from './session.ts';
import { watchedPaths } from './watched-paths.ts';

export interface KernelWatchOptions {
  readonly onChange: () => void;
  /** It forwards what the kernel says. */
  readonly onLauncherGone: () => void;
  readonly onNotice: (message: string) => void;
  /** So many processes of a container were killed for want of memory. */
  readonly onOom: (container: ContainerName, kills: number) => void;
}

interface Subscribed {
  readonly init: ProcessIdentity;
  /** Undefined: nobody counts its OOM kills. */
  readonly oomFile: string | undefined;
}

export class KernelWatch implements Disposable {
  readonly #session: Session;
  readonly #options: KernelWatchOptions;
  readonly #containers = new Map<ContainerName, Subscribed>();
  readonly #files: FileWatches;
  readonly #oom: OomKills;
  readonly #tables: LegacyTables;
  #links: ReadonlySet<number> = new Set();
  #over = false;

  constructor(session: Session, options: KernelWatchOptions) {
    this.#session = session;
    this.#options = options;
    this.#files = watchFiles(() => options.onChange());
    this.#oom = new OomKills({ clock: SYSTEM_CLOCK, count: (file) => this.#tolerant(() => readOomCount(file)), onKills: options.onOom });
    this.#tables = new LegacyTables({
      iptables: (signal) => session.iptables(signal),
      launcher: () => session.launcher,
      onChange: options.onChange,
      onError: (error) => this.#tell(error),
    });
  }

  /** Also after the launcher has been replaced. */
  begin(): void {
    const { launcher } = this.#session;
    this.#containers.clear();
    this.#tables.forget();
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
    for (const [name, subscribed] of running) if (!sameAs(this.#containers.get(name), subscribed)) this.#subscribe(name, subscribed);
    const names = new Set(desired?.resources.flatMap((resource) => (resource.kind === 'link' ? [onHost(resource.spec)] : [])));
    // One that has a name of ours and not our mark stands in the way: that it goes is what a repair waits for.
    const links = observeLinks(session.namespaces.host).filter(
      ({ ifname, ifalias }) => names.has(ifname) || nameFromMark(session.stack, ifalias) !== undefined,
    );
    this.#links = new Set(links.map(({ ifindex }) => ifindex));
    this.#tolerant(() => this.#files.set(desired === undefined ? new Set() : watchedPaths(desired, session.cgroups)));
    this.#tables.set(
      desired?.resources.flatMap((one) => (one.kind === 'firewall' && one.spec.chains.length > 0 ? [one.spec.table] : [])) ?? [],
    );
  }

  [Symbol.dispose](): void {
    this.#over = true;
    this.#oom[Symbol.dispose]();
    this.#tables[Symbol.dispose]();
    this.#files[Symbol.dispose]();
  }

  #subscribe(name: ContainerName, subscribed: Subscribed): void {
    const { init, oomFile } = subscribed;
    this.#containers.set(name, subscribed);
    if (oomFile !== undefined) this.#oom.follow(name, oomFile);
    this.#session.launcher.subscribeContainer(name, init, oomFile).then(
      ({ warnings }) => {
        for (const warning of warnings) this.#options.onNotice(warning);
        // What was killed before there was anybody to tell.
        this.#oom.look(name);
      },
      (error: unknown) => this.#tell(error),
    );
  }

  #running(desired: Desired | undefined): ReadonlyMap<ContainerName, Subscribed> {
    const { paths, bootId } = this.#session;
    const running = new Map<ContainerName, Subscribed>();
    for (const resource of desired?.resources ?? []) {
      if (resource.kind !== 'container') continue;
      const { state, init } = readContainerStatus(`${paths.containers}/${resource.spec.name}`, bootId);
      if (state !== 'running' || !init) continue;
      const { oomFile } = resource.spec.record.launch;
      // A limit may have been declared since, and not be there yet.
      running.set(resource.spec.name, { init, oomFile: oomFile !== undefined && existsSync(oomFile) ? oomFile : undefined });
    }
    return running;
  }

  /** Other stacks' links come and go, and are no business of ours. */
  #heard(event: KernelEvent): void {
    if (event.kind === 'oom') {
      this.#oom.heard(event.container);
      return;
    }
    if ('netns' in event && event.netns.in === 'host' && 'ifindex' in event && event.kind !== 'netconf') {
      if (!this.#links.has(event.ifindex)) return;
    }
    this.#options.onChange();
  }

  #tolerant<T>(act: () => T): T | undefined {
    try {
      return act();
    } catch (error) {
      this.#tell(error);
      return undefined;
    }
  }

  #tell(error: unknown): void {
    if (!this.#over) this.#options.onNotice(error instanceof Error ? error.message : String(error));
  }
}

/** Of a link that is in a container alone, what it is on. */
function onHost(link: LinkSpec): string {
  return link.type === 'macvlan' ? link.parent : link.ifname;
}

function sameAs(a: Subscribed | undefined, b: Subscribed): boolean {
  return a?.init.pid === b.init.pid && a.init.startTime === b.init.startTime && a.oomFile === b.oomFile;
}
