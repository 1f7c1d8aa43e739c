/** What firewall a host has, by the names of its tables and chains: quickly read, and enough to choose by. */

export interface FirewallSurvey {
  /** Of nftables: iptables-nft's are among them. */
  readonly tables: readonly SurveyedTable[];
  readonly chains: readonly SurveyedChain[];
  /** Tables of the legacy iptables and ip6tables that are in the kernel: somebody has used it. */
  readonly legacyTables: readonly string[];
  /** Tables of the legacy ip6tables are among them. */
  readonly hasLegacyIpv6: boolean;
}

export interface SurveyedTable {
  readonly family: 'ip' | 'ip6' | 'inet' | 'other';
  readonly name: string;
}

export interface SurveyedChain {
  readonly family: 'ip' | 'ip6' | 'inet' | 'other';
  readonly table: string;
  readonly name: string;
  /** A base chain. */
  readonly hooked: boolean;
  /** Its policy is to drop. */
  readonly drops: boolean;
  /** How many rules are in it, and how many jump to it. */
  readonly uses: number;
}
