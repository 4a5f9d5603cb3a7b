/** Once before the tests: where database servers of this run leave word of each other. None is started before a test wants it. */
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

export interface DatabaseRun {
  /** For all projects of one run. */
  readonly directory: string;
  /** The process that the servers end with. */
  readonly pid: number;
}

declare module 'vitest' {
  interface ProvidedContext {
    readonly databaseRun: DatabaseRun;
  }
}

export function setup(project: TestProject): void {
  const directory = process.env['COFFER_TEST_DATABASES'] ?? mkdtempSync(join(tmpdir(), 'coffer-databases-'));
  process.env['COFFER_TEST_DATABASES'] = directory;
  project.provide('databaseRun', { directory, pid: process.pid });
}

/** Where no server was started nobody else takes the directory away. */
export function teardown(): void {
  try {
    rmdirSync(process.env['COFFER_TEST_DATABASES'] ?? '');
  } catch {
    // Servers are in it, or another project of the run was first.
  }
}
