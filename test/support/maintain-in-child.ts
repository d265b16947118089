/**
 * One operation of maintenance in a process of its own, with failpoints: `node maintain-in-child.ts ORDER`, ORDER as JSON. Prints
 * the result as JSON; a failpoint may kill it before.
 */
import { pino } from 'pino';
import { armFailpoints } from '#base/failpoint.ts';
import { randomId } from '#base/id.ts';
import { openBlobs, type StoreConfig } from '#blobs/blobs.ts';
import { openDatabase } from '#metadata/metadata.ts';
import { collectBlobs } from '#ops/collect-blobs.ts';
import type { JobRun, Services } from '#ops/context.ts';
import { purgeArtifacts } from '#ops/purge-artifacts.ts';
import { reconcileStores } from '#ops/reconcile-stores.ts';
import { scrubBlobs } from '#ops/scrub-blobs.ts';
import { childApplicationName } from './maintenance.ts';
import { testSettings } from './operations.ts';

export interface MaintenanceOrder {
  readonly operation: keyof typeof operations;
  readonly databaseUrl: string;
  readonly stores: readonly StoreConfig[];
  readonly input: object;
  readonly failpoints: string;
}

const operations = { collectBlobs, reconcileStores, scrubBlobs, purgeArtifacts };

const order = JSON.parse(process.argv[2] ?? '') as MaintenanceOrder;
await using db = openDatabase({ url: order.databaseUrl, poolSize: 4, applicationName: childApplicationName });
await using blobs = await openBlobs({ stores: order.stores, defaultStore: order.stores[0]?.name ?? '' });
const run: JobRun = { signal: new AbortController().signal, progress: async () => undefined };
const services = { ...({} as Services), db, blobs, log: pino({ level: 'silent' }), newId: randomId, settings: testSettings };
const operate = operations[order.operation];
if (order.failpoints !== '') armFailpoints(order.failpoints);
process.stdout.write(JSON.stringify(await operate(services, order.input as never, run)));
