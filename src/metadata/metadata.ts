/** The door of the room: the database, its migrations, and the records, one namespace each. */

export * as artifactRecords from './artifact-records.ts';
export * as blobRecords from './blob-records.ts';
export * as bootImageRecords from './boot-image-records.ts';
export * as closureRecords from './closure-records.ts';
export * as collectRecords from './collect-records.ts';
export { isUniqueViolation } from './database-errors.ts';
export * as dependencyRecords from './dependency-records.ts';
export * as dependentRecords from './dependent-records.ts';
export { startEmbeddedPostgres } from './embedded-postgres.ts';
export * as eventRecords from './event-records.ts';
export * as familyRecords from './family-records.ts';
export * as floatingRecords from './floating-records.ts';
export * as idempotencyRecords from './idempotency-records.ts';
export * as instanceRecords from './instance-records.ts';
export { type JobQueue, openJobQueue, type QueuedJob } from './job-queue.ts';
export * as listRecords from './list-records.ts';
export * as memberRecords from './member-records.ts';
export { inspectMigrations, migrate } from './migrate.ts';
export * as negotiationRecords from './negotiation-records.ts';
export { openDatabase } from './open-database.ts';
export { ensurePropertyIndexes } from './property-indexes.ts';
export * as readinessRecords from './readiness-records.ts';
export * as resolutionRecords from './resolution-records.ts';
export * as tokenRecords from './token-records.ts';
export * as uploadRecords from './upload-records.ts';
