/** The stack that every side brings up: N copies of busybox httpd on one bridge network, the first with two published ports. */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const ports = [18080, 18081];
export const page = 'bench\n';
const command = ['/bin/busybox', 'httpd', '-f', '-p', '80', '-h', '/www'];

/** @param {number} services */
const names = (services) => Array.from({ length: services }, (_, i) => `s${i + 1}`);

/** Two published ports: of the first service, and of the second if there is one. @param {number} i @param {number} services */
function publishedBy(i, services) {
  if (services === 1) return ports;
  return i < ports.length ? [ports[i]] : [];
}

/** Writes `rootfs/`, `rootfs.tar`, `stack.config.ts` and `compose.yaml`. @param {string} directory @param {number} services @param {string} image */
export function writeProject(directory, services, image) {
  mkdirSync(directory, { recursive: true });
  writeRootfs(join(directory, 'rootfs'));
  writeFileSync(join(directory, 'stack.config.ts'), stackFile(services));
  writeFileSync(join(directory, 'compose.yaml'), composeFile(services, image));
}

function writeRootfs(directory) {
  for (const name of ['bin', 'dev', 'etc', 'proc', 'sys', 'tmp', 'www']) mkdirSync(join(directory, name), { recursive: true });
  chmodSync(directory, 0o755);
  copyFileSync('/bin/busybox', join(directory, 'bin/busybox'));
  chmodSync(join(directory, 'bin/busybox'), 0o755);
  writeFileSync(join(directory, 'www/index.html'), page);
  execFileSync('tar', ['-C', directory, '-cf', `${directory}.tar`, '.']);
}

function stackFile(services) {
  const lines = names(services).map((name, i) => {
    const published = publishedBy(i, services).map((port) => `'${port}:80'`);
    return `    ${name}: { image, command${published.length > 0 ? `, ports: [${published.join(', ')}]` : ''} },`;
  });
  return `import { defineStack, rootfs } from 'tsstack';
const image = rootfs('./rootfs');
const command = ${JSON.stringify(command)};
export default defineStack({
  name: 'bench',
  services: {
${lines.join('\n')}
  },
});
`;
}

/** The same, as near as the two come: an init, no restart, loopback ports. */
function composeFile(services, image) {
  const lines = names(services).flatMap((name, i) => [
    `  ${name}:`,
    `    image: ${image}`,
    `    command: ${JSON.stringify(command)}`,
    '    init: true',
    ...(publishedBy(i, services).length > 0
      ? [`    ports: ${JSON.stringify(publishedBy(i, services).map((port) => `127.0.0.1:${port}:80`))}`]
      : []),
  ]);
  return `version: '3.7'\nservices:\n${lines.join('\n')}\n`;
}
