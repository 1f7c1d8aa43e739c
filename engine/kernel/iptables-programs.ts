/** Which programs change this host's rules. There are two kinds of iptables, and neither sees the rules of the other. */
import fs from 'node:fs';
import { basename, delimiter, join } from 'node:path';
import { hasForeignRules } from '../codec/iptables-save.ts';
import { TsstackError } from '../model/errors.ts';
import { run } from './firewall-program.ts';
import { unlessErrno } from './system-error.ts';

export type IptablesVariant = 'nf_tables' | 'legacy';

export interface IptablesPrograms {
  readonly variant: IptablesVariant;
  readonly ipv4: FamilyPrograms;
  readonly ipv6: FamilyPrograms;
}
interface FamilyPrograms {
  readonly save: string;
  readonly restore: string;
}

/** What PATH has, whichever variant that is. */
export const PLAIN_IPTABLES: Omit<IptablesPrograms, 'variant'> = programsOf('iptables');

export interface FindOptions {
  /** As in FirewallOptions. */
  readonly enter?: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stackHash: string;
  readonly signal: AbortSignal;
}

/**
 * `TSSTACK_IPTABLES` (`iptables-legacy`, or a path) if it is set; else the variant that has rules of this stack already; else `iptables`
 * of PATH, unless the host's rules are all in the other variant. Who has never used the other one pays for no process: what isn't loaded
 * has no tables (/proc/net/ip_tables_names and ip6_tables_names), and what a name leads to says which variant it is.
 */
export async function findIptables({ environment, ...options }: FindOptions): Promise<IptablesPrograms> {
  const chosen = environment['TSSTACK_IPTABLES'] || undefined;
  const name = chosen ?? 'iptables';
  const variant = variantByName(name, environment['PATH'] ?? '') ?? (await iptablesVersion(options.signal, name))?.variant ?? 'nf_tables';
  const own: IptablesPrograms = { variant, ...programsOf(name) };
  if (chosen !== undefined || (variant === 'nf_tables' && !legacyTablesLoaded())) return own;
  const other = variant === 'legacy' ? 'nf_tables' : 'legacy';
  const otherPrograms: IptablesPrograms = { variant: other, ...programsOf(other === 'legacy' ? 'iptables-legacy' : 'iptables-nft') };
  const [here, there] = await Promise.all([saved(own, options), saved(otherPrograms, options)]);
  const mark = ` -j TS-${options.stackHash}-`;
  if (here.includes(mark) || !there.includes(mark)) {
    if (here.includes(mark) || hasForeignRules(here) || !hasForeignRules(there)) return own;
  }
  return otherPrograms;
}

/** For `doctor`: `1.8.9`, and which part of the kernel this iptables talks to. Undefined: there is none. */
export async function iptablesVersion(
  signal: AbortSignal,
  name = 'iptables',
): Promise<{ readonly version: string; readonly variant: IptablesVariant } | undefined> {
  try {
    const { stdout } = await run([programsOf(name).ipv4.restore, '--version'], { input: '', signal });
    const [, version = 'unknown', variant] = /v(\S+)(?: \((\S+)\))?/.exec(stdout) ?? [];
    // Before 1.8 there was only the legacy one, and it did not say so.
    return { version, variant: variant === 'nf_tables' ? 'nf_tables' : 'legacy' };
  } catch (error) {
    if (error instanceof TsstackError && error.code === 'not-found') return undefined;
    throw error;
  }
}

/** `/opt/iptables-legacy` → `/opt/iptables-legacy-save` and `/opt/ip6tables-legacy-save`. */
function programsOf(name: string): Omit<IptablesPrograms, 'variant'> {
  const six = `${name.slice(0, name.length - basename(name).length)}${basename(name).replace('iptables', 'ip6tables')}`;
  const family = (program: string): FamilyPrograms => ({ save: `${program}-save`, restore: `${program}-restore` });
  return { ipv4: family(name), ipv6: family(six) };
}

/** By the program that the name is a link to: `xtables-nft-multi`, `xtables-legacy-multi`. */
function variantByName(name: string, path: string): IptablesVariant | undefined {
  const places = name.includes('/') ? [name] : path.split(delimiter).map((directory) => join(directory, name));
  for (const place of places) {
    const real = unlessErrno(['ENOENT', 'ENOTDIR', 'EACCES'], () => fs.realpathSync(place));
    if (real === undefined) continue;
    const kind = /xtables-(nft|legacy)-multi$/.exec(real)?.[1];
    return kind === undefined ? undefined : kind === 'nft' ? 'nf_tables' : 'legacy';
  }
  return undefined;
}

function legacyTablesLoaded(): boolean {
  return ['ip_tables_names', 'ip6_tables_names'].some(
    (file) => (unlessErrno(['ENOENT', 'EACCES'], () => fs.readFileSync(`/proc/net/${file}`, 'utf8')) ?? '').trim() !== '',
  );
}

/** Of both families. A variant that isn't installed, or that this kernel lacks, has no rules. */
async function saved(
  { ipv4, ipv6 }: Omit<IptablesPrograms, 'variant'>,
  { enter = [], signal }: Pick<FindOptions, 'enter' | 'signal'>,
): Promise<string> {
  const texts = await Promise.all(
    [ipv4, ipv6].map(async ({ save }) => {
      try {
        const { code, stdout } = await run([...enter, save], { input: '', signal });
        return code === 0 ? stdout : '';
      } catch (error) {
        if (error instanceof TsstackError && error.code === 'not-found') return '';
        throw error;
      }
    }),
  );
  return texts.join('\n');
}
