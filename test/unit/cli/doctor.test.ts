import { describe, expect, test } from 'vitest';
import { renderFindings } from '../../../cli/commands/doctor.ts';
import { examine } from '../../../cli/doctor/checks.ts';
import type { Finding, Host } from '../../../cli/doctor/host.ts';

const GiB = 1024 ** 3;
const FILES: Readonly<Record<string, string>> = {
  '/': '',
  '/l': '',
  '/sys/module/bridge': '',
  '/lib/modules/6.18.0/modules.builtin': 'kernel/drivers/net/veth.ko\n',
  '/lib/modules/6.18.0/modules.dep': 'kernel/fs/overlayfs/overlay.ko.zst: kernel/lib/x.ko\n',
  '/proc/self/ns/user': '',
  '/proc/sys/user/max_user_namespaces': '1000\n',
  '/proc/self/mountinfo': '30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n',
  '/sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io memory hugetlb pids\n',
  '/proc/self/status': 'Name:\tnode\nSeccomp:\t0\nSeccomp_filters:\t0\n',
  '/proc/sys/net/ipv4/ip_forward': '0\n',
};

const FIREWALL = {
  driver: 'iptables',
  why: 'others have rules there',
  variant: 'nf_tables',
  others: ['ufw'],
  refusedByFirewalld: false,
  trustBridges: 'run `firewall-cmd`',
} as const;

function host({ files = FILES, ...more }: Partial<Host> & { readonly files?: Readonly<Record<string, string | undefined>> } = {}): Host {
  return {
    uid: 0,
    nodeVersion: '20.19.0',
    kernelRelease: '6.18.0',
    arch: 'x64',
    paths: { stateDirectory: '/var/lib/tsstack', launcher: '/l' },
    readText: (path) => files[path],
    exists: (path) => files[path] !== undefined,
    may: () => true,
    freeBytes: () => 20 * GiB,
    firewall: async () => FIREWALL,
    program: (name) => `/usr/sbin/${name}`,
    run: async (program) => ({ code: 0, output: program.endsWith('iptables') ? 'iptables v1.8.9 (nf_tables)' : '' }),
    ...more,
  };
}
async function found(name: string, on: Host): Promise<Finding | undefined> {
  return (await examine(on)).find((finding) => finding.name === name);
}

test('a host that has everything has nothing to do', async () => {
  const findings = await examine(host());
  expect(findings.filter(({ status, advice }) => status !== 'ok' || advice !== undefined)).toEqual([]);
  expect(findings.map(({ name, detail }) => `${name}: ${detail}`)).toMatchInlineSnapshot(`
    [
      "Node.js: 20.19.0",
      "root: uid 0",
      "kernel: 6.18.0",
      "bridge: in the kernel",
      "veth: in the kernel",
      "overlay: as a module, loaded when first used",
      "user namespaces: up to 1000",
      "idmapped mounts: work on \`/\`",
      "cgroups: unified (v2): cpu, cpuset, memory, pids",
      "seccomp: filters available",
      "iptables: 1.8.9, nf_tables",
      "firewall: iptables (nf_tables): others have rules there; beside ufw",
      "IP forwarding: off; \`up\` turns it on",
      "launcher: built",
      "state directory: \`/var/lib/tsstack\`, 20 GiB free",
    ]
  `);
});

