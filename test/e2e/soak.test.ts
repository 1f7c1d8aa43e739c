import { expect, test } from 'vitest';
import { soak } from '../soak/soak.ts';
import { withProject } from '../support/tsstack.ts';

test('whatever happens to a stack in random rounds, it is as declared after each, and nothing grows', async () => {
  await withProject(
    {},
    async (p) => {
      const { old, young } = await soak(p, { rounds: 15, seed: 7, log: () => undefined });
      // A young one may have opened for its first `up` what the old one has closed since: nothing has grown.
      const grown = Object.entries(old.fds).filter(([kind, count]) => count > (young.fds[kind] ?? 0));
      expect(grown).toEqual([]);
      expect(old.launcherFds).toEqual(young.launcherFds);
    },
    { timeoutMs: 100_000 },
  );
}, 120_000);
