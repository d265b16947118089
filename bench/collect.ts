/**
 * Collection and reconciliation of many blobs: the longest statement of each, how long each takes, and how fast uploads are
 * beside them: `node bench/collect.ts [blob rows]`. Rows are made by SQL; their objects exist as a list only. Collector,
 * reconciler and uploads share this process and its pool, as in a server that works its own jobs.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { Readable } from 'node:stream';
import type { BlobStore, StoredObject } from '#blobs/blob-store.ts';
import type { Database } from '#metadata/database.ts';
import { collectBlobs } from '#ops/collect-blobs.ts';
import type { JobRun, Services } from '#ops/context.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { reconcileStores } from '#ops/reconcile-stores.ts';
import { uploadBlob } from '#ops/upload-blob.ts';
import { setup, teardown } from '#test/support/global-setup.ts';
import { actAs, createTestNode } from '#test/support/operations.ts';
import { median, printMachine, printSeries, printTargets } from './report.ts';

const blobs = Number(process.argv[2] ?? 1_000_000);
const uploadBytes = 256 * 1024;
const uploadsAtOnce = 4;
const windowMs = 3_000;
const rounds = 5;
const storeId = '00000000-0000-8000-a000-0000000000b0';

/** One blob in a hundred belongs to nobody. */
async function createBlobs(db: Database): Promise<void> {
  const run = (text: string, values: readonly unknown[] = []): Promise<object[]> => db.query({ text }, values);
  await run(`INSERT INTO store (name, store_id, kind) VALUES ('bulk', '${storeId}', 'filesystem')`);
  for (let from = 0; from < blobs; from += 20_000) {
    const range = [from, Math.min(blobs, from + 20_000) - 1];
    const each = 'generate_series($1::int, $2::int) AS i';
    await run(
      `INSERT INTO artifact (id, project, type, type_version, state, visibility, created_by)
       SELECT md5('artifact' || i)::uuid, 'bulk', 'kit', '1', 'active', 'private', 'bench' FROM ${each} WHERE i % 100 = 0`,
      range,
    );
    await run(
      `INSERT INTO blob (id, digest_algorithm, digest_value, size_bytes)
       SELECT md5('blob' || i)::uuid, 'sha256', md5('d' || i) || md5('e' || i), 4096 FROM ${each}`,
      range,
    );
    await run(
      `INSERT INTO location (id, blob_id, store, object_key, state, verified_at)
       SELECT md5('location' || i)::uuid, md5('blob' || i)::uuid, 'bulk', md5('key' || i), 'live', now() FROM ${each}`,
      range,
    );
    await run(
      `INSERT INTO artifact_blob (artifact_id, slot, key, path, media_type, blob_id)
       SELECT md5('artifact' || i / 100 * 100)::uuid, 'docs', i::text, i::text, 'text/plain', md5('blob' || i)::uuid
       FROM ${each} WHERE i % 100 <> 99`,
      range,
    );
    await run(
      `INSERT INTO placement (artifact_id, slot, store) SELECT md5('artifact' || i)::uuid, 'docs', 'bulk' FROM ${each}
       WHERE i % 100 = 0`,
      range,
    );
  }
  await run('ANALYZE');
}

/** A store of which there is the list only: the objects of all rows, and one stray. */
function createBulkStore(db: Database, model: BlobStore): BlobStore {
  return {
    ...model,
    name: 'bulk',
    identity: async () => storeId,
    stat: async (key) => ({ key, sizeBytes: 4096 }),
    remove: async () => undefined,
    async *list(): AsyncGenerator<StoredObject> {
      for (let from = 0; from < blobs; from += 5_000) {
        const text = `SELECT md5('key' || i) AS key FROM generate_series($1::int, $2::int) AS i`;
        const keys = await db.query<{ key: string }>({ text }, [from, Math.min(blobs, from + 5_000) - 1]);
        for (const { key } of keys) yield { key, sizeBytes: 4096 };
      }
      yield { key: 'f'.repeat(32), sizeBytes: 1 };
    },
    resumable: undefined,
  };
}

