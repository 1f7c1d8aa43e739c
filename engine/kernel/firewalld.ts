/** Zones of firewalld: read from its own chain, changed by its own command, which keeps what is given to it until it is reloaded. */
import { type FirewalldZones, parseInputZones } from '../codec/firewalld.ts';
import type { FirewallSurvey } from '../model/firewall-survey.ts';
import type { Executors } from '../model/plan.ts';
import { run } from './firewall-program.ts';
import { isInstalled } from './host-facts-firewall.ts';

type Tables = Pick<FirewallSurvey, 'tables'>;

/** Undefined: firewalld doesn't run, or nobody can look or change them, because `nft` or `firewall-cmd` isn't installed. Rejects if aborted. */
export async function readZones(survey: Tables, signal: AbortSignal): Promise<FirewalldZones | undefined> {
  if (!runs(survey) || !isInstalled('nft') || !isInstalled('firewall-cmd')) return undefined;
  const { code, stdout } = await run(['nft', 'list', 'chain', 'inet', 'firewalld', 'filter_INPUT_ZONES'], { input: '', signal });
  // It is about to come or to go, of which the kernel tells when it is done.
  return code === 0 ? parseInputZones(stdout) : undefined;
}

/**
 * Whether firewalld runs, and refuses what comes from our bridges, with nobody to tell it otherwise: an accept in a table of ours doesn't
 * count in its own (nft(8), "VERDICT STATEMENTS").
 */
export function refusedByFirewalld(survey: Tables): boolean {
  return runs(survey) && !(isInstalled('nft') && isInstalled('firewall-cmd'));
}

function runs({ tables }: Tables): boolean {
  return tables.some(({ family, name }) => family === 'inet' && name === 'firewalld');
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
