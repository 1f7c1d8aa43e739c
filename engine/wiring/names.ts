/** The DNS server of a stack, put together: what is desired and what runs go in, notices come out. */
import { socketHolders } from '../kernel/host-facts-holders.ts';
import { listeningSockets } from '../kernel/host-facts-network.ts';
import type { ContainerName } from '../model/ids.ts';
import { type NameTable, NO_NAMES } from '../model/names.ts';
import type { Desired } from '../model/resources.ts';
import { NameServer } from '../names/server.ts';
import { meets } from '../plan/port-holders.ts';
import { SharedNames } from './names-shared.ts';
import { hostNameservers } from './names-upstream.ts';
import type { Session } from './session.ts';

export interface StackNamesOptions {
  readonly session: Pick<Session, 'host' | 'stack'>;
  /** Undefined: nothing. */
  readonly desired: () => Desired | undefined;
  readonly isRunning: (container: ContainerName) => boolean;
  readonly onNotice: (message: string) => unknown;
}

export class StackNames implements AsyncDisposable {
  readonly #options: StackNamesOptions;
  readonly #server: NameServer;
  readonly #shared: SharedNames;
  /** Addresses whose holder has been told. */
  readonly #refused = new Set<string>();

  constructor(options: StackNamesOptions) {
    this.#options = options;
    const { session, isRunning, onNotice } = options;
    this.#shared = new SharedNames({ host: session.host, stack: session.stack, onNotice });
    this.#server = new NameServer({
      table: () => this.#table,
      foreign: () => this.#shared.foreign,
      isRunning,
      hostServers: hostNameservers(),
      onRefused: (address, error) => this.#tellRefusal(address, error),
    });
  }

  /** Who runs, or what is desired, has changed: others are told. What is answered here has changed by itself. */
  changed(): void {
    try {
      this.#shared.publish(this.#table, this.#options.isRunning);
    } catch (error) {
      // A full disk, say: no reason for a container not to start.
      this.#options.onNotice(`cannot tell other stacks who is on shared networks: ${error instanceof Error ? error.message : error}`);
    }
  }

  /** Before a container starts, and after each look: listens where there are bridges by now. Resolves when it does; never rejects. */
  async listen(): Promise<void> {
    this.changed();
    await this.#server.listen();
    for (const address of this.#server.listening) this.#refused.delete(address);
  }

  /** Others go on knowing who runs here, as the containers go on. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#shared[Symbol.dispose]();
    await this.#server[Symbol.asyncDispose]();
  }

  get #table(): NameTable {
    return this.#options.desired()?.names ?? NO_NAMES;
  }

  #tellRefusal(address: string, error: NodeJS.ErrnoException): void {
    // The bridge isn't there, or hasn't its address: the next look brings both.
    if (error.code === 'EADDRNOTAVAIL' || this.#refused.has(address)) return;
    this.#refused.add(address);
    const why = error.code === 'EADDRINUSE' ? `port 53 is taken by ${holderOf(address)}` : error.message;
    this.#options.onNotice(`cannot answer for names on \`${address}\`: ${why}; there, only names in /etc/hosts work`);
  }
}

function holderOf(address: string): string {
  const sockets = listeningSockets().filter((socket) => socket.port === 53 && meets(address, { address: socket.address, dual: true }));
  const holders = socketHolders(sockets.map(({ inode }) => inode));
  return [...new Set(sockets.flatMap(({ inode }) => holders.get(inode) ?? []))].join(', ') || 'somebody else';
}
