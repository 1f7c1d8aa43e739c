import type { IptablesPrograms } from '../kernel/iptables-programs.ts';
import type { Launcher } from '../kernel/launcher.ts';
import type { IptablesTable } from '../model/firewall.ts';

export interface LegacyTablesOptions {
  readonly iptables: (signal: AbortSignal) => Promise<IptablesPrograms>;
  readonly launcher: () => Pick<Launcher, 'watchTables'>;
  /** They may have changed until they were watched. */
  readonly onChange: () => void;
  readonly onError: (error: unknown) => void;
}

/** Has the tables that hold our rules watched, if this host's iptables is the legacy one, which has no events. */
export class LegacyTables implements Disposable {
  readonly #options: LegacyTablesOptions;
  readonly #over = new AbortController();
  #watched = '';

  constructor(options: LegacyTablesOptions) {
    this.#options = options;
  }

  set(tables: readonly IptablesTable[]): void {
    const wanted = [...tables].sort();
    if (wanted.join() === this.#watched) return;
    this.#watched = wanted.join();
    this.#watch(wanted).catch((error: unknown) => {
      if (!this.#over.signal.aborted) this.#options.onError(error);
    });
  }

  /** Another launcher knows nothing of it. */
  forget(): void {
    this.#watched = '';
  }

  [Symbol.dispose](): void {
    this.#over.abort();
  }

  async #watch(wanted: readonly IptablesTable[]): Promise<void> {
    const { signal } = this.#over;
    const iptables = wanted.length === 0 ? undefined : await this.#options.iptables(signal);
    if (signal.aborted || wanted.join() !== this.#watched) return;
    await this.#options.launcher().watchTables(iptables?.variant === 'legacy' ? wanted : []);
    if (iptables?.variant === 'legacy') this.#options.onChange();
  }
}
