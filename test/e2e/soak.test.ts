import { expect, test } from 'vitest';
import { grown } from '../soak/footprint.ts';
import { soak } from '../soak/soak.ts';
import { withProject } from '../support/tsstack.ts';

test('whatever happens to a stack in random rounds, it is as declared after each, and nothing grows', async () => {
  await withProject(
    {},
    async (p) => {
      const { old, young } = await soak(p, { rounds: 15, seed: 7, log: () => undefined });
      expect(grown({ old, young })).toEqual([]);
      expect(old.launcherFds).toEqual(young.launcherFds);
    },
    { timeoutMs: 100_000 },
  );
}, 120_000);
