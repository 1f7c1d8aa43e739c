/**
 * The sides of the comparison: each can bring the same project up and down, and says which processes are its own.
 * @typedef {{
 *   name: string,
 *   command: readonly string[],
 *   env: NodeJS.ProcessEnv,
 *   json: readonly string[],
 *   prepare(directory: string): Promise<void>,
 *   up(directory: string): Promise<number>,
 *   down(directory: string): Promise<number>,
 *   containers(directory: string): Promise<readonly number[]>,
 *   owns(pid: number): boolean,
 *   rules: RegExp,
 *   close(): Promise<void>,
 * }} Side `up` and `down` resolve to milliseconds, `containers` to the first process of each. `json`: what makes
 * `up` say how long the engine took. `rules`: lines of iptables-save that are its own.
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
  const command = [process.execPath, cli];
  const tsstackCommand = (cwd, ...argv) => run([...command, ...argv], { cwd, env });
  return {
    name: 'tsstack',
    command,
    env,
    json: ['--json'],
    prepare: async () => {},
    up: async (directory) => (await tsstackCommand(directory, 'up', '-d')).ms,
    down: async (directory) => (await tsstackCommand(directory, 'down', '--volumes')).ms,
    containers: async (directory) => JSON.parse((await tsstackCommand(directory, 'ps', '--json')).stdout).map(({ pid }) => pid),
    owns: (pid) => inCgroup(pid, 'tsstack/') || /^tsstack-(supervisor|monitor)\b|tsstack-launcher|bin\/tsstack\.cjs/.test(commandLine(pid)),
    rules: /\bTS-[0-9a-f]{8}/,
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
function composeSide({ name, command: program, engine }) {
  const command = [...program, '--project-name', 'bench'];
  const composeCommand = (cwd, ...argv) => run([...command, ...argv], { cwd, env: cleanEnv });
  return {
    name,
    command,
    env: cleanEnv,
    json: [],
    prepare: async (directory) => {
      await run([engine, 'import', join(directory, 'rootfs.tar'), image]);
    },
    up: async (directory) => (await composeCommand(directory, 'up', '-d')).ms,
    down: async (directory) => (await composeCommand(directory, 'down', '--volumes')).ms,
    containers: async (directory) => {
      const ids = (await composeCommand(directory, 'ps', '-q')).stdout.split('\n').filter(Boolean);
      return (await run([engine, 'inspect', '--format', '{{.State.Pid}}', ...ids])).stdout.trim().split('\n').map(Number);
    },
    owns: (pid) =>
      /\b(dockerd|containerd|containerd-shim\S*|docker-proxy|docker-init|conmon|netavark|aardvark-dns|rootlessport)\b/.test(
        commandLine(pid),
      ),
    rules: /DOCKER|docker0|br-[0-9a-f]{12}|NETAVARK/,
    close: async () => {
      await run([engine, 'rmi', image]);
    },
  };
}
