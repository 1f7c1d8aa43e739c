/**
 * Chains in which the rules for a port are found by the port's number, as in a radix tree with sixteen branches: a chain has at most
 * sixteen ports or sixteen blocks of them, so that a packet meets some dozens of rules, be there ten published ports or ten thousand.
 * Which block a port is in depends on its number alone: one more port changes the chain it is in, and rarely that chain's parent.
 */
export interface PortRules {
  readonly protocol: 'tcp' | 'udp';
  /** 1 … 65535 */
  readonly port: number;
  readonly rules: readonly string[];
}

export interface TreeOptions {
  /** How a block is entered: `-j`, or `-g` for one that never comes back to what follows. */
  readonly enter: '-j' | '-g';
  /** What each chain ends with. */
  readonly end: readonly string[];
}

export interface TextChain {
  readonly name: string;
  readonly rules: readonly string[];
}

const BRANCHES = 16;

/** The first is `root`; the rest are named for it: `<root>-T1F` has TCP ports 0x1f00 … 0x1fff. Ports in the order in which they are given. */
export function portChains(root: string, ports: readonly PortRules[], options: TreeOptions = { enter: '-j', end: [] }): TextChain[] {
  const whole = (protocol: 'tcp' | 'udp'): Block => ({
    root,
    prefix: '',
    protocol,
    ports: ports.filter((one) => one.protocol === protocol),
  });
  const parts = countPorts(ports) <= BRANCHES ? [flat(ports)] : [split(whole('tcp'), options), split(whole('udp'), options)];
  return [{ name: root, rules: [...parts.flatMap(({ rules }) => rules), ...options.end] }, ...parts.flatMap(({ below }) => below)];
}

/** Ports whose number begins with the hexadecimal digits of `prefix`. */
interface Block {
  readonly root: string;
  readonly prefix: string;
  readonly protocol: 'tcp' | 'udp';
  readonly ports: readonly PortRules[];
}

interface Part {
  readonly rules: readonly string[];
  readonly below: readonly TextChain[];
}

function split(block: Block, options: TreeOptions): Part {
  if (countPorts(block.ports) <= BRANCHES) return flat(block.ports);
  const branches = branchesOf(block);
  // What all have in common needs no chain of its own.
  const [only] = branches;
  const parts = branches.length === 1 && only ? [split(only, options)] : branches.map((branch) => asChain(branch, options));
  return { rules: parts.flatMap(({ rules }) => rules), below: parts.flatMap(({ below }) => below) };
}

function asChain(block: Block, options: TreeOptions): Part {
  if (countPorts(block.ports) === 1) return flat(block.ports);
  const { rules, below } = split(block, options);
  const name = `${block.root}-${block.protocol === 'tcp' ? 'T' : 'U'}${block.prefix.toUpperCase()}`;
  const range = `${Number.parseInt(block.prefix.padEnd(4, '0'), 16)}:${Number.parseInt(block.prefix.padEnd(4, 'f'), 16)}`;
  return {
    rules: [`-p ${block.protocol} -m ${block.protocol} --dport ${range} ${options.enter} ${name}`],
    below: [{ name, rules: [...rules, ...options.end] }, ...below],
  };
}

function branchesOf({ prefix, ports, ...rest }: Block): Block[] {
  return [...'0123456789abcdef'].flatMap((digit) => {
    const longer = `${prefix}${digit}`;
    const inside = ports.filter(({ port }) => port.toString(16).padStart(4, '0').startsWith(longer));
    return inside.length === 0 ? [] : [{ ...rest, prefix: longer, ports: inside }];
  });
}

function flat(ports: readonly PortRules[]): Part {
  return { rules: ports.flatMap(({ rules }) => rules), below: [] };
}

/** One port on several addresses is one: four digits tell it from every other. */
function countPorts(ports: readonly PortRules[]): number {
  return new Set(ports.map(({ protocol, port }) => `${protocol} ${port}`)).size;
}
