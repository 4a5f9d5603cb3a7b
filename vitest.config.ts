import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { takeRunDirectory } from './test/setup/run-directory.ts';

// Before any worker: they inherit it.
takeRunDirectory();

/** Test files at a time. Tests start processes of their own, so more would only wait for each other; VITEST_MAX_WORKERS says otherwise. */
const maxWorkers = Math.min(4, availableParallelism());

const shared = { testTimeout: 30_000, hookTimeout: 60_000 };
/** Tests that drive the real program: built once before them. */
const databases = 'test/setup/databases.ts';
const realProgram = ['test/setup/real-program.ts', databases];

export default defineConfig({
  test: {
    maxWorkers,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'tools/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: ['test/**/*.e2e.test.ts', '**/*.long.test.ts'],
          globalSetup: [databases],
          ...shared,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/**/*.e2e.test.ts'],
          globalSetup: realProgram,
          ...shared,
          testTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'long',
          include: process.env['COFFER_TEST_LONG'] === '1' ? ['**/*.long.test.ts'] : [],
          exclude: ['node_modules/**'],
          globalSetup: realProgram,
          ...shared,
          testTimeout: 1_800_000,
        },
      },
    ],
  },
});
