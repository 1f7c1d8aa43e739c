import { containerRule, processRule } from './container-rules.ts';
import { faultRule } from './fault-rule.ts';
import { firewallRule } from './firewall-rule.ts';
import { addressRule, linkRule, routeRule, sysctlRule } from './network-rules.ts';
import { nftablesRule } from './nftables-rule.ts';
import type { Rules } from './rule.ts';
import { cgroupRule, fileRule, volumeRule } from './storage-rules.ts';
import { zoneRule } from './zone-rule.ts';

/** The one table by which kinds are told apart. */
export const RULES: Rules = {
  sysctl: sysctlRule,
  link: linkRule,
  address: addressRule,
  route: routeRule,
  fault: faultRule,
  firewall: firewallRule,
  nftables: nftablesRule,
  zone: zoneRule,
  volume: volumeRule,
  cgroup: cgroupRule,
  file: fileRule,
  container: containerRule,
  process: processRule,
};
