/** Whose rules there are on a host beside ours, by the names they give to tables and chains. For people to read: nothing is decided by it. */
import type { FirewallSurvey } from '../model/firewall-survey.ts';

/** `ufw`, `Docker`; in the order of OTHERS. Of rules in the legacy tables the kernel doesn't say whose they are. */
export function otherFirewalls({ tables, chains, legacyTables }: FirewallSurvey): readonly string[] {
  const names = [...tables, ...chains].map(({ name }) => name);
  const known = OTHERS.filter(({ made }) => names.some((name) => made.test(name))).map(({ who }) => who);
  return legacyTables.length > 0 ? [...known, 'legacy iptables'] : known;
}

const OTHERS = [
  { who: 'ufw', made: /^ufw6?-/ },
  { who: 'firewalld', made: /^(?:firewalld|INPUT_ZONES$)/ },
  { who: 'Docker', made: /^DOCKER/ },
  { who: 'Podman', made: /^(?:netavark$|NETAVARK)/ },
  { who: 'CNI plugins', made: /^CNI-/ },
  { who: 'Kubernetes', made: /^KUBE-/ },
  { who: 'libvirt', made: /^(?:LIBVIRT_|libvirt_)/ },
  { who: 'fail2ban', made: /^f2b-/ },
] as const;
