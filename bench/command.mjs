import { spawn } from 'node:child_process';

/**
 * Runs a command to its end. @param {readonly string[]} argv @param {import('node:child_process').SpawnOptions} options
 * @returns {Promise<{ ms: number, stdout: string }>} from spawn to exit; rejects with what it said unless it ended with 0
 */
export function run([file, ...argv], options = {}) {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    let ended = 0;
    let stdout = '';
    let stderr = '';
    const child = spawn(file, argv, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.on('data', (data) => (stdout += data));
    child.stderr.on('data', (data) => (stderr += data));
    child.on('error', reject);
    child.on('exit', () => (ended = performance.now()));
    child.on('close', (code) => {
      if (code === 0) resolve({ ms: ended - started, stdout });
      else reject(new Error(`\`${[file, ...argv].join(' ')}\` ended with ${code}:\n${stdout}${stderr}`));
    });
  });
}

/** @param {readonly string[]} argv */
export async function succeeds(argv) {
  return run(argv).then(
    () => true,
    () => false,
  );
}