describe('what is lacking is found, with what to do', () => {
  test.each<[string, Finding['status'], Parameters<typeof host>[0], RegExp]>([
    ['Node.js', 'missing', { nodeVersion: '20.18.3' }, /install Node.js 20.19/],
    ['root', 'missing', { uid: 1000 }, /sudo/],
    ['kernel', 'missing', { kernelRelease: '5.10.0-28-amd64' }, /5\.12/],
    ['kernel', 'warning', { kernelRelease: '5.15.0' }, /5\.19/],
    ['bridge', 'missing', { files: { ...FILES, '/sys/module/bridge': undefined, '/proc/kallsyms': '0 t x\n' } }, /modprobe bridge/],
    ['user namespaces', 'warning', { files: { ...FILES, '/proc/sys/user/max_user_namespaces': '0\n' } }, /max_user_namespaces/],
    ['idmapped mounts', 'warning', { run: async () => ({ code: 1, output: 'mount_setattr: EINVAL' }) }, /ext4/],
    ['cgroups', 'missing', { files: { ...FILES, '/proc/self/mountinfo': '' } }, /mount -t cgroup2/],
    ['cgroups', 'warning', { files: { ...FILES, '/sys/fs/cgroup/cgroup.controllers': 'cpu cpuset pids\n' } }, /cgroup_enable=memory/],
    ['seccomp', 'warning', { files: { ...FILES, '/proc/self/status': 'Name:\tnode\n' } }, /CONFIG_SECCOMP_FILTER/],
    ['iptables', 'missing', { program: () => undefined }, /apt-get install iptables/],
    ['iptables', 'missing', { program: () => undefined, files: { ...FILES, '/usr/sbin/iptables': '' } }, /PATH="\$PATH:\/usr\/sbin"/],
    ['IP forwarding', 'missing', { may: (path) => !path.endsWith('ip_forward') }, /sysctl/],
    ['launcher', 'missing', { files: { ...FILES, '/l': undefined } }, /npm run build/],
    ['launcher', 'missing', { may: (path) => path !== '/l' }, /chmod/],
    ['state directory', 'missing', { may: (path) => path !== '/' }, /TSSTACK_STATE_DIR/],
    ['state directory', 'warning', { freeBytes: () => GiB / 2 }, /free some space/],
  ])('%s is %s', async (name, status, lacking, advice) => {
    expect(await found(name, host(lacking))).toMatchObject({ status, advice: expect.stringMatching(advice) });
  });

  test('nftables does where there is no iptables', async () => {
    const program = (name: string) => (name === 'nft' ? '/usr/sbin/nft' : undefined);
    const on = host({ program, run: async () => ({ code: 0, output: 'nftables v1.0.6 (Lester Gooch #5)' }) });
    expect(await found('iptables', on)).toMatchObject({ status: 'ok', detail: 'not installed; nftables 1.0.6 keeps the rules' });
  });

  test('cgroups v1 count as well', async () => {
    const mountinfo = ['cpu,cpuacct', 'cpuset', 'memory', 'pids'].map((c) => `31 23 0:27 / /sys/fs/cgroup/${c} rw - cgroup cgroup rw,${c}`);
    const on = host({ files: { ...FILES, '/proc/self/mountinfo': mountinfo.join('\n') } });
    expect(await found('cgroups', on)).toMatchObject({ status: 'ok', detail: 'legacy (v1): cpu, cpuset, memory, pids' });
  });

  test('a kernel without a list of modules is asked for its symbols', async () => {
    const on = host({ files: { ...FILES, '/sys/module/bridge': undefined, '/proc/kallsyms': '0000 t br_add_if\n' } });
    expect(await found('bridge', on)).toMatchObject({ status: 'ok' });
  });
});

test('findings are aligned, with the advice under them', () => {
  const findings: Finding[] = [
    { name: 'root', status: 'ok', detail: 'uid 0' },
    { name: 'iptables', status: 'missing', detail: 'none', advice: 'install it' },
  ];
  expect(renderFindings(findings, { color: false })).toBe(
    'ok       root      uid 0\nmissing  iptables  none\n                   hint: install it\n',
  );
});

test('what firewalld refuses is said with what to do about it, and what can’t be told with why', async () => {
  const refused = host({ firewall: async () => ({ ...FIREWALL, others: ['firewalld'], refusedByFirewalld: true }) });
  expect(await found('firewall', refused)).toMatchObject({ status: 'warning', advice: 'run `firewall-cmd`' });
  const unknown = host({ firewall: () => Promise.reject(new Error('not permitted')) });
  expect(await found('firewall', unknown)).toMatchObject({ status: 'warning', detail: 'can’t be told: not permitted' });
});
