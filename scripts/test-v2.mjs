/**
 * `npm run test:v2 [-- FILE...]`: tests on a kernel with nothing but cgroup v2, the oldest one we stand for, in a guest that test/v2/run.sh boots. By
 * default the cgroup driver's, what is told of OOM kills and the scenarios of test/v2; FILEs may be any kernel or e2e tests.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { finish } from './check.mjs';
import { root, vitest } from './run.mjs';

const DEFAULT = ['test/kernel/cgroups.test.ts', 'test/kernel/launcher-oom.test.ts', 'test/v2/'];
/** How much slower than a real one the emulated machine is, at the worst. */
const PATIENCE = '5';
/** Of test/v2/run.sh: QEMU and the kernel can't be had. */
const CANNOT_BOOT = 77;

const [first, ...rest] = process.argv.slice(2);
if (first === '--in-guest') {
  process.env.TSSTACK_TEST_PATIENCE = PATIENCE;
  finish(await vitest(['kernel', 'e2e', 'v2'], { filters: rest, wrapper: ['sh', 'scripts/fake-host.sh'] }));
} else {
  runGuest(first === undefined ? DEFAULT : [first, ...rest]);
}

function runGuest(files) {
  const lacking = whatIsMissing();
  if (lacking !== undefined) return skip(lacking);
  const guest = [process.execPath, 'scripts/test-v2.mjs', '--in-guest', ...files];
  const { status } = spawnSync('bash', ['test/v2/run.sh', ...guest], { cwd: root, stdio: 'inherit' });
  if (status === CANNOT_BOOT) return skip('see above');
  process.exitCode = status ?? 1;
}

function skip(why) {
  console.log(`\n*** SKIPPED the tests on a kernel with cgroup v2 alone: ${why} ***\n`);
  finish({ passed: 0, failed: 0, skipped: 1 });
}

function whatIsMissing() {
  if (process.getuid?.() !== 0) return 'they need root';
  if (process.arch !== 'x64') return 'the guest is x86-64';
  const cached = existsSync(join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'tsstack-v2/root'));
  const programs = ['busybox', 'mkfs.ext4', ...(cached ? [] : ['apt-get', 'apt-cache', 'dpkg-deb'])];
  const path = `${process.env.PATH}:/usr/sbin:/sbin`.split(':');
  const absent = programs.filter((program) => !path.some((directory) => existsSync(join(directory, program))));
  return absent.length === 0 ? undefined : `there is no \`${absent.join('`, `')}\``;
}
