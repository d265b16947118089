/** A process that owns an embedded PostgreSQL, for tests that kill it: prints one line of JSON, then waits for SIGTERM. */
import { isAppError } from '#base/app-error.ts';
import { startEmbeddedPostgres } from '#metadata/metadata.ts';

const { promise: asked, resolve: stop } = Promise.withResolvers<void>();
process.on('SIGTERM', () => stop());
const waiting = setInterval(() => undefined, 60_000);
try {
  await using postgres = await startEmbeddedPostgres({ dataDir: process.argv[2] ?? '' });
  process.stdout.write(`${JSON.stringify({ url: postgres.url, pid: postgres.pid })}\n`);
  await asked;
} catch (error) {
  process.stdout.write(`${JSON.stringify({ error: isAppError(error) ? error.code : 'OTHER', message: String(error) })}\n`);
  process.exitCode = 1;
} finally {
  clearInterval(waiting);
}
