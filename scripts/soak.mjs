/** `npm run soak [-- --rounds N --seed S]`: random rounds on a fake host. A round that fails says how to replay it. */
import { parseArgs } from 'node:util';
import { finish } from './check.mjs';
import { vitest } from './run.mjs';

const { values } = parseArgs({ options: { rounds: { type: 'string' }, seed: { type: 'string' } } });
for (const [name, value] of Object.entries(values)) {
  if (!/^\d+$/.test(value)) throw new Error(`--${name} must be a whole number, not \`${value}\``);
  process.env[`TSSTACK_SOAK_${name.toUpperCase()}`] = value;
}
finish(await vitest('soak', { wrapper: ['sh', 'scripts/fake-host.sh'] }));
