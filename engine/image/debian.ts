/** A directory made of Debian's packages by mmdebstrap(1). */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import type { DebianSource } from '../../dsl/spec.ts';
import { TsstackError } from '../model/errors.ts';
import { aptOptionsOf, mmdebstrapArgs } from './debian-command.ts';
import { hostSources } from './debian-sources.ts';

export interface DebianOptions {
  /** Gets `root`, and what is being downloaded. Empty. */
  readonly scratch: string;
  /** Stays open in all processes that work in `scratch`. */
  readonly lockFd: number;
  /** Of whoever asked: proxies. */
  readonly environment: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** A line of what mmdebstrap says. */
  readonly say: (line: string) => void;
}

/**
 * The directory. What of it is there after an error is the caller's to remove; by then no process works on it, and nothing is mounted.
 * @throws TsstackError `image` with mmdebstrap's own last words; the signal's reason.
 */
export async function makeDebianRoot(source: DebianSource, options: DebianOptions): Promise<string> {
  const { scratch, signal } = options;
  const environment = environmentOf(options);
  if (!isInstalled('mmdebstrap', environment.PATH)) {
    throw new TsstackError(`cannot make ${nameOf(source)}: \`mmdebstrap\` is not installed`, {
      code: 'image',
      hint: '`apt-get install mmdebstrap`',
    });
  }
  const [lower, upper, work, directory] = ['lower', 'upper', 'work', 'root'].map((name) => `${scratch}/${name}`) as Directories;
  for (const each of [lower, upper, work, directory]) fs.mkdirSync(each, { mode: 0o755 });
  const sources = source.mirror === undefined ? hostSources(source.suite) : undefined;
  const args = mmdebstrapArgs(source, { hostSources: sources, aptOptions: await aptOptions(environment), directory });
  const overlay = `volatile,lowerdir=${lower},upperdir=${upper},workdir=${work}`;
  signal.throwIfAborted();
  const child = spawn('setpriv', [...ALONE, 'sh', '-c', WITHOUT_WAITING, 'sh', overlay, directory, ...args], {
    cwd: '/',
    env: environment,
    stdio: ['pipe', 'pipe', 'pipe', options.lockFd],
    signal,
    killSignal: 'SIGKILL',
  });
  const { code, words } = await heard(child, { input: sources ?? '', say: options.say });
  signal.throwIfAborted();
  if (code === 0) return fs.readdirSync(directory).length > 0 ? directory : upper;
  throw new TsstackError(`cannot make ${nameOf(source)}: ${lastWords(words) ?? `mmdebstrap ended with exit code ${code}`}`, {
    code: 'image',
    hint: hintFor(words),
  });
}

/**
 * In process and mount namespaces of its own, which end with whoever is killed first: this process, or one of these. So nothing of it
 * goes on, and the file systems it mounts in the directory are gone.
 */
const ALONE = ['--pdeathsig', 'KILL', 'unshare', '--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child', '--mount-proc'];

/**
 * dpkg waits for the disk after each package, for the sake of a system that must still start after a power cut. What is made here is
 * thrown away then: a volatile overlay (overlayfs.rst, "Volatile mount") waits for nothing. Where it can't be mounted it is done without.
 */
const WITHOUT_WAITING = 'mount -t overlay overlay -o "$1" "$2" 2>/dev/null; shift 2; exec mmdebstrap "$@"';

type Directories = [lower: string, upper: string, work: string, directory: string];

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

function environmentOf({ environment, scratch }: DebianOptions): Readonly<Record<string, string>> & { readonly PATH: string } {
  const proxies = Object.entries(environment).filter(([name]) => /^(https?|no)_proxy$/i.test(name));
  return { ...Object.fromEntries(proxies), PATH, HOME: '/root', LANG: 'C.UTF-8', DEBIAN_FRONTEND: 'noninteractive', TMPDIR: scratch };
}

function isInstalled(program: string, path: string): boolean {
  return path.split(':').some((directory) => fs.existsSync(`${directory}/${program}`));
}

async function aptOptions(environment: Readonly<Record<string, string>>): Promise<string[]> {
  const { stdout } = await promisify(execFile)('apt-config', ['dump'], { env: environment });
  return aptOptionsOf(stdout);
}

const REMEMBERED = 200;

async function heard(
  child: ChildProcess,
  { input, say }: { readonly input: string; readonly say: (line: string) => void },
): Promise<{ readonly code: number | null; readonly words: readonly string[] }> {
  const { stdin, stdout, stderr } = child;
  if (stdin === null || stdout === null || stderr === null) throw new Error('mmdebstrap has no pipes');
  // It may end without having read.
  stdin.on('error', () => undefined).end(input);
  const words: string[] = [];
  const read = async (stream: Readable) => {
    for await (const line of createInterface({ input: stream })) {
      words.push(line);
      if (words.length > REMEMBERED) words.shift();
      if (line.trim() !== '') say(line);
    }
  };
  const [ended] = await Promise.all([exited(child), read(stdout), read(stderr)]);
  return { code: ended, words };
}

/** A child that was aborted rejects with that, which the caller tells by the signal. */
async function exited(child: ChildProcess): Promise<number | null> {
  const closed = once(child, 'close').catch(() => undefined);
  const failed = new Promise<Error | undefined>((resolve) => {
    child.on('error', resolve);
    child.on('close', () => resolve(undefined));
  });
  const error = await failed;
  await closed;
  if (error !== undefined && child.pid === undefined) throw error;
  return child.exitCode;
}

/** What apt and dpkg complain of; that mmdebstrap failed therefore says nothing. */
function lastWords(words: readonly string[]): string | undefined {
  const complaints = words.filter(
    (line) => /^(E|Err:\d+|dpkg: error\b.*|error):? /.test(line) && !/^E: (mmdebstrap failed|apt-get .* failed|run_)/.test(line),
  );
  const found = complaints.slice(-5).map((line) => line.replace(/^E: /, '').trim());
  return found.length === 0 ? words.filter((line) => !line.startsWith('I: ')).at(-1) : [...new Set(found)].join('; ');
}

function hintFor(words: readonly string[]): string | undefined {
  const text = words.join('\n');
  if (/Unable to locate package|has no installation candidate/.test(text))
    return 'see https://packages.debian.org for the names of packages';
  if (/does not have a Release file|404 +Not Found/.test(text)) return 'is that the name of a suite, and has the mirror got it?';
  if (/Could not resolve|Could not connect|Temporary failure resolving|Connection refused/.test(text))
    return 'is the mirror reachable from here?';
  if (/No space left on device/.test(text)) return 'the disk is full: free some space, then try again';
  return undefined;
}

function nameOf({ suite, packages }: DebianSource): string {
  return packages.length === 0 ? `\`debian:${suite}\`` : `\`debian:${suite}\` with ${packages.map((name) => `\`${name}\``).join(', ')}`;
}
