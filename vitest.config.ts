import { defineConfig } from 'vitest/config';

// One embedded PostgreSQL for the run; each test file clones a database from its migrated template.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'artifact-types/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
