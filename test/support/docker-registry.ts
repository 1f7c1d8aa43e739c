import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { http } from './http.ts';
import { until } from './until.ts';

export interface DockerRegistry {
  /** `127.0.0.1:5000`. */
  readonly host: string;
  /** What it has written so far. */
  log(): string;
  stop(): Promise<void>;
}

export interface DockerRegistryOptions {
  readonly port: number;
  /** Where it listens; default 127.0.0.1. */
  readonly address?: string;
  readonly directory: string;
  /** The only user that is let in. */
  readonly user?: { readonly name: string; readonly password: string };
  readonly tls?: { readonly certificate: string; readonly key: string };
}

/** Debian's `docker-registry`, listening when this is fulfilled. With a user it needs `htpasswd` of apache2-utils. */
export async function startDockerRegistry({
  port,
  address = '127.0.0.1',
  directory,
  user,
  tls,
}: DockerRegistryOptions): Promise<DockerRegistry> {
  mkdirSync(directory, { recursive: true });
  const host = `127.0.0.1:${port}`;
  const file = join(directory, 'config.yml');
  const lines = ['version: 0.1', `storage: {filesystem: {rootdirectory: ${directory}/data}, delete: {enabled: true}}`];
  lines.push(`http: {addr: '${address}:${port}'${tls ? `, tls: {certificate: ${tls.certificate}, key: ${tls.key}}` : ''}}`);
  if (user) {
    const line = execFileSync('htpasswd', ['-Bbn', user.name, user.password], { encoding: 'utf8' });
    writeFileSync(join(directory, 'htpasswd'), line);
    lines.push(`auth: {htpasswd: {realm: test, path: ${directory}/htpasswd}}`);
  }
  writeFileSync(file, `${lines.join('\n')}\n`);
  const child = spawn('docker-registry', ['serve', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
  }
  await until(`docker-registry listens on ${host}`, () => answers(host, tls !== undefined)).catch(async (error) => {
    await ended(child);
    throw new Error(`${error.message}\n${log}`);
  });
  return { host, log: () => log, stop: () => ended(child) };
}

export function temporaryDirectory(name: string): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), `tsstack-${name}-`));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

async function answers(host: string, secure: boolean): Promise<boolean> {
  if (!secure) return (await http(`http://${host}/v2/`)).status > 0;
  return await new Promise((resolve, reject) => {
    const outgoing = request(`https://${host}/v2/`, { rejectUnauthorized: false, agent: false }, (response) => {
      response.resume();
      resolve(true);
    });
    outgoing.once('error', reject);
    outgoing.end();
  });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGTERM');
  await closed;
}
