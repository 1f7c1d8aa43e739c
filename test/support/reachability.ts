/** Who reaches whom: a server that answers on every address with its name, and a prober that tries many things at once. */
import { command, type Outside } from './fake-host.ts';
import { patience } from './patience.ts';
import type { Project } from './tsstack.ts';

export interface Attempt {
  readonly protocol: 'tcp' | 'udp';
  /** IPv4 or IPv6. */
  readonly address: string;
  readonly port: number;
}

/** A DNS server is asked for the IPv4 addresses of a name: over UDP, and past the hosts file. */
export interface Question {
  readonly protocol: 'dns';
  readonly address: string;
  readonly name: string;
}

/** argv of a server that answers on these ports, both families, to whatever comes, with its hostname and the address that asks. */
export function answeringOn({ tcp, udp }: { readonly tcp: number; readonly udp: number }): readonly string[] {
  return [
    'node',
    '-e',
    `const name = require('node:os').hostname();
     const plain = (address) => address.replace('::ffff:', '');
     require('node:net').createServer((c) => c.on('error', () => {}).end(name + ' ' + plain(c.remoteAddress))).listen(${tcp}, '::');
     const s = require('node:dgram').createSocket({ type: 'udp6', ipv6Only: false });
     s.on('message', (m, from) => s.send(name + ' ' + plain(from.address), from.port, from.address)).bind(${udp}, '::')`,
  ];
}

/** On TCP 80 and UDP 53. */
export const answering = { image: 'host', command: answeringOn({ tcp: 80, udp: 53 }) };

/** Who tries: this host, another machine, or a container of this service, of the stack in that subdirectory of the project. */
export type Asker = 'host' | Outside | { readonly service: string; readonly directory?: string };

/** What each of them was answered, null where nothing came: `open-1 198.51.100.2`. */
export async function probe(p: Project, asker: Asker, attempts: readonly (Attempt | Question)[]): Promise<readonly (string | null)[]> {
  const argv = proberOf(attempts);
  const { stdout } = await run();
  return JSON.parse(stdout) as (string | null)[];

  function run() {
    if (asker === 'host') return command(argv);
    if ('run' in asker) return asker.run(argv);
    return p.ok(['exec', '-T', '-C', `${p.directory}/${asker.directory ?? ''}`, asker.service, ...argv]);
  }
}

/** The same on TCP and UDP. */
export function bothProtocols(address: string, { tcp, udp }: { readonly tcp: number; readonly udp: number }): readonly Attempt[] {
  return [
    { protocol: 'tcp', address, port: tcp },
    { protocol: 'udp', address, port: udp },
  ];
}

/** Of the network that a container has this address on, unless it says another: the first address. */
export function gatewayOf(address: string): string {
  return address.includes(':') ? address.replace(/::.*$/, '::1') : address.replace(/\d+$/, '1');
}

/**
 * argv of a prober: tries all at once and prints a JSON list of what was answered, null where it was refused or nothing came in time. Who asks
 * again until all is well need not wait long.
 */
export function proberOf(attempts: readonly (Attempt | Question)[], timeoutMs = 1000): readonly string[] {
  return ['node', '-e', PROBER, JSON.stringify(attempts), `${timeoutMs * patience}`];
}

// A connected UDP socket is told of a refusal (udp(7)), which saves a wait.
const PROBER = `
const timeout = Number(process.argv[2]);
const tcp = ({ address, port }) => new Promise((resolve) => {
  const c = require('node:net').connect({ host: address, port });
  const timer = setTimeout(() => c.destroy(), timeout);
  let text = '';
  c.on('data', (d) => { text += d; }).on('error', () => {}).on('close', () => { clearTimeout(timer); resolve(text || null); });
});
const udp = ({ address, port }) => new Promise((resolve) => {
  const s = require('node:dgram').createSocket(address.includes(':') ? 'udp6' : 'udp4');
  const done = (text) => { clearTimeout(timer); s.close(); resolve(text); };
  const timer = setTimeout(() => done(null), timeout);
  s.on('message', (m) => done(m.toString())).on('error', () => done(null)).on('connect', () => s.send('?')).connect(port, address);
});
const dns = ({ address, name }) => {
  const resolver = new (require('node:dns').promises.Resolver)({ timeout, tries: 1 });
  resolver.setServers([address]);
  return resolver.resolve4(name).then((all) => all.join(' '), () => null);
};
const ways = { tcp, udp, dns };
Promise.all(JSON.parse(process.argv[1]).map((a) => ways[a.protocol](a))).then((all) => console.log(JSON.stringify(all)));
`;
