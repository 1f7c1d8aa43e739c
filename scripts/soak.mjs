/** `npm run soak [-- --rounds N --seed S]`: random rounds on a fake host, then a crash at every single step. A round that fails says how to replay it. */
import { parseArgs } from 'node:util';
import { finish } from './check.mjs';
import { sum, vitest } from './run.mjs';

const { values } = parseArgs({ options: { rounds: { type: 'string' }, seed: { type: 'string' } } });
for (const [name, value] of Object.entries(values)) {
  if (!/^\d+$/.test(value)) throw new Error(`--${name} must be a whole number, not \`${value}\``);
  process.env[`TSSTACK_SOAK_${name.toUpperCase()}`] = value;
}
process.env.TSSTACK_EVERY_STEP = '1';
const wrapper = ['sh', 'scripts/fake-host.sh'];
const rounds = await vitest('soak', { wrapper });
finish(sum([rounds, await vitest('e2e', { filters: ['test/e2e/crash-steps.test.ts'], wrapper })]));
