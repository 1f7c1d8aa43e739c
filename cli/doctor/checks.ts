import { checkCgroups } from './cgroups.ts';
import { checkFirewall, checkForwarding, checkIptables } from './firewall.ts';
import type { Check, Finding, Host } from './host.ts';
import { checkKernel } from './kernel.ts';
import { kernelFeatureChecks } from './kernel-features.ts';
import { checkLauncher } from './launcher.ts';
import { checkNode } from './node.ts';
import { checkRoot } from './root.ts';
import { checkSeccomp } from './seccomp.ts';
import { checkStateDirectory } from './state-directory.ts';
import { checkIdmappedMounts, checkUserNamespaces } from './user-namespaces.ts';

/** Each thing tsstack needs of a host, in the order a person would look. */
export function examine(host: Host): Promise<readonly Finding[]> {
  return Promise.all(CHECKS.map((check) => check(host)));
}

const CHECKS: readonly Check[] = [
  checkNode,
  checkRoot,
  checkKernel,
  ...kernelFeatureChecks,
  checkUserNamespaces,
  checkIdmappedMounts,
  checkCgroups,
  checkSeccomp,
  checkIptables,
  checkFirewall,
  checkForwarding,
  checkLauncher,
  checkStateDirectory,
];
