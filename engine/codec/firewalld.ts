/** The chains of firewalld's nftables backend, as `nft list chain` prints them. */

/** That goes from interface to zone. By name or by what they begin with, the zone being the user's choice; or the default zone trusts everybody. */
export function trustsBridges(inputZones: string): boolean {
  return /^\s*iifname "ts-[^"]*" goto /m.test(inputZones) || /^\s*goto filter_IN_trusted$/m.test(inputZones);
}
