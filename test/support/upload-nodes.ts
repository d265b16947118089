/** Several nodes in this process, each with its own connections, stores, digest threads and HTTP listener, over one database and one store. */
import { createHash } from 'node:crypto';
import { pino } from 'pino';
import { AppError } from '#base/app-error.ts';
import { systemClock } from '#base/clock.ts';
import { randomId } from '#base/id.ts';
import { openBlobs, type StoreConfig } from '#blobs/blobs.ts';
import { createMetrics, startHttpServer } from '#http/http-server.ts';
import { openDatabase, openJobQueue } from '#metadata/metadata.ts';
import { authenticateToken } from '#ops/authenticate-token.ts';
import { claimStores } from '#ops/claim-stores.ts';
import { createContext, type JobRun, type OpContext, type Services } from '#ops/context.ts';
import { verifyUpload } from '#ops/verify-upload.ts';
import { createCaller, createDefaultPolicy } from '#policy/policy.ts';
import { transferPlane } from '#transfers/transfer-routes.ts';
import { loadTypes } from '#types/load-types.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { testSettings, testTypesFolder } from './operations.ts';

export interface UploadNode {
  readonly url: string;
  readonly services: Services;
  /** As the identity that requests without a token have. */
  readonly context: OpContext;
}

export interface UploadNodes extends AsyncDisposable {
  readonly database: TestDatabase;
  /** Every line that any of them logged, as JSON. */
  readonly logged: readonly string[];
  readonly nodes: readonly UploadNode[];
}

export async function startUploadNodes(count: number, store: StoreConfig): Promise<UploadNodes> {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await createTestDatabase());
  const storeInstance = randomId();
  const nodes: UploadNode[] = [];
  const logged: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const blobs = stack.use(await openBlobs({ stores: [store], defaultStore: store.name }));
    await claimStores(database.db, blobs, storeInstance);
    const db = stack.use(openDatabase({ url: database.url, applicationName: `vitrine-node-${index}` }));
    const types = stack.use(await loadTypes({ folders: [testTypesFolder] }));
    const queue = stack.use(openJobQueue(db));
    const instanceKey = createHash('sha256').update('nodes').digest();
    const settings = { ...testSettings, instanceKey, nodeId: randomId(), maxBlobBytes: 2 ** 40 };
    const parts = { db, blobs, queue, types, policy: createDefaultPolicy(), clock: systemClock, newId: randomId };
    const services: Services = {
      ...parts,
      settings,
      log: pino({ level: 'info' }, { write: (line: string) => void logged.push(line) }),
    };
    const http = stack.use(
      await startHttpServer({
        ...{ host: '127.0.0.1', port: 0, services, planes: [transferPlane], dev: true },
        ...{ deadlineMs: 20_000, stallMs: 30_000, drainMs: 500, log: services.log, metrics: createMetrics(db) },
        graphql: async () => {
          throw new AppError('PATH_NOT_FOUND');
        },
        authenticateToken: (secret) => authenticateToken(services, secret),
      }),
    );
    const caller = createCaller('dev', 'default', ['admin']);
    const signal = new AbortController().signal;
    nodes.push({ url: http.url, services, context: createContext(services, { caller, requestId: `req-${randomId()}`, signal }) });
  }
  const kept = stack.move();
  return { database, logged, nodes, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

export const untroubledRun: JobRun = { signal: new AbortController().signal, progress: async () => undefined };

/** What a worker would do about everything that waits for verification, on this node; answers how each ended. */
export async function verifyAll({ services }: UploadNode): Promise<readonly string[]> {
  const waiting = await services.db.query<{ id: string }>({ text: `SELECT id FROM upload_session WHERE state = 'verifying'` });
  const outcomes: string[] = [];
  for (const { id } of waiting) outcomes.push((await verifyUpload(services, { uploadId: id }, untroubledRun)).outcome);
  return outcomes;
}
