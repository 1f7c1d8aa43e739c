/** A stack file as text, from what the test says. `image` is the project's busybox unless it says `'host'`. */
export interface StackShape {
  readonly name?: string;
  readonly services: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly networks?: Readonly<Record<string, unknown>>;
  readonly volumes?: Readonly<Record<string, unknown>>;
}

export function stackFile({ name = 'shop', services, ...rest }: StackShape): string {
  const withImages = Object.entries(services).map(([service, fields]) => [service, { image: 'busybox', ...fields }]);
  const text = JSON.stringify({ name, services: Object.fromEntries(withImages), ...rest }, null, 2)
    .replaceAll('"image": "busybox"', `"image": rootfs('./rootfs')`)
    .replaceAll('"image": "host"', '"image": hostRootfs()');
  return `import { defineStack, hostRootfs, rootfs } from 'tsstack';\nexport default defineStack(${text});\n`;
}

/** A project with this stack and nothing else. */
export function only(shape: StackShape): Record<string, string> {
  return { 'stack.config.ts': stackFile(shape) };
}

/** A busybox httpd on port 80 whose page is its hostname. */
export const page = { command: ['sh', '-c', 'hostname > /www/index.html; exec httpd -f -p 80 -h /www'] };

/** Does nothing, until it is told to stop. */
export const idle = { command: ['sleep', '1000000'] };

/** The same, with this machine's userland. */
export const idleHost = { image: 'host', ...idle };

/** Answers each datagram with its text in capitals. */
export const udpEcho = {
  image: 'host',
  command: [
    'node',
    '-e',
    `const s = require('node:dgram').createSocket('udp4');
     s.on('message', (m, from) => s.send(m.toString().toUpperCase(), from.port, from.address)).bind(5353)`,
  ],
};
