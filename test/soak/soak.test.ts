import { expect, test } from 'vitest';
import { withProject } from '../support/tsstack.ts';
import { grown } from './footprint.ts';
import { soak } from './soak.ts';

const rounds = Number(process.env['TSSTACK_SOAK_ROUNDS'] ?? 1000);
const seed = Number(process.env['TSSTACK_SOAK_SEED'] ?? 1);
/** With a loaded machine in mind: a round takes one to two seconds. */
const timeoutMs = 60_000 + rounds * 30_000;

test(
  `${rounds} random rounds of seed ${seed} leave nothing behind`,
  async () => {
    await withProject(
      {},
      async (p) => {
        const log = (line: string) => process.stdout.write(`${line}\n`);
        const { old, young } = await soak(p, { rounds, seed, log });
        log(`supervisor after ${rounds} rounds: ${JSON.stringify(old)}; a new one: ${JSON.stringify(young)}`);
        expect(grown({ old, young })).toEqual([]);
        expect(old.launcherFds).toEqual(young.launcherFds);
      },
      { timeoutMs },
    );
  },
  timeoutMs,
);
