/** Prisma's command line, offline: no schema engine is downloaded, and none is started by `prisma generate`. */
import { defineConfig } from 'prisma/config';

// Any executable satisfies the check that would otherwise download the engine; migrations run in process (src/metadata).
process.env['PRISMA_SCHEMA_ENGINE_BINARY'] ??= process.execPath;

export default defineConfig({ schema: 'prisma/schema.prisma', migrations: { path: 'prisma/migrations' } });
