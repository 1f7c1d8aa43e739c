import type { Finding, Host } from './host.ts';

/** Where it isn't installed, nftables does. */
export async function checkIptables(host: Host): Promise<Finding> {
  const name = 'iptables';
  const advice = 'install it: `apt-get install iptables`, `dnf install iptables-nft` or `apk add iptables`';
  const absent = ['iptables', 'iptables-save', 'iptables-restore'].filter((program) => host.program(program) === undefined);
  const program = host.program('iptables');
  // A shell of `su` without `-`, or cron's.
  const there =
    absent.length > 0 ? ['/usr/sbin', '/sbin', '/usr/local/sbin'].find((directory) => host.exists(`${directory}/iptables`)) : undefined;
  if (there !== undefined)
    return { name, status: 'missing', detail: `in \`${there}\`, which is not in PATH`, advice: `run \`export PATH="$PATH:${there}"\`` };
  if (program === undefined || absent.length > 0) {
    const nft = host.program('nft');
    if (nft === undefined) return { name, status: 'missing', detail: `no \`${absent.join('`, `')}\``, advice };
    const { code, output } = await host.run(nft, ['--version']);
    if (code !== 0) return { name, status: 'missing', detail: `no \`${absent.join('`, `')}\`, and \`nft\` fails: ${output}`, advice };
    return { name, status: 'ok', detail: `not installed; nftables ${/v(\S+)/.exec(output)?.[1] ?? ''} keeps the rules` };
  }
  const { code, output } = await host.run(program, ['--version']);
  const version = /v(\S+)(?: \((\w+)\))?/.exec(output);
  if (code !== 0 || version === null) return { name, status: 'missing', detail: output, advice };
  return { name, status: 'ok', detail: `${version[1]}, ${version[2] === 'nf_tables' ? 'nf_tables' : 'legacy'}` };
}

/** Which driver and why, and who else has rules. */
export async function checkFirewall(host: Host): Promise<Finding> {
  const name = 'firewall';
  try {
    const { driver, variant, why, others, refusedByFirewalld, trustBridges } = await host.firewall();
    const beside = others.length === 0 ? '' : `; beside ${others.join(', ')}`;
    const detail = `${driver}${variant === undefined ? '' : ` (${variant})`}: ${why}${beside}`;
    if (!refusedByFirewalld) return { name, status: 'ok', detail };
    return { name, status: 'warning', detail: `${detail}, which keeps containers from the outside and from names`, advice: trustBridges };
  } catch (error) {
    return { name, status: 'warning', detail: `can’t be told: ${error instanceof Error ? error.message : String(error)}` };
  }
}

export function checkForwarding(host: Host): Finding {
  const name = 'IP forwarding';
  const value = host.readText('/proc/sys/net/ipv4/ip_forward')?.trim();
  if (value === '1') return { name, status: 'ok', detail: 'on' };
  if (value === undefined) return { name, status: 'missing', detail: '/proc/sys/net/ipv4/ip_forward can’t be read', advice: 'mount /proc' };
  if (host.may('/proc/sys/net/ipv4/ip_forward', 'write')) return { name, status: 'ok', detail: 'off; `up` turns it on' };
  return { name, status: 'missing', detail: 'off, and may not be changed', advice: 'set the sysctl `net.ipv4.ip_forward` to 1' };
}
