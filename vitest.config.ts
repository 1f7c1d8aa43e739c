import { defineConfig } from 'vitest/config';
import { patience } from './test/support/patience.ts';

/**
 * Three tiers, and one more of end-to-end tests for another kernel (`v2`). `unit` needs nothing. The others change the machine, so each of their workers first checks that it is
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
      {
        test: {
          name: 'unit',
          include: ['test/{unit,types}/**/*.test.ts'],
          pool: 'threads',
          isolate: false,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'kernel',
          include: ['test/kernel/**/*.test.ts'],
          testTimeout: 30_000 * patience,
          hookTimeout: 30_000 * patience,
          sequence: { groupOrder: 1 },
          ...onFakeHost,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 60_000 * patience,
          hookTimeout: 60_000 * patience,
          sequence: { groupOrder: 2 },
          ...onFakeHost,
        },
      },
      {
        // `npm run soak`: each test sets its own deadline.
        test: { name: 'soak', include: ['test/soak/**/*.test.ts'], sequence: { groupOrder: 4 }, ...onFakeHost },
      },
      {
        // Only in the guest that test/v2/run.sh boots.
        test: {
          name: 'v2',
          include: ['test/v2/**/*.test.ts'],
          testTimeout: 60_000 * patience,
          hookTimeout: 60_000 * patience,
          sequence: { groupOrder: 3 },
          ...onFakeHost,
        },
      },
    ],
  },
});
