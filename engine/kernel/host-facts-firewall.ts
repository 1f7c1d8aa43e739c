import fs from 'node:fs';
import { openNfnetlink, type RtnetlinkConnection } from '../../native/netlink/connection.ts';
import { decodeNftChain, decodeNftTable, getNftChains, getNftTables } from '../../native/netlink/nftables-message.ts';
import type { FirewallSurvey } from '../model/firewall-survey.ts';
import { isRefusal, netlinkFailure } from './netlink-failure.ts';
import { unlessErrno } from './system-error.ts';

/** Two dumps over nfnetlink, and what /proc says of the legacy iptables. Throws TsstackError. */
export function surveyFirewall(): FirewallSurvey {
  const [legacy = [], legacy6 = []] = ['ip_tables_names', 'ip6_tables_names'].map(
    (file) =>
      unlessErrno(['ENOENT'], () => fs.readFileSync(`/proc/net/${file}`, 'utf8'))
        ?.split('\n')
        .filter((name) => name !== '') ?? [],
  );
  return { ...surveyNftables(), legacyTables: [...new Set([...legacy, ...legacy6])], hasLegacyIpv6: legacy6.length > 0 };
}

/** Whether a program is in PATH. */
export function isInstalled(program: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some((directory) => directory !== '' && isExecutable(`${directory}/${program}`));
}

function isExecutable(path: string): boolean {
  try {
    fs.accessSync(path, fs.constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function surveyNftables(): Pick<FirewallSurvey, 'tables' | 'chains'> {
  let connection: RtnetlinkConnection | undefined;
  try {
    connection = openNfnetlink();
    return { tables: connection.dump(getNftTables(), decodeNftTable), chains: connection.dump(getNftChains(), decodeNftChain) };
  } catch (error) {
    // A kernel without nf_tables: nfnetlink knows no such subsystem (nfnetlink_rcv_msg).
    if (isRefusal(error, 'EINVAL', 'EOPNOTSUPP')) return { tables: [], chains: [] };
    throw netlinkFailure('cannot list the tables of the firewall', error);
  } finally {
    connection?.[Symbol.dispose]();
  }
}
