/** The same project for every side: a root filesystem of busybox, a stack file and a compose file, as near as the two come. */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { page } from './page.mjs';

/**
 * @typedef {{
 *   ports?: readonly number[], memoryMiB?: number, mount?: string, restart?: boolean, healthy?: boolean, after?: string, replicas?: number,
 * }} Service all of them are busybox's httpd. `ports` on loopback; `mount`: a directory where the page is; `healthy`: its check succeeds at once;
 * `after`: the service that must be healthy before.
 */
/** Where a mount has the page, the root filesystem has none: it is seen when the mount is gone. */
const commandFor = ({ mount }) => ['/bin/busybox', 'httpd', '-f', '-p', '80', '-h', mount ? '/mounted' : '/www'];
const check = ['CMD', '/bin/busybox', 'true'];
const interval = '1s';

/** Writes `rootfs/`, `rootfs.tar`, `www/` and both files. @param {string} directory @param {Record<string, Service>} services @param {string} image */
export function writeProject(directory, services, image) {
  mkdirSync(join(directory, 'www'), { recursive: true });
  writeFileSync(join(directory, 'www/index.html'), page);
  writeRootfs(join(directory, 'rootfs'));
  writeFiles(directory, services, image);
}

/** Another stack in the same project. */
export function writeFiles(directory, services, image) {
  writeFileSync(join(directory, 'stack.config.ts'), stackFile(services));
  writeFileSync(join(directory, 'compose.yaml'), JSON.stringify(composeFile(services, image)));
}

function writeRootfs(directory) {
  for (const name of ['bin', 'dev', 'etc', 'proc', 'sys', 'tmp', 'www', 'mounted']) mkdirSync(join(directory, name), { recursive: true });
  chmodSync(directory, 0o755);
  copyFileSync('/bin/busybox', join(directory, 'bin/busybox'));
  chmodSync(join(directory, 'bin/busybox'), 0o755);
  writeFileSync(join(directory, 'www/index.html'), page);
  execFileSync('tar', ['-C', directory, '-cf', `${directory}.tar`, '.']);
}

function stackFile(services) {
  const lines = Object.entries(services).map(([name, { ports, memoryMiB, mount, restart, healthy, after, replicas }]) => {
    const rest = JSON.stringify({
      command: commandFor({ mount }),
      ports: ports?.map((port) => `${port}:80`),
      limits: memoryMiB && { memory: `${memoryMiB}MiB` },
      volumes: mount && [`${mount}:/mounted`],
      restart: restart ? 'always' : undefined,
      healthcheck: healthy ? { test: check, interval } : undefined,
      dependsOn: after && { [after]: 'healthy' },
      replicas,
    });
    return `    ${name}: { image, ${rest.slice(1)},`;
  });
  return `import { defineStack, rootfs } from 'tsstack';
const image = rootfs('./rootfs');
export default defineStack({
  name: 'bench',
  services: {
${lines.join('\n')}
  },
});
`;
}

/** YAML is a superset of JSON. */
function composeFile(services, image) {
  const entries = Object.entries(services).map(([name, { ports, memoryMiB, mount, restart, healthy, after, replicas }]) => [
    name,
    {
      image,
      command: commandFor({ mount }),
      init: true,
      ports: ports?.map((port) => `127.0.0.1:${port}:80`),
      mem_limit: memoryMiB && `${memoryMiB}m`,
      volumes: mount && [`${mount}:/mounted`],
      restart: restart ? 'always' : undefined,
      healthcheck: healthy ? { test: check, interval } : undefined,
      depends_on: after && { [after]: { condition: 'service_healthy' } },
      scale: replicas,
    },
  ]);
  return { services: Object.fromEntries(entries) };
}
