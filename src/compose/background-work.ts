/** What a server does beside answering: jobs, indexes of properties, and the uploads that an earlier run left. */
import type { Logger } from 'pino';
import { isAppError } from '#base/app-error.ts';
import type { Config } from '#config/config.ts';
import type { Metrics } from '#http/http-server.ts';
import { startWorker } from '#jobs/jobs.ts';
import { ensurePropertyIndexes } from '#metadata/metadata.ts';
import type { Services } from '#ops/context.ts';
import { releaseUploads } from '#ops/release-uploads.ts';
import type { TypeRegistry } from '#types/type-registry.ts';

/** Then jobs begin, and indexes are looked after: loading what they need would take the thread from the first requests. */
const workAfterMs = 1000;

/** The worker itself ends with the queue, after the last request and before the stores. */
export function workSoon(config: Config, services: Services, metrics: Metrics, stack: AsyncDisposableStack): void {
  const begin = () => startWorker(services, { settings: config.jobs, onEnd: metrics.observeJob });
  const timer = setTimeout(begin, workAfterMs);
  stack.defer(() => clearTimeout(timer));
}

/** Ended before the database is closed. */
export function indexSoon(config: Config, url: string, { types, log }: Services, stack: AsyncDisposableStack): void {
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  const timer = setTimeout(() => {
    running = buildIndexes(config.database.directUrl ?? url, types, stopping.signal, log);
  }, workAfterMs);
  stack.defer(async () => {
    clearTimeout(timer);
    stopping.abort();
    await running;
  });
}

/** Lists work without, only slower. */
async function buildIndexes(url: string, registry: TypeRegistry, signal: AbortSignal, log: Logger): Promise<void> {
  const types = [...registry.types.values()].map(({ manifest, properties, extraKind }) => ({
    type: manifest.type,
    properties,
    hasExtra: extraKind !== null,
  }));
  try {
    const made = await ensurePropertyIndexes({ url, types, signal });
    if (made.length > 0) log.info({ count: made.length }, 'indexes of properties were made');
  } catch (error) {
    if (!signal.aborted) log.warn({ err: error }, 'indexes of properties could not be made; lists stay slower');
  }
}

/** Of the node that this was before it was started anew: only where no other node can be on the database. */
export async function releaseAbandoned({ db, blobs, settings, log }: Services): Promise<void> {
  const count = await releaseUploads(db, blobs, settings.nodeId).catch((error: unknown) => {
    // Nothing is released while the instance is read-only: its next start, or the uploads' expiry, does.
    if (isAppError(error, 'READ_ONLY')) return 0;
    throw error;
  });
  if (count > 0) log.info({ count }, 'uploads that an earlier run left were ended');
}
