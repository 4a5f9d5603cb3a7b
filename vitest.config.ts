import { defineConfig } from 'vitest/config';

const shared = { testTimeout: 30_000, hookTimeout: 60_000 };
/** Tests that drive the real program: built once before them. */
const databases = 'test/setup/databases.ts';
const realProgram = ['test/setup/real-program.ts', databases];

export default defineConfig({
  test: {
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
