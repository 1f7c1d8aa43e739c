/** Zones of firewalld: read from the chain that its backend makes, changed by its own command, which keeps what is given to it until it ends. */
import { type FirewalldZones, parseInputZones, parseSavedInputZones } from '../codec/firewalld.ts';
import type { FirewallSurvey } from '../model/firewall-survey.ts';
import type { Executors } from '../model/plan.ts';
import { run } from './firewall-program.ts';
import { isInstalled } from './host-facts-firewall.ts';
import type { IptablesPrograms } from './iptables-programs.ts';

type Tables = Pick<FirewallSurvey, 'tables' | 'chains' | 'legacyTables'>;

export interface ReadZonesOptions {
  /** Of the iptables that this host uses. */
  readonly programs: (signal: AbortSignal) => Promise<IptablesPrograms>;
  readonly signal: AbortSignal;
}

/** Undefined: firewalld doesn't run, or nobody can look or change them, because `nft` or `firewall-cmd` isn't installed. Rejects if aborted. */
export async function readZones(survey: Tables, { programs, signal }: ReadZonesOptions): Promise<FirewalldZones | undefined> {
  if (!isInstalled('firewall-cmd')) return undefined;
  if (hasTable(survey)) {
    if (!isInstalled('nft')) return undefined;
    const { code, stdout } = await run(['nft', 'list', 'chain', 'inet', 'firewalld', 'filter_INPUT_ZONES'], { input: '', signal });
    // It is about to come or to go, of which the kernel tells when it is done.
    return code === 0 ? parseInputZones(stdout) : undefined;
  }
  // The survey doesn't know the chains of the legacy tables.
  if (!isInstalled('iptables') || !(hasChain(survey) || survey.legacyTables.includes('filter'))) return undefined;
  const { save } = (await programs(signal)).ipv4;
  const { code, stdout } = await run([save, '-t', 'filter'], { input: '', signal });
  return code === 0 ? parseSavedInputZones(stdout) : undefined;
}

/**
 * Whether firewalld runs, and refuses what comes from our bridges, with nobody to tell it otherwise: an accept in a table of ours doesn't
 * count in its own (nft(8), "VERDICT STATEMENTS"). With the legacy iptables nobody sees that it runs.
 */
export function refusedByFirewalld(survey: Tables): boolean {
  if (hasTable(survey)) return !(isInstalled('nft') && isInstalled('firewall-cmd'));
  return hasChain(survey) && !isInstalled('firewall-cmd');
}

/** Of its nftables backend. */
function hasTable({ tables }: Tables): boolean {
  return tables.some(({ family, name }) => family === 'inet' && name === 'firewalld');
}

/** Of its iptables backend (firewalld.conf(5), `FirewallBackend`). */
function hasChain({ chains }: Tables): boolean {
  return chains.some(({ family, table, name }) => family === 'ip' && table === 'filter' && name === 'INPUT_ZONES');
}

/**
 * Those that are asked for in the same turn of the event loop go into one process. A container without its way out is better than none:
 * what firewalld refuses is told, and fails nothing.
 */
export function firewalldExecutors(onWarning: (message: string) => void): Pick<Executors, 'zone.trust' | 'zone.forget'> {
  const change = (option: '--add-interface' | '--remove-interface', what: string) =>
    batched(async (ifnames, signal) => {
      const refused = await refusal(['--zone=trusted', ...ifnames.map((ifname) => `${option}=${ifname}`)], signal);
      if (refused !== undefined) onWarning(`firewalld ${what} \`${ifnames.join('`, `')}\`: ${refused}`);
    });
  const add = change('--add-interface', "doesn't trust");
  const remove = change('--remove-interface', "doesn't forget");
  return {
    'zone.trust': ({ ifname }, signal) => add(ifname, signal),
    'zone.forget': ({ ifname }, signal) => remove(ifname, signal),
  };
}

async function refusal(argv: readonly string[], signal: AbortSignal): Promise<string | undefined> {
  try {
    const { code, stdout, stderr } = await run(['firewall-cmd', ...argv], { input: '', signal });
    return code === 0 ? undefined : stderr.trim() || stdout.trim() || `firewall-cmd ended with ${code}`;
  } catch (error) {
    signal.throwIfAborted();
    return error instanceof Error ? error.message : String(error);
  }
}

function batched(
  perform: (items: readonly string[], signal: AbortSignal) => Promise<void>,
): (item: string, signal: AbortSignal) => Promise<void> {
  let batch: { readonly items: string[]; readonly signals: AbortSignal[]; readonly done: Promise<void> } | undefined;
  return (item, signal) => {
    if (!batch) {
      const [items, signals]: [string[], AbortSignal[]] = [[], []];
      const turn = new Promise<void>((resolve) => setImmediate(resolve));
      const done = turn.then(() => {
        batch = undefined;
        return perform(items, AbortSignal.any(signals));
      });
      batch = { items, signals, done };
    }
    batch.items.push(item);
    batch.signals.push(signal);
    return batch.done;
  };
}
