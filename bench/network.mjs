/** What the network lets through: from container to container, and from another machine to a published port. */
import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run, succeeds } from './command.mjs';
import { median } from './statistics.mjs';

const SECONDS = 3;
const PORTS = { iperf: 5201, http: 8081 };
const image = 'tsstack-bench:network';
const source = new URL('answer.c', import.meta.url).pathname;
/** RFC 5737. */
const [HOST, CLIENT] = ['203.0.113.1', '203.0.113.2'];

export async function network({ sides, runs, base, say }) {
  const title = `throughput, medians of ${runs} times ${SECONDS} s`;
  for (const tool of ['iperf3', 'wrk']) {
    if (!(await succeeds([tool, '--version'])) && !(await succeeds(['which', tool])))
      return { title, rows: [{ network: { cannot: `no \`${tool}\`` } }] };
  }
  const directory = await writeProject(base);
  const machine = await anotherMachine();
  const taken = Object.fromEntries(sides.map(({ name }) => [name, { between: [], published: [], requests: [] }]));
  const engines = sides.flatMap((side) => (side.name === 'tsstack' ? [] : 'docker'));
  try {
    for (const engine of engines) await run([engine, 'import', join(directory, 'rootfs.tar'), image]);
    // Turn by turn: what else the machine does changes within minutes by more than the sides differ.
    for (let i = 0; i < runs; i++) {
      for (const side of i % 2 === 0 ? sides : sides.toReversed()) {
        say(`${side.name}, ${i + 1} of ${runs}`);
        await side.up(directory);
        try {
          await measure(side, directory, machine, taken[side.name]);
        } finally {
          await side.down(directory);
        }
      }
    }
    for (const engine of engines) await run([engine, 'rmi', image]);
  } finally {
    machine.close();
  }
  const row = (network, what, unit) => ({
    network,
    ...Object.fromEntries(sides.map(({ name }) => [name, { value: median(taken[name][what]), unit }])),
  });
  return {
    title,
    rows: [
      row('container to container, iperf3', 'between', 'Gbit/s'),
      row('another machine to a published port, iperf3', 'published', 'Gbit/s'),
      row('… wrk, 16 connections', 'requests', '/s'),
    ],
  };
}

async function measure(side, directory, machine, { between, published, requests }) {
  between.push(bitsOf(await run(inClient(side, iperf('server')), { cwd: directory, env: side.env })));
  published.push(bitsOf(await machine.run(iperf(HOST))));
  requests.push(requestsOf(await machine.run(['wrk', '-t', '1', '-c', '16', '-d', `${SECONDS}s`, `http://${HOST}:${PORTS.http}/`])));
}

const iperf = (host) => ['iperf3', '-c', host, '-p', String(PORTS.iperf), '-t', String(SECONDS), '-J'];
const bitsOf = ({ stdout }) => JSON.parse(stdout).end.sum_received.bits_per_second / 1e9;
const requestsOf = ({ stdout }) => Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)[1]);
const inClient = (side, argv) => [...side.command, 'exec', '-T', 'client', ...argv];

/** `server` and `client` of the same image, for both sides. */
async function writeProject(base) {
  const directory = join(base, 'network');
  const rootfs = join(directory, 'rootfs');
  for (const name of ['bin', 'dev', 'etc', 'proc', 'sys', 'tmp']) mkdirSync(join(rootfs, name), { recursive: true });
  copyFileSync('/bin/busybox', join(rootfs, 'bin/busybox'));
  copyProgram('iperf3', rootfs);
  await run(['gcc', '-O2', '-static', '-Wall', '-o', join(rootfs, 'bin/answer'), source]);
  execFileSync('tar', ['-C', rootfs, '-cf', join(directory, 'rootfs.tar'), '.']);
  const serve = ['/bin/busybox', 'sh', '-c', `answer ${PORTS.http} & exec iperf3 -s -p ${PORTS.iperf}`];
  const services = { server: { command: serve }, client: { command: ['/bin/busybox', 'sleep', '1000000'] } };
  const ports = Object.values(PORTS).map((port) => `0.0.0.0:${port}:${port}`);
  const stack = { server: { ...services.server, ports }, client: services.client };
  writeFileSync(
    join(directory, 'stack.config.ts'),
    `import { defineStack, rootfs } from 'tsstack';
const image = rootfs('./rootfs');
const services = ${JSON.stringify(stack)};
export default defineStack({ name: 'bench', services: { server: { image, ...services.server }, client: { image, ...services.client } } });
`,
  );
  const composed = Object.entries(stack).map(([name, service]) => [name, { image, init: true, ...service }]);
  writeFileSync(join(directory, 'compose.yaml'), JSON.stringify({ services: Object.fromEntries(composed) }));
  return directory;
}

/** With the libraries that ldd(1) names. */
function copyProgram(name, rootfs) {
  const path = execFileSync('which', [name], { encoding: 'utf8' }).trim();
  const libraries = [...execFileSync('ldd', [path], { encoding: 'utf8' }).matchAll(/(\/\S+) \(0x/g)].map(([, library]) => library);
  for (const library of libraries) {
    mkdirSync(join(rootfs, dirname(library)), { recursive: true });
    copyFileSync(library, join(rootfs, library));
  }
  copyFileSync(path, join(rootfs, 'bin', name));
}

/** A network namespace on a wire to this host: published ports are reached from there as from another machine. */
async function anotherMachine() {
  const holder = spawn('unshare', ['--net', 'sh', '-c', 'echo; exec sleep infinity'], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve, reject) => holder.stdout.once('data', resolve) && holder.once('error', reject));
  const ip = (...argv) => execFileSync('ip', argv);
  const enter = ['nsenter', '-t', String(holder.pid), '-n'];
  ip('link', 'add', 'bench-wire', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(holder.pid));
  ip('address', 'add', `${HOST}/30`, 'dev', 'bench-wire');
  ip('link', 'set', 'bench-wire', 'up');
  for (const words of [`address add ${CLIENT}/30 dev eth0`, 'link set eth0 up', 'link set lo up'])
    execFileSync(enter[0], [...enter.slice(1), 'ip', ...words.split(' ')]);
  return {
    run: (argv) => run([...enter, ...argv]),
    close: () => {
      ip('link', 'delete', 'bench-wire');
      holder.kill();
    },
  };
}
