import { encodeNftChange, encodeNftDelete, encodeNftTable, parseNftTable } from '../codec/nftables.ts';
import { TsstackError } from '../model/errors.ts';
import type { NftablesState } from '../model/nftables.ts';
import type { Executors } from '../model/plan.ts';
import { run } from './firewall-program.ts';

export interface NftablesOptions {
  /** Put before each command, e.g. `['nsenter', '--net=/proc/7/ns/net']`. Default: this process's own network namespace. */
  readonly enter?: readonly string[];
}

/** A table of family `inet` with all that is in it. One `nft`. Undefined: it isn't there. Throws TsstackError. */
export async function observeNftables(
  name: string,
  options: NftablesOptions & { readonly signal: AbortSignal },
): Promise<NftablesState | undefined> {
  const argv = [...(options.enter ?? []), 'nft', '-j', 'list', 'table', 'inet', name];
  const { code, stdout, stderr } = await run(argv, { input: '', signal: options.signal });
  if (code === 0) return parseNftTable(stdout);
  if (/No such file or directory/.test(stderr)) return undefined;
  throw nftablesError('cannot read the firewall', stderr);
}

export type NftablesExecutors = Pick<Executors, 'nftables.replace' | 'nftables.update' | 'nftables.delete'>;

/** Each op is one transaction. */
export function nftablesExecutors({ enter = [] }: NftablesOptions = {}): NftablesExecutors {
  const commit = async (name: string, input: string, signal: AbortSignal): Promise<void> => {
    const { code, stderr } = await run([...enter, 'nft', '-f', '-'], { input, signal });
    if (code !== 0) throw nftablesError(`cannot change table \`${name}\` of the firewall`, stderr);
  };
  return {
    'nftables.replace': ({ table }, signal) => commit(table.name, encodeNftTable(table), signal),
    async 'nftables.update'({ table, change }, signal) {
      try {
        await commit(change.name, encodeNftChange(change), signal);
      } catch (error) {
        signal.throwIfAborted();
        // What it builds on is there no more: somebody has changed it since it was observed. The whole table never depends on that.
        if (error instanceof TsstackError && error.code === 'kernel') await commit(table.name, encodeNftTable(table), signal);
        else throw error;
      }
    },
    'nftables.delete': ({ name }, signal) => commit(name, encodeNftDelete(name), signal),
  };
}

/** The first of what nft complains about: with one bad line, lines that build on it are bad, too. */
function nftablesError(what: string, stderr: string): TsstackError {
  const said = stderr
    .split('\n')
    .filter((line) => line.includes('Error:'))
    .map((line) => line.replace(/^.*?Error: /, '').trim());
  const denied = /not permitted|permission denied/i.test(stderr);
  return new TsstackError(`${what}: ${said[0] ?? (stderr.trim() || 'nft gave no reason')}`, {
    code: denied ? 'permission' : 'kernel',
    hint: denied ? 'the firewall needs root (CAP_NET_ADMIN)' : undefined,
  });
}
