import { defineConfig } from 'vitest/config';

/**
 * Three tiers. `unit` needs nothing. `kernel` and `e2e` change the machine, so each of their workers first checks that it is
 * on a fake host (scripts/fake-host.sh); `node scripts/test.mjs kernel [FILE...]` gives them one. They run one file after
 * the other: a world diff sees what another file does on the same fake host.
 */
const onFakeHost = {
  pool: 'forks',
  maxWorkers: 1,
  fileParallelism: false,
  setupFiles: ['test/support/require-fake-host.ts'],
} as const;

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/{unit,types}/**/*.test.ts'], pool: 'threads', sequence: { groupOrder: 0 } } },
      {
        test: {
          name: 'kernel',
          include: ['test/kernel/**/*.test.ts'],
          testTimeout: 30_000,
          hookTimeout: 30_000,
          sequence: { groupOrder: 1 },
          ...onFakeHost,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 2 },
          ...onFakeHost,
        },
      },
    ],
  },
});
