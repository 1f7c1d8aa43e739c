import { spawn } from 'node:child_process';
import { encodeRestore, parseSave, type TableChange } from '../codec/iptables.ts';
import { TsstackError } from '../model/errors.ts';
import type { TableState } from '../model/firewall.ts';
import type { Executors } from '../model/plan.ts';

export interface FirewallOptions {
  /** Put before each command, e.g. `['nsenter', '--net=/proc/7/ns/net']`. Default: this process's own network namespace. */
  readonly enter?: readonly string[];
}

/** What of ours is in the filter and nat tables. One `iptables-save`. */
export async function observeFirewall(
  stackHash: string,
  options: FirewallOptions & { readonly signal: AbortSignal },
): Promise<TableState[]> {
  const result = await run([...(options.enter ?? []), 'iptables-save'], { input: '', signal: options.signal });
  if (result.code !== 0) throw firewallError('cannot read the firewall', result.stderr);
  return parseSave(result.stdout, stackHash);
}

/** Changes of several tables that are asked for in the same turn of the event loop go into one process. */
export function firewallExecutors(options: FirewallOptions = {}): Pick<Executors, 'firewall.replace' | 'firewall.delete'> {
  let batch: Pending[] = [];
  const submit = (change: TableChange, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      if (batch.length === 0) {
        setImmediate(() => {
          const pending = batch;
          batch = [];
          void restore(pending, options.enter ?? []);
        });
      }
      batch.push({ change, signal, resolve, reject });
    });
  return {
    'firewall.replace': ({ table, observed }, signal) => submit({ table: table.table, desired: table, observed }, signal),
    'firewall.delete': ({ observed }, signal) => submit({ table: observed.table, desired: undefined, observed }, signal),
  };
}

/** For `doctor`: `1.8.9`, and which part of the kernel this iptables talks to. Undefined: there is none. */
export async function iptablesVersion(
  signal: AbortSignal,
): Promise<{ readonly version: string; readonly variant: 'nf_tables' | 'legacy' } | undefined> {
  try {
    const { stdout } = await run(['iptables-restore', '--version'], { input: '', signal });
    const [, version = 'unknown', variant] = /v(\S+)(?: \((\S+)\))?/.exec(stdout) ?? [];
    // Before 1.8 there was only the legacy one, and it did not say so.
    return { version, variant: variant === 'nf_tables' ? 'nf_tables' : 'legacy' };
  } catch (error) {
    if (error instanceof TsstackError && error.code === 'not-found') return undefined;
    throw error;
  }
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
async function restore(pending: readonly Pending[], enter: readonly string[]): Promise<void> {
  const input = encodeRestore(pending.map(({ change }) => change));
  const signal = AbortSignal.any(pending.map((one) => one.signal));
  try {
    const result = await run([...enter, 'iptables-restore', '--noflush', '--wait'], { input, signal });
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
    else reject(firewallError(`cannot change table \`${change.table}\` of the firewall`, stderr, text === 'COMMIT' ? undefined : text));
  });
}

function firewallError(what: string, stderr: string, line?: string): TsstackError {
  const said = stderr
    .split('\n')
    .map((text) => text.replace(/^iptables-\S+ v\S+ \(\S+\): /, '').trim())
    .filter((text) => text !== '' && !text.startsWith('Try `') && !text.startsWith('#'));
  const why = `${said.join('; ') || 'iptables gave no reason'}${line === undefined || line === '' ? '' : ` (in \`${line}\`)`}`;
  const denied = /permission denied|not permitted/i.test(stderr);
  return new TsstackError(`${what}: ${why}`, {
    code: denied ? 'permission' : 'kernel',
    hint: denied ? 'the firewall needs root (CAP_NET_ADMIN)' : undefined,
  });
}

interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Rejects with TsstackError if the program is not there, with the abort's reason if aborted. */
function run(argv: readonly string[], options: { readonly input: string; readonly signal: AbortSignal }): Promise<Result> {
  const [program = '', ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { signal: options.signal, env: { ...process.env, LC_ALL: 'C' } });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', (error) => reject(options.signal.aborted ? options.signal.reason : cannotStart(program, error)));
    child.on('close', (code) => resolve({ code, stdout, stderr }));
    // It may end without reading its input; then its exit code and stderr say why.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input);
  });
}

function cannotStart(program: string, cause: Error): TsstackError {
  const absent = 'code' in cause && cause.code === 'ENOENT';
  return new TsstackError(`cannot run \`${program}\`: ${absent ? 'it is not installed, or not in PATH' : cause.message}`, {
    code: absent ? 'not-found' : 'kernel',
    hint: absent ? 'install it with `apt-get install iptables`; networks and published ports need it' : undefined,
    cause,
  });
}
