import type { OomCount } from '../model/cgroup.ts';
import type { ContainerName } from '../model/ids.ts';
import type { Clock } from './health.ts';

export interface OomKillsOptions {
  readonly clock: Clock;
  /** Undefined: the cgroup is gone. Must not throw. */
  readonly count: (oomFile: string) => OomCount | undefined;
  /** So many since the last time. */
  readonly onKills: (container: ContainerName, kills: number) => void;
}

/**
 * What containers have lost for want of memory, each kill told once. The kernel's events only say that there may be something; its count
 * says what, and goes on over restarts of the container and of whoever listens.
 */
export class OomKills implements Disposable {
  readonly #options: OomKillsOptions;
  readonly #known = new Map<ContainerName, Known>();
  readonly #looking = new Map<ContainerName, AbortController>();

  constructor(options: OomKillsOptions) {
    this.#options = options;
  }

  /** To be called before its events are listened to: what is counted by then is old, if the container hasn't been known here before. */
  follow(name: ContainerName, oomFile: string): void {
    const known = this.#known.get(name);
    if (known?.oomFile === oomFile) return;
    this.#known.set(name, { oomFile, ...(this.#options.count(oomFile) ?? NONE) });
  }

  /** Tells what has come since the last look. */
  look(name: ContainerName): void {
    const known = this.#known.get(name);
    const now = known && this.#options.count(known.oomFile);
    if (!known || !now) return;
    const before = known.cgroup === now.cgroup ? known.kills : 0;
    this.#known.set(name, { oomFile: known.oomFile, ...now });
    if (now.kills > before) this.#options.onKills(name, now.kills - before);
  }

  /** The kernel has told that it ran out of memory. */
  heard(name: ContainerName): void {
    this.look(name);
    if (!this.#known.get(name)?.late) return;
    this.#looking.get(name)?.abort();
    const over = new AbortController();
    this.#looking.set(name, over);
    void this.#lookAgain(name, over.signal);
  }

  [Symbol.dispose](): void {
    for (const over of this.#looking.values()) over.abort();
    this.#looking.clear();
  }

  async #lookAgain(name: ContainerName, signal: AbortSignal): Promise<void> {
    for (const delay of LATE_MS) {
      const slept = await this.#options.clock.sleep(delay, signal).then(
        () => true,
        () => false,
      );
      // By the next event, which begins anew, or at the end.
      if (!slept) return;
      this.look(name);
    }
    this.#looking.delete(name);
  }
}

interface Known extends OomCount {
  readonly oomFile: string;
}

const NONE: OomCount = { cgroup: 0n, kills: 0, late: false };

/**
 * The kernel chooses a victim and reports on the console before it counts; while it does, other processes of the cgroup may run out of
 * memory without another event (mm/memcontrol-v1.c, memcg1_oom_trylock). Nothing tells of the count itself. Of 40 kills on 6.18, 30 were counted at the first look, the last after 10 ms.
 */
const LATE_MS = [5, 20, 80, 320, 1280];
