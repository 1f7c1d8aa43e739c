/** Runs a program of the firewall. */
import { spawn } from 'node:child_process';
import { TsstackError } from '../model/errors.ts';

export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Rejects with TsstackError if the program is not there, with the abort's reason if aborted. */
export function run(argv: readonly string[], options: { readonly input: string; readonly signal: AbortSignal }): Promise<Result> {
  const [program = '', ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { signal: options.signal, env: { ...process.env, LC_ALL: 'C' } });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', (error) => reject(options.signal.aborted ? options.signal.reason : cannotStart(program, error)));
    child.on('close', (code) => resolve({ code, stdout, stderr }));
    // It may end without reading its input; then its exit code and stderr say why.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input);
  });
}

function cannotStart(program: string, cause: Error): TsstackError {
  const absent = 'code' in cause && cause.code === 'ENOENT';
  return new TsstackError(`cannot run \`${program}\`: ${absent ? 'it is not installed, or not in PATH' : cause.message}`, {
    code: absent ? 'not-found' : 'kernel',
    hint: absent ? howToInstall(program) : undefined,
    cause,
  });
}

function howToInstall(program: string): string {
  if (program === 'nft') return 'install it with `apt-get install nftables`, or use iptables with TSSTACK_FIREWALL=iptables';
  return 'install it with `apt-get install iptables`; networks and published ports need it';
}
