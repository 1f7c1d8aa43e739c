/**
 * The sides of the comparison: each can bring the same project up and down, and says which processes are its own.
 * @typedef {{
 *   name: string,
 *   prepare(directory: string): Promise<void>,
 *   up(directory: string): Promise<number>,
 *   down(directory: string): Promise<number>,
 *   owns(pid: number): boolean,
 *   close(): Promise<void>,
 * }} Side `up` and `down` resolve to milliseconds.
 */
import { join } from 'node:path';
import { run, succeeds } from './command.mjs';
import { commandLine, inCgroup } from './memory.mjs';

const cli = new URL('../bin/tsstack.cjs', import.meta.url).pathname;
export const image = 'tsstack-bench:rootfs';

/** It costs Node 20 47 ms at every start: unset for every side. */
const { NODE_EXTRA_CA_CERTS: _, ...cleanEnv } = process.env;

/** @param {string} base a directory of its own for state @returns {Side} */
export function tsstack(base) {
  const env = {
    ...cleanEnv,
    TSSTACK_STATE_DIR: join(base, 'state'),
    TSSTACK_RUN_DIR: join(base, 'run'),
    TSSTACK_CACHE_DIR: join(base, 'cache'),
  };
  const tsstackCommand = async (cwd, ...argv) => (await run([process.execPath, cli, ...argv], { cwd, env })).ms;
  return {
    name: 'tsstack',
    prepare: async () => {},
    up: (directory) => tsstackCommand(directory, 'up', '-d'),
    down: (directory) => tsstackCommand(directory, 'down', '--volumes'),
    owns: (pid) => inCgroup(pid, 'tsstack/') || /tsstack-launcher|bin\/tsstack\.cjs/.test(commandLine(pid)),
    close: async () => {},
  };
}

/** Whatever compose and engine this machine has; undefined and why, if none. @returns {Promise<{ side?: Side, why?: string }>} */
export async function compose() {
  const candidates = [
    { name: 'docker compose', command: ['docker', 'compose'], engine: 'docker' },
    { name: 'docker-compose', command: ['docker-compose'], engine: 'docker' },
    { name: 'podman-compose', command: ['podman-compose'], engine: 'podman' },
    { name: 'podman compose', command: ['podman', 'compose'], engine: 'podman' },
  ];
  const lacking = [];
  for (const candidate of candidates) {
    if (!(await succeeds([...candidate.command, 'version']))) lacking.push(`no \`${candidate.name}\``);
    else if (!(await succeeds([candidate.engine, 'info']))) lacking.push(`\`${candidate.engine}\` has no engine running`);
    else return { side: composeSide(candidate) };
  }
  return { why: lacking.join(', ') };
}

/** @returns {Side} */
function composeSide({ name, command, engine }) {
  const composeCommand = async (cwd, ...argv) => (await run([...command, '--project-name', 'bench', ...argv], { cwd, env: cleanEnv })).ms;
  return {
    name,
    prepare: async (directory) => {
      await run([engine, 'import', join(directory, 'rootfs.tar'), image]);
    },
    up: (directory) => composeCommand(directory, 'up', '-d'),
    down: (directory) => composeCommand(directory, 'down', '--volumes'),
    owns: (pid) =>
      /\b(dockerd|containerd|containerd-shim\S*|docker-proxy|docker-init|conmon|netavark|aardvark-dns|rootlessport)\b/.test(
        commandLine(pid),
      ),
    close: async () => {
      await run([engine, 'rmi', image]);
    },
  };
}
