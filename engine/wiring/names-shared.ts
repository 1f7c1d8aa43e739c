/**
 * Who is on networks that several stacks share. Each stack's supervisor writes down who of it runs there, and hears of what the others write:
 *
 *   <run>/names/shop-3f9a1c2e@front/shop-3f9a1c2e.json    one file a stack, replaced whole by rename(2)
 *                                  /tools-5b1f0a77.json
 *
 * A stack has its file as long as it shares the network, be it with nobody of it on it: so the directory stays, and with it the watches on it.
 */
import fs from 'node:fs';
import { unlessErrno } from '../kernel/system-error.ts';
import type { ContainerName, StackIdentity } from '../model/ids.ts';
import type { NamedMember, NameTable } from '../model/names.ts';
import type { HostPaths } from '../store/paths.ts';
import { removeIfEmpty } from './empty-directory.ts';

export interface SharedNamesOptions {
  readonly host: Pick<HostPaths, 'runDirectory'>;
  readonly stack: Pick<StackIdentity, 'id'>;
  readonly onNotice: (message: string) => void;
}

type Foreign = Readonly<Record<string, readonly NamedMember[]>>;

interface SharedNetwork {
  readonly directory: string;
  readonly watcher: fs.FSWatcher;
  /** Content of our own file. */
  written: string;
}

interface MembersFile {
  readonly version: 1;
  readonly members: readonly NamedMember[];
}

export class SharedNames implements Disposable {
  readonly #options: SharedNamesOptions;
  /** By the name that the network has in this stack. */
  readonly #networks = new Map<string, SharedNetwork>();
  #foreign: Foreign = {};
  #isOutdated = false;

  constructor(options: SharedNamesOptions) {
    this.#options = options;
  }

  /** Network → members of other stacks. The same object until something changes. */
  get foreign(): Foreign {
    if (this.#isOutdated) {
      this.#isOutdated = false;
      this.#foreign = Object.fromEntries([...this.#networks].map(([name, { directory }]) => [name, this.#membersIn(directory)]));
    }
    return this.#foreign;
  }

  /** Tells others who of this stack runs. What it shares no more, it takes back. */
  publish({ networks }: NameTable, isRunning: (container: ContainerName) => boolean): void {
    for (const [name, { directory }] of [...this.#networks]) {
      if (directoryOf(this.#options.host, networks[name]?.shared) !== directory) this.#leave(name);
    }
    for (const [name, { shared, members }] of Object.entries(networks)) {
      const directory = directoryOf(this.#options.host, shared);
      if (directory === undefined) continue;
      const file: MembersFile = { version: 1, members: members.filter(({ container }) => isRunning(container)) };
      this.#write(name, directory, JSON.stringify(file));
    }
  }

  [Symbol.dispose](): void {
    for (const { watcher } of this.#networks.values()) watcher.close();
    this.#networks.clear();
  }

  #write(name: string, directory: string, text: string): void {
    if (this.#networks.get(name)?.written === text) return;
    const path = `${directory}/${this.#options.stack.id}.json`;
    for (;;) {
      const network = this.#networks.get(name) ?? this.#join(name, directory);
      try {
        fs.writeFileSync(`${path}.new`, text, { mode: 0o600 });
        fs.renameSync(`${path}.new`, path);
        network.written = text;
        return;
      } catch (error) {
        // Who left last has removed it between our making it and our file in it.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
        network.watcher.close();
        this.#networks.delete(name);
      }
    }
  }

  #join(name: string, directory: string): SharedNetwork {
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
    const watcher = fs.watch(directory, { persistent: false }, () => {
      this.#isOutdated = true;
    });
    watcher.on('error', (error) =>
      this.#options.onNotice(`names of other stacks on \`${name}\` aren't followed any more: ${error.message}`),
    );
    const network = { directory, watcher, written: '' };
    this.#networks.set(name, network);
    this.#isOutdated = true;
    return network;
  }

  #leave(name: string): void {
    const network = this.#networks.get(name);
    if (!network) return;
    network.watcher.close();
    this.#networks.delete(name);
    this.#isOutdated = true;
    removeFileOf(network.directory, this.#options.stack);
    removeIfEmpty(namesDirectory(this.#options.host));
  }

  #membersIn(directory: string): readonly NamedMember[] {
    const files = unlessErrno(['ENOENT'], () => fs.readdirSync(directory)) ?? [];
    return files
      .filter((file) => file.endsWith('.json') && file !== `${this.#options.stack.id}.json`)
      .sort()
      .flatMap((file) => this.#read(`${directory}/${file}`));
  }

  #read(path: string): readonly NamedMember[] {
    const text = unlessErrno(['ENOENT'], () => fs.readFileSync(path, 'utf8'));
    if (text === undefined) return [];
    try {
      const { version, members } = JSON.parse(text) as MembersFile;
      return version === 1 ? members : [];
    } catch (error) {
      this.#options.onNotice(`cannot read \`${path}\`, names of another stack: ${error instanceof Error ? error.message : error}`);
      return [];
    }
  }
}

/** Of a stack that is taken down, whoever does it. */
export function forgetSharedNames({ host, stack }: Pick<SharedNamesOptions, 'host' | 'stack'>): void {
  const directory = namesDirectory(host);
  const networks = unlessErrno(['ENOENT'], () => fs.readdirSync(directory)) ?? [];
  for (const network of networks) removeFileOf(`${directory}/${network}`, stack);
  removeIfEmpty(directory);
}

function removeFileOf(directory: string, { id }: Pick<StackIdentity, 'id'>): void {
  for (const path of [`${directory}/${id}.json`, `${directory}/${id}.json.new`]) fs.rmSync(path, { force: true });
  removeIfEmpty(directory);
}

function namesDirectory({ runDirectory }: Pick<HostPaths, 'runDirectory'>): string {
  return `${runDirectory}/names`;
}

/** `shop-3f9a1c2e/front` is one name in a directory. */
function directoryOf(host: Pick<HostPaths, 'runDirectory'>, shared: string | undefined): string | undefined {
  return shared === undefined ? undefined : `${namesDirectory(host)}/${shared.replaceAll('/', '@')}`;
}
