import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

// One embedded PostgreSQL for the run; each test file clones a database from its migrated template.
export default defineConfig({
  // The package's own exports are its built JavaScript; tests run the source.
  resolve: {
    alias: {
      'vitrine/sdk': join(import.meta.dirname, 'src/sdk/sdk.ts'),
      'vitrine/stores': join(import.meta.dirname, 'src/blobs/blob-store.ts'),
    },
  },
  // Without the condition `development`, under which graphql would be there twice: once for our imports, once for its users.
  ssr: { resolve: { conditions: ['module', 'node'] } },
  test: {
    include: ['test/**/*.test.ts', 'artifact-types/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    // As src/main.ts does, and for its reason.
    execArgv: ['--wasm-wrapper-tiering-budget=2147483647'],
    maxWorkers: 2,
    testTimeout: 90_000,
    hookTimeout: 120_000,
  },
});
