/** Collection, reconciliation and scrubbing on a real S3 store: what the bucket holds is asked for past Vitrine's own way. */
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BlobStore } from '#blobs/blob-store.ts';
import { type Blobs, newObjectKey, openBlobs } from '#blobs/blobs.ts';
import { claimStores } from '#ops/claim-stores.ts';
import { collectBlobs } from '#ops/collect-blobs.ts';
import type { OpContext, Services } from '#ops/context.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { deleteArtifact } from '#ops/delete-artifact.ts';
import { openBlob } from '#ops/open-blob.ts';
import { reconcileStores } from '#ops/reconcile-stores.ts';
import { scrubBlobs } from '#ops/scrub-blobs.ts';
import { uploadBlob } from '#ops/upload-blob.ts';
import { quietRun } from '#test/support/maintenance.ts';
import { minioBinary, startMinio } from '#test/support/minio.ts';
import { actAs, createTestNode, type Node, outcome } from '#test/support/operations.ts';
import type { S3Server } from '#test/support/s3-server.ts';
import { mustSkip } from '#test/support/suites.ts';

const skip = mustSkip('s3', minioBinary === undefined ? ['MinIO'] : []);

describe.skipIf(skip)('on a bucket', () => {
  const stack = new AsyncDisposableStack();
  let node: Node;
  let server: S3Server;
  let blobs: Blobs;
  let bucket: BlobStore;
  let services: Services;
  let own: OpContext;

  beforeAll(async () => {
    node = stack.use(await createTestNode());
    server = stack.use(await startMinio());
    const s3 = { ...server.storeConfig('storage'), name: 'bucket' };
    const local = { name: 'local', kind: 'filesystem', path: node.storeFolder } as const;
    blobs = stack.use(await openBlobs({ stores: [local, s3], defaultStore: 'bucket' }));
    services = node.with({ blobs });
    const [instance] = await services.db.query<{ id: string }>({ text: 'SELECT gen_random_uuid() AS id' });
    const alone = { ...blobs, stores: new Map([['bucket', blobs.store('bucket')]]) };
    await claimStores(services.db, alone, instance?.id ?? '');
    bucket = blobs.store('bucket');
    own = actAs(services, 'own');
  }, 60_000);
  afterAll(() => stack.disposeAsync());

  const sql = <Row extends object>(text: string, values: readonly unknown[] = []) => services.db.query<Row>({ text }, values);
  const keys = async () => (await Array.fromAsync(bucket.list(new AbortController().signal))).map(({ key }) => key).sort();

  async function draftWith(name: string, text: string): Promise<{ readonly id: string; readonly key: string }> {
    const { id } = await createArtifact(own, { type: 'kit', name });
    await uploadBlob(own, { artifactId: id, slot: 'main', source: Readable.from([Buffer.from(text)]) });
    const [row] = await sql<{ key: string }>(
      `SELECT l.object_key AS key FROM artifact_blob ab JOIN location l USING (blob_id) WHERE ab.artifact_id = $1 AND l.state = 'live'`,
      [id],
    );
    return { id, key: row?.key ?? '' };
  }

  async function plant(text: string, key = newObjectKey()): Promise<string> {
    const writer = await bucket.create(key, { signal: new AbortController().signal });
    await writer.write(Buffer.from(text));
    await writer.finish();
    return key;
  }

  const read = async (id: string) =>
    Buffer.from(await (await openBlob(own, { artifactId: id, slot: 'main' })).read(0, 99)).toString();

  it('collects what nothing refers to, and nothing else', async () => {
    const [kept, gone] = [await draftWith('kept', 'kept bytes'), await draftWith('gone', 'gone bytes')];
    await deleteArtifact(own, { id: gone.id });
    expect(await collectBlobs(services, { graceMs: 0 }, quietRun())).toMatchObject({ removedObjects: 1, skippedStores: [] });
    expect(await keys()).toEqual([kept.key]);
  });

  it('removes strays, ends multipart uploads that nobody goes on with, and heals what is missing', async () => {
    const lost = await draftWith('lost', 'lost bytes');
    const stray = await plant('stray');
    const half = newObjectKey();
    const { resumable } = bucket;
    const { signal } = new AbortController();
    const state = await resumable?.begin(half, { signal });
    await (async () => {
      await using writer = await resumable?.resume(half, state ?? {}, 0, { signal });
      await writer?.write(Buffer.alloc(6 * 1024 * 1024));
      await writer?.checkpoint();
    })();
    await bucket.remove(lost.key);
    const { stores } = await reconcileStores(services, { repair: true, strayAgeMs: 0, stores: ['bucket'] }, quietRun());
    expect(stores).toMatchObject([{ skipped: null, strays: { removed: 1 }, damaged: { count: 1, quarantined: 1 } }]);
    if (resumable !== undefined) expect(stores[0]?.unfinished.first).toContain(half);
    expect(await keys()).not.toContain(stray);
    expect(await server.unfinishedUploads()).toEqual([]);
    expect(await outcome(read(lost.id))).toBe('BLOB_UNAVAILABLE');
    await draftWith('again', 'lost bytes');
    expect(await read(lost.id)).toBe('lost bytes');
  });

  it('quarantines wrong bytes', async () => {
    const rotten = await draftWith('rotten', 'right bytes');
    await bucket.remove(rotten.key);
    await plant('wrong bytes', rotten.key);
    const report = await scrubBlobs(services, { olderThanMs: 0, stores: ['bucket'] }, quietRun());
    expect(report).toMatchObject({ quarantined: 1, damaged: [{ fault: 'digest', objectKey: rotten.key }] });
    expect(await outcome(read(rotten.id))).toBe('BLOB_UNAVAILABLE');
  });

  it('leaves everything as it is while the server is down', async () => {
    const { id, key } = await draftWith('down', 'bytes of a server that is down');
    const live = await draftWith('live', 'live bytes');
    await deleteArtifact(own, { id });
    const exited = once(server.child, 'exit');
    server.child.kill('SIGKILL');
    await exited;
    const collected = await collectBlobs(services, { graceMs: 0 }, quietRun());
    expect(collected).toMatchObject({ removedObjects: 0, removedBlobs: 0, skippedStores: [{ store: 'bucket' }] });
    expect(await sql('SELECT state FROM location WHERE object_key = $1', [key])).toEqual([{ state: 'deleting' }]);
    const report = await reconcileStores(services, { repair: true, strayAgeMs: 0, stores: ['bucket'] }, quietRun());
    expect(report).toMatchObject({ isClean: false, stores: [{ skipped: expect.any(String), damaged: { count: 0 } }] });
    expect(await scrubBlobs(services, { olderThanMs: 0, stores: ['bucket'] }, quietRun())).toMatchObject({
      quarantined: 0,
      verified: 0,
    });
    expect(await sql('SELECT state FROM location WHERE object_key = $1', [live.key])).toEqual([{ state: 'live' }]);
  });
});
