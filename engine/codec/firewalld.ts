/** The chain in which firewalld goes from interface to zone: as nft(8) or iptables-save(8) prints it, by its backend. */

export interface FirewalldZones {
  /** Interface → its zone. Beginnings of names left out. */
  readonly byIfname: Readonly<Record<string, string>>;
  /** Every bridge of ours has a zone already: by what their names begin with, the zone being the user's choice; or the default zone trusts all. */
  readonly allBridges: boolean;
}

/** Of `nft list chain inet firewalld filter_INPUT_ZONES`. */
export function parseInputZones(inputZones: string): FirewalldZones {
  const rules = [...inputZones.matchAll(/^\s*iifname "([^"]+)" goto filter_IN_(\S+)/gm)];
  return zonesOf(rules, { anyEnd: '*', trustsAll: /^\s*goto filter_IN_trusted$/m.test(inputZones) });
}

/** Of `iptables-save`. Undefined: it has no such chain. */
export function parseSavedInputZones(saved: string): FirewalldZones | undefined {
  if (!/^:INPUT_ZONES /m.test(saved)) return undefined;
  const rules = [...saved.matchAll(/^-A INPUT_ZONES -i (\S+) -[gj] IN_(\S+)$/gm)];
  return zonesOf(rules, { anyEnd: '+', trustsAll: /^-A INPUT_ZONES -[gj] IN_trusted$/m.test(saved) });
}

function zonesOf(
  rules: readonly RegExpMatchArray[],
  { anyEnd, trustsAll }: { readonly anyEnd: string; readonly trustsAll: boolean },
): FirewalldZones {
  const entries = rules.map(([, ifname = '', zone = '']) => [ifname, zone] as const);
  return {
    byIfname: Object.fromEntries(entries.filter(([ifname]) => !ifname.endsWith(anyEnd))),
    allBridges: trustsAll || entries.some(([ifname]) => ifname.startsWith('ts-') && ifname.endsWith(anyEnd)),
  };
}
