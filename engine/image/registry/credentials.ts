/** Who we are at a registry, as `docker login` has written it down. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import { type Credentials, credentialServer, type DockerConfig, parseDockerConfig, parseHelperAnswer } from '../../codec/docker-config.ts';
import type { Environment } from '../../codec/proxy-environment.ts';
import { TsstackError } from '../../model/errors.ts';

export interface CredentialStore {
  /** Undefined: nobody. Throws `image` if that cannot be found out. */
  of(registry: string, signal: AbortSignal): Promise<Credentials | undefined>;
}

/** Reads `$DOCKER_CONFIG/config.json` (default `~/.docker`) when first asked; each registry is looked up once. */
export function credentialStore(environment: Environment): CredentialStore {
  let config: DockerConfig | undefined;
  const known = new Map<string, Promise<Credentials | undefined>>();
  return {
    of(registry, signal) {
      config ??= readConfig(`${environment['DOCKER_CONFIG'] || `${environment['HOME'] || os.homedir()}/.docker`}/config.json`);
      let answer = known.get(registry);
      if (answer === undefined) {
        answer = lookUp(registry, config, { environment, signal });
        known.set(registry, answer);
        // One that failed, or was cancelled with whoever asked first, is asked again.
        answer.catch(() => known.delete(registry));
      }
      return answer;
    },
  };
}

function readConfig(path: string): DockerConfig {
  let text: string;
  try {
    text = fs.readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return { auths: {}, credHelpers: {}, credsStore: undefined };
    throw new TsstackError(`cannot read \`${path}\`: ${code}`, { code: 'image', cause: error });
  }
  try {
    return parseDockerConfig(text);
  } catch (error) {
    throw new TsstackError(`cannot read \`${path}\`: ${(error as Error).message}`, { code: 'image', cause: error });
  }
}

interface Asking {
  readonly environment: Environment;
  readonly signal: AbortSignal;
}

/** A helper named for the registry comes before the store of all, and that before what is in the file (docker/cli `GetCredentialsStore`). */
async function lookUp(registry: string, config: DockerConfig, asking: Asking): Promise<Credentials | undefined> {
  const helper = config.credHelpers[registry] ?? config.credsStore;
  const found = helper === undefined ? undefined : await askHelper(`docker-credential-${helper}`, registry, asking);
  return found ?? config.auths[registry];
}

/** `docker-credential-NAME get` with the server on standard input (docker/docker-credential-helpers, README). */
async function askHelper(program: string, registry: string, { environment, signal }: Asking): Promise<Credentials | undefined> {
  const fail = (why: string, detail: { readonly hint?: string; readonly cause?: unknown } = {}) =>
    new TsstackError(`cannot ask \`${program}\` for the credentials of \`${registry}\`: ${why}`, { code: 'image', ...detail });
  const hint = 'it is named as `credsStore` or in `credHelpers` of ~/.docker/config.json';
  const answer = await runHelper(program, credentialServer(registry), { environment, signal }).catch((error: NodeJS.ErrnoException) => {
    signal.throwIfAborted();
    throw fail(error.code === 'ENOENT' ? 'it is not installed' : error.message, { hint, cause: error });
  });
  // The text of errCredentialsNotFound: the protocol has no other sign for it.
  if (answer.code !== 0 && /credentials not found/i.test(answer.stdout + answer.stderr)) return undefined;
  if (answer.code !== 0) throw fail((answer.stdout + answer.stderr).trim() || `it ended with ${answer.code}`, { hint });
  try {
    return parseHelperAnswer(answer.stdout);
  } catch {
    // Without the answer, and without the parser's error that quotes it: it is a secret.
    throw fail('it did not answer as a credential helper does', { hint });
  }
}

interface ProgramOutcome {
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

function runHelper(program: string, input: string, { environment, signal }: Asking): Promise<ProgramOutcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, ['get'], { env: { ...environment }, signal, stdio: ['pipe', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.once('error', reject);
    child.once('close', (code, killedBy) => resolve({ code: code ?? killedBy ?? -1, stdout, stderr }));
    // It may end without having read: its exit code says what matters.
    child.stdin.on('error', () => undefined);
    child.stdin.end(`${input}\n`);
  });
}
