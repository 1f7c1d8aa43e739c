import { existingAncestor, type Finding, type Host } from './host.ts';

/** user_namespaces(7); /proc/sys/user/max_user_namespaces is in namespaces(7). */
export function checkUserNamespaces(host: Host): Finding {
  const name = 'user namespaces';
  if (!host.exists('/proc/self/ns/user')) return without(name, 'not in this kernel', 'use a kernel with CONFIG_USER_NS');
  const max = host.readText('/proc/sys/user/max_user_namespaces')?.trim();
  if (max === '0') return without(name, 'turned off', 'set the sysctl `user.max_user_namespaces` to a larger number');
  return { name, status: 'ok', detail: max === undefined ? 'available' : `up to ${max}` };
}

/** Tried for real on the filesystem that will hold the containers: some can't be idmapped. */
export async function checkIdmappedMounts(host: Host): Promise<Finding> {
  const name = 'idmapped mounts';
  const { launcher, stateDirectory } = host.paths;
  if (!host.exists(launcher)) return { name, status: 'warning', detail: 'not tried: the launcher is not built' };
  if (host.uid !== 0) return { name, status: 'warning', detail: 'not tried: that takes root' };
  const directory = existingAncestor(host, stateDirectory);
  const { code, output } = await host.run(launcher, ['probe-idmap', directory]);
  if (code === 0) return { name, status: 'ok', detail: `work on \`${directory}\`` };
  // clone(2): EPERM also for whoever is in a chroot.
  const advice = output.startsWith('clone3')
    ? 'allow root user namespaces; a chroot has none, a container may have none'
    : 'put the state directory (`TSSTACK_STATE_DIR`) on ext4, xfs, btrfs or, from Linux 6.3, tmpfs';
  return without(name, output.split('\n')[0] ?? '', advice);
}

function without(name: string, detail: string, advice: string): Finding {
  return { name, status: 'warning', detail: `${detail}: root in a container will be root on the host`, advice };
}
