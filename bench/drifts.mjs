/**
 * What others do to what we made. `make` does it at once, or starts a command that does, and resolves when that has ended. `witness` returns a
 * question: whether all is as it is when `witness` is called (undefined: not to be told). `keep` returns how to bring back what its maker won't, nor does `down`.
 */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run } from './command.mjs';
import { isServed } from './page.mjs';

/** Where the stack that is spoilt is reached. */
export const port = 18080;

const IP_FORWARD = '/proc/sys/net/ipv4/ip_forward';

export const drifts = {
  'veth deleted': { witness: sameNetwork, make: ({ veth }) => run(['ip', 'link', 'del', veth]) },
  'bridge deleted': { witness: sameNetwork, make: ({ bridge }) => run(['ip', 'link', 'del', bridge]) },
  'address in a container deleted': {
    witness: sameNetwork,
    make: ({ pid, address }) => run(['nsenter', '-t', pid, '-n', 'ip', 'addr', 'del', address, 'dev', 'eth0']),
  },
  'route in a container deleted': {
    witness: sameNetwork,
    make: ({ pid }) => run(['nsenter', '-t', pid, '-n', 'ip', 'route', 'del', 'default']),
  },
  'all of iptables flushed': {
    witness: sameRules,
    make: () => pipe(['iptables-restore'], '*filter\nCOMMIT\n*nat\nCOMMIT\n'),
    keep: async () => {
      const { stdout } = await run(['iptables-save']);
      return () => pipe(['iptables-restore'], stdout);
    },
  },
  'ip_forward off': {
    witness: same(() => IP_FORWARD),
    make: async () => writeFileSync(IP_FORWARD, '0'),
    keep: async () => async () => writeFileSync(IP_FORWARD, '1'),
  },
  'limit lowered': {
    witness: same(({ memoryLimit }) => memoryLimit),
    make: async ({ memoryLimit }) => writeFileSync(memoryLimit, String(32 << 20)),
  },
  'hosts file rewritten': {
    witness: same(({ hostsFile }) => hostsFile),
    make: async ({ hostsFile }) => writeFileSync(hostsFile, '127.0.0.1 localhost\n'),
  },
  'mount gone': { witness: mounted, make: ({ pid }) => run(['nsenter', '-t', pid, '-m', '/bin/busybox', 'umount', '-l', '/mounted']) },
  'init killed': { kills: true, witness: served, make: async ({ pid }) => process.kill(Number(pid), 'SIGKILL') },
  // Docker's is the shim.
  'monitor killed': { kills: true, witness: served, make: async ({ parent }) => process.kill(parent, 'SIGKILL') },
};

function same(fileOf) {
  return (subject) => {
    const file = fileOf(subject);
    const read = () => readFileSync(file, 'utf8');
    const before = read();
    return () => read() === before;
  };
}

/** Both ends' links, their state and their bridge; addresses and routes of both sides. */
function sameNetwork({ pid, sys, veth, bridge }) {
  const look = () =>
    [
      `${sys}/class/net/${veth}/operstate`,
      `${sys}/class/net/${veth}/brport/state`,
      `${sys}/class/net/${veth}/brport/bridge/ifindex`,
      `${sys}/class/net/${bridge}/operstate`,
      `/proc/${pid}/net/route`,
      '/proc/net/route',
      `/proc/${pid}/net/fib_trie`,
      '/proc/net/fib_trie',
    ].map((file) => orNothing(() => (file.endsWith('fib_trie') ? ownAddresses(readFileSync(file, 'utf8')) : readFileSync(file, 'utf8'))));
  // A bridge that is made anew is another one with the same name.
  const comparable = (seen) => JSON.stringify(seen.map((text, i) => (i === 2 ? text !== undefined : text)));
  const before = comparable(look());
  return () => comparable(look()) === before;
}

/** /proc/net/fib_trie, whose shape is the trie's own business: an address, and below it that it is this host's. */
function ownAddresses(trie) {
  return [...trie.matchAll(/\|-- (\S+)\n\s+\/32 host LOCAL/g)].map(([, address]) => address).sort();
}

/** The side's own, without counters, and in any order: chains come in that of their making. */
async function sameRules({ rules }) {
  const look = async () => {
    const { stdout } = await run(['iptables-save']);
    const lines = stdout.split('\n').filter((line) => !line.startsWith('#'));
    return lines
      .map((line) => line.replace(/ \[\d+:\d+\]$/, ''))
      .filter((line) => rules.test(line))
      .sort()
      .join('\n');
  };
  const before = await look();
  return async () => (await look()) === before;
}

/** As its user sees it. An attempt that gets no answer is given up soon, and the next one made. */
function served() {
  return () => isServed(port, 50);
}

/**
 * Of whichever processes are in the cgroup by then: who lives below a mount that was taken away has it still, so that being served says nothing.
 */
function mounted({ memoryLimit }) {
  const hasMount = (pid) => orNothing(() => readFileSync(`/proc/${pid}/mountinfo`, 'utf8').includes(' /mounted '));
  const processes = () =>
    orNothing(() =>
      readFileSync(join(dirname(memoryLimit), 'cgroup.procs'), 'utf8')
        .trim()
        .split('\n'),
    ) ?? [];
  return async () => processes().some(hasMount) && ((await isServed(port, 50)) || undefined);
}

function orNothing(read) {
  try {
    return read();
  } catch {
    return undefined; // gone: that is what is to be seen
  }
}

function pipe([file, ...argv], input) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, argv, { stdio: ['pipe', 'ignore', 'inherit'] });
    child.on('error', reject);
    child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`\`${file}\` ended with ${code}`))));
    child.stdin.end(input);
  });
}