/** The same database, with the time of its longest statement by beginning of text. */
function timed(db: Database, longest: { ms: number; text: string }): Database {
  const measure = async <T>(text: string, work: () => Promise<T>): Promise<T> => {
    const startedAt = performance.now();
    try {
      return await work();
    } finally {
      const ms = performance.now() - startedAt;
      if (ms > longest.ms) Object.assign(longest, { ms, text: text.replace(/\s+/g, ' ').slice(0, 100) });
    }
  };
  return {
    ...db,
    reads: db.reads,
    query: (statement, values) => measure(statement.name ?? statement.text, () => db.query(statement, values)),
    transaction: (work, options) =>
      db.transaction(
        (tx) =>
          work({ query: (statement, values) => measure(statement.name ?? statement.text, () => tx.query(statement, values)) }),
        options,
      ),
  };
}

/** Bytes a second of uploads in the window. */
async function uploadFor(services: Services, drafts: readonly string[], forMs: number): Promise<number> {
  const context = actAs(services, 'own');
  const endsAt = performance.now() + forMs;
  const startedAt = performance.now();
  let bytes = 0;
  const worker = async (artifactId: string): Promise<void> => {
    while (performance.now() < endsAt) {
      const source = Readable.from([randomBytes(uploadBytes)]);
      await uploadBlob(context, { artifactId, slot: 'main', source, expectedBytes: uploadBytes });
      bytes += uploadBytes;
    }
  };
  await Promise.all(drafts.map(worker));
  return bytes / ((performance.now() - startedAt) / 1000);
}

await setup();
try {
  await using node = await createTestNode();
  const { services } = node;
  console.log(`${blobs} blob rows are made …`);
  await createBlobs(services.db);
  printMachine();
  const own = actAs(services, 'own');
  const drafts = await Promise.all(
    Array.from({ length: uploadsAtOnce }, async () => (await createArtifact(own, { type: 'kit', name: randomUUID() })).id),
  );
  const bulk = createBulkStore(services.db, services.blobs.defaultStore);
  const all = { ...services.blobs, stores: new Map([...services.blobs.stores, ['bulk', bulk]]) };
  const works = {
    collection: (with_: Services, run: JobRun) => collectBlobs(with_, { graceMs: 0 }, run),
    reconciliation: (with_: Services, run: JobRun) => reconcileStores(with_, { repair: false, stores: ['bulk'] }, run),
  };
  await uploadFor(services, drafts, windowMs);
  const targets = [];
  for (const [name, work] of Object.entries(works)) {
    const longest = { ms: 0, text: '' };
    const timedServices = { ...services, blobs: all, db: timed(services.db, longest) };
    const quiet: JobRun = { signal: new AbortController().signal, progress: async () => undefined };
    const startedAt = performance.now();
    const result = await work(timedServices, quiet);
    console.log(`${name} alone: ${((performance.now() - startedAt) / 1000).toFixed(1)} s`, JSON.stringify(result).slice(0, 300));
    const [alone, beside]: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round += 1) {
      alone.push((await uploadFor(services, drafts, windowMs)) / 1e6);
      const stop = new AbortController();
      const working = (async () => {
        while (!stop.signal.aborted) await work(timedServices, { ...quiet, signal: stop.signal });
      })().catch(() => undefined);
      beside.push((await uploadFor(services, drafts, windowMs)) / 1e6);
      stop.abort();
      await working;
    }
    printSeries(`uploads without ${name}`, alone, 'MB/s');
    printSeries(`uploads beside ${name}`, beside, 'MB/s');
    console.log(`longest statement of ${name}: ${longest.ms.toFixed(0)} ms  ${longest.text}`);
    targets.push({ name: `longest statement of ${name}`, value: longest.ms, atMost: 1_000, unit: ' ms' });
    targets.push({ name: `uploads beside ${name}`, value: median(beside) / median(alone), atLeast: 0.8, unit: ' ×' });
  }
  console.log(`RSS ${(process.memoryUsage().rss / 1024 ** 2).toFixed(0)} MiB`);
  printTargets(targets);
} finally {
  await teardown();
}
