import { encodeRestore, type TableChange, tableName } from '../codec/iptables.ts';
import { parseSave } from '../codec/iptables-save.ts';
import { TsstackError } from '../model/errors.ts';
import type { IptablesTable, TableState } from '../model/firewall.ts';
import type { Executors } from '../model/plan.ts';
import { run } from './firewall-program.ts';
import { type IptablesPrograms, PLAIN_IPTABLES } from './iptables-programs.ts';

export interface FirewallOptions {
  /** Put before each command, e.g. `['nsenter', '--net=/proc/7/ns/net']`. Default: this process's own network namespace. */
  readonly enter?: readonly string[];
  /** Default: what PATH has. */
  readonly programs?: (signal: AbortSignal) => Promise<IptablesPrograms>;
}

/** What of ours is in the filter and nat tables. One `iptables-save`, and with `ipv6` one `ip6tables-save` beside it. */
export async function observeFirewall(
  stackHash: string,
  options: FirewallOptions & { readonly ipv6?: boolean; readonly signal: AbortSignal },
): Promise<TableState[]> {
  const programs = await (options.programs?.(options.signal) ?? PLAIN_IPTABLES);
  const families = options.ipv6 ? (['ipv4', 'ipv6'] as const) : (['ipv4'] as const);
  const states = families.map(async (family) => {
    const result = await run([...(options.enter ?? []), programs[family].save], { input: '', signal: options.signal });
    if (result.code !== 0) throw firewallError('cannot read the firewall', result.stderr);
    return parseSave(result.stdout, stackHash, family);
  });
  return (await Promise.all(states)).flat();
}

/** Changes of several tables that are asked for in the same turn of the event loop go into one process a family. */
export function firewallExecutors(options: FirewallOptions = {}): Pick<Executors, 'firewall.replace' | 'firewall.delete'> {
  let batch: Pending[] = [];
  const submit = (change: TableChange, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      if (batch.length === 0) {
        setImmediate(() => {
          const pending = batch;
          batch = [];
          for (const family of ['ipv4', 'ipv6'] as const) {
            const some = pending.filter((one) => familyOf(one.change.table) === family);
            if (some.length > 0) void restore(some, { ...options, family });
          }
        });
      }
      batch.push({ change, signal, resolve, reject });
    });
  return {
    'firewall.replace': ({ table, observed }, signal) => submit({ table: table.table, desired: table, observed }, signal),
    'firewall.delete': ({ observed }, signal) => submit({ table: observed.table, desired: undefined, observed }, signal),
  };
}

function familyOf(table: IptablesTable): 'ipv4' | 'ipv6' {
  return table.endsWith('6') ? 'ipv6' : 'ipv4';
}

interface Pending {
  readonly change: TableChange;
  readonly signal: AbortSignal;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Settles every pending change, never rejects.
 * `--wait`: the legacy variant has a host-wide lock. The nf_tables one has generations instead, and repeats what another process has overtaken.
 */
async function restore(
  pending: readonly Pending[],
  { enter = [], programs, family }: FirewallOptions & { readonly family: 'ipv4' | 'ipv6' },
): Promise<void> {
  const input = encodeRestore(pending.map(({ change }) => change));
  const signal = AbortSignal.any(pending.map((one) => one.signal));
  try {
    const program = (await (programs?.(signal) ?? PLAIN_IPTABLES))[family].restore;
    const result = await run([...enter, program, '--noflush', '--wait'], { input, signal });
    if (result.code === 0) for (const { resolve } of pending) resolve();
    else settleFailed(pending, { input, stderr: result.stderr });
  } catch (error) {
    for (const { reject } of pending) reject(error);
  }
}

/** Tables are committed one after the other: those before the one with the bad line are done, those after it were not begun. */
function settleFailed(pending: readonly Pending[], failure: { readonly input: string; readonly stderr: string }): void {
  const { input, stderr } = failure;
  const line = Number(/line:? (\d+)/.exec(stderr)?.[1] ?? 0);
  const lines = input.split('\n');
  // The nf_tables variant checks some rules at COMMIT only and then names that line: still the right table.
  const failed = lines.slice(0, Math.max(0, line - 1)).filter((text) => text === 'COMMIT').length;
  const text = lines[line - 1];
  pending.forEach(({ change, resolve, reject }, index) => {
    if (line > 0 && index < failed) resolve();
    else
      reject(
        firewallError(
          `cannot change table \`${tableName(change.table)}\` of the ${familyOf(change.table) === 'ipv6' ? 'IPv6 ' : ''}firewall`,
          stderr,
          text === 'COMMIT' ? undefined : text,
        ),
      );
  });
}

function firewallError(what: string, stderr: string, line?: string): TsstackError {
  const said = stderr
    .split('\n')
    .map((text) => text.replace(/^ip6?tables-\S+ v\S+ \(\S+\): /, '').trim())
    .filter((text) => text !== '' && !text.startsWith('Try `') && !text.startsWith('#'));
  const why = `${said.join('; ') || 'iptables gave no reason'}${line === undefined || line === '' ? '' : ` (in \`${line}\`)`}`;
  const denied = /permission denied|not permitted/i.test(stderr);
  return new TsstackError(`${what}: ${why}`, {
    code: denied ? 'permission' : 'kernel',
    hint: denied ? 'the firewall needs root (CAP_NET_ADMIN)' : undefined,
  });
}
