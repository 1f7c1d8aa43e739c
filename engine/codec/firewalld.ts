/** The chains of firewalld's nftables backend, as `nft list chain` prints them. */

export interface FirewalldZones {
  /** Interface → its zone. Names that end with `*` left out. */
  readonly byIfname: Readonly<Record<string, string>>;
  /** Every bridge of ours has a zone already: by what their names begin with, the zone being the user's choice; or the default zone trusts all. */
  readonly allBridges: boolean;
}

/** Of the chain that goes from interface to zone. */
export function parseInputZones(inputZones: string): FirewalldZones {
  const rules = [...inputZones.matchAll(/^\s*iifname "([^"]+)" goto filter_IN_(\S+)/gm)].map(([, ifname = '', zone = '']) => ({
    ifname,
    zone,
  }));
  return {
    byIfname: Object.fromEntries(rules.filter(({ ifname }) => !ifname.endsWith('*')).map(({ ifname, zone }) => [ifname, zone])),
    allBridges:
      rules.some(({ ifname }) => ifname.startsWith('ts-') && ifname.endsWith('*')) || /^\s*goto filter_IN_trusted$/m.test(inputZones),
  };
}
