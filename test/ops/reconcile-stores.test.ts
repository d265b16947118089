/** Stores against rows, both ways: what a check finds and leaves, what a repair does, and what heals it. */
import { createHash, randomUUID } from 'node:crypto';
import { appendFile, mkdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '#base/app-error.ts';
import { newObjectKey } from '#blobs/blobs.ts';
import { collectBlobs } from '#ops/collect-blobs.ts';
import type { OpContext } from '#ops/context.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { deleteArtifact } from '#ops/delete-artifact.ts';
import { openBlob } from '#ops/open-blob.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { type ReconcileStoresInput, reconcileStores, type StoreReport } from '#ops/reconcile-stores.ts';
import { scrubBlobs } from '#ops/scrub-blobs.ts';
import { judgeBytes } from '#test/support/judge-bytes.ts';
import { listFailpoints, maintainInChild, quietRun } from '#test/support/maintenance.ts';
import { actAs, createTestNode, type Node, outcome, putText } from '#test/support/operations.ts';

let node: Node;
let own: OpContext;
let names = 0;
let made: string[] = [];

beforeAll(async () => {
  node = await createTestNode();
  own = actAs(node.services, 'own');
});
afterAll(() => node[Symbol.asyncDispose]());
afterEach(async () => {
  for (const id of made) await deleteArtifact(own, { id }).catch(() => undefined);
  made = [];
  await collectBlobs(node.services, { graceMs: 0 }, quietRun());
  await reconcileStores(node.services, { repair: true, strayAgeMs: 0 }, quietRun());
  expect(await judgeBytes(node.services.db, node.storeFolder)).toEqual({ broken: [], garbage: [], objects: [] });
});

const sql = <Row extends object>(text: string, values: readonly unknown[] = []) => node.services.db.query<Row>({ text }, values);
const pathOf = (key: string) => join(node.storeFolder, 'objects', key.slice(0, 2), key);

async function reconcile(input: ReconcileStoresInput): Promise<StoreReport> {
  const { stores } = await reconcileStores(node.services, input, quietRun());
  const [store] = stores;
  if (store === undefined || stores.length !== 1) throw new Error('one store was expected');
  return store;
}

interface Made {
  readonly id: string;
  readonly key: string;
  readonly sha256: string;
}

async function draftWith(text: string): Promise<Made> {
  names += 1;
  const { id } = await createArtifact(own, { type: 'kit', name: `reconcile-${names}`, version: '1.0.0' });
  made.push(id);
  await putText(own, id, 'main', text);
  const [row] = await sql<{ key: string }>(
    `SELECT l.object_key AS key FROM artifact_blob ab JOIN location l ON l.blob_id = ab.blob_id
     WHERE ab.artifact_id = $1 AND l.state = 'live'`,
    [id],
  );
  return { id, key: row?.key ?? '', sha256: createHash('sha256').update(text).digest('hex') };
}

async function plantStray(text: string): Promise<string> {
  const key = newObjectKey();
  await mkdir(join(node.storeFolder, 'objects', key.slice(0, 2)), { recursive: true });
  await writeFile(pathOf(key), text);
  return key;
}

/** An object that was begun, written to, and forgotten. */
async function leaveUnfinished(): Promise<string> {
  const { resumable } = node.services.blobs.defaultStore;
  if (resumable === undefined) throw new Error('the filesystem store takes objects in several pieces');
  const key = newObjectKey();
  const { signal } = new AbortController();
  const state = await resumable.begin(key, { signal });
  await using writer = await resumable.resume(key, state, 0, { signal });
  await writer.write(Buffer.from('unfinished'));
  await writer.checkpoint();
  return key;
}

const download = async (id: string) =>
  Buffer.from(await (await openBlob(own, { artifactId: id, slot: 'main' })).read(0, 100)).toString();

describe('a check', () => {
  it('finds nothing where everything is in order, also beside uploads', async () => {
    for (let count = 0; count < 20; count += 1) await draftWith(`in order ${count}`);
    const [report] = await Promise.all([reconcile({ repair: false }), draftWith('while it runs')]);
    expect(report).toMatchObject({
      skipped: null,
      rows: 20,
      strays: { count: 0 },
      unfinished: { count: 0 },
      damaged: { count: 0 },
    });
    expect(report.objects).toBeGreaterThanOrEqual(20);
  });

  it('tells objects without rows, and changes nothing', async () => {
    await draftWith('known');
    const key = await plantStray('nobody knows me');
    const report = await reconcile({ repair: false, strayAgeMs: 0 });
    expect(report.strays).toMatchObject({ count: 1, bytes: 15, due: 1, removed: 0, first: [{ key, sizeBytes: 15 }] });
    expect((await judgeBytes(node.services.db, node.storeFolder)).objects).toContain(key);
  });

  it('names the artifacts of objects that are missing or of another size, and changes nothing', async () => {
    const [missing, short, whole] = [await draftWith('missing'), await draftWith('too short'), await draftWith('whole')];
    await rm(pathOf(missing.key));
    await truncate(pathOf(short.key), 3);
    const { damaged } = await reconcile({ repair: false });
    const found = new Map(
      damaged.first.map(({ objectKey, fault, artifacts }) => [objectKey, { fault, ids: artifacts.map(({ id }) => id) }]),
    );
    expect(damaged).toMatchObject({ count: 2, quarantined: 0 });
    expect(found.get(missing.key)).toEqual({ fault: 'missing', ids: [missing.id] });
    expect(found.get(short.key)).toEqual({ fault: 'size', ids: [short.id] });
    expect(await sql(`SELECT 1 FROM location WHERE state <> 'live'`)).toEqual([]);
    expect(await download(whole.id)).toBe('whole');
  });

  it('keeps its report as a row', async () => {
    const key = await plantStray('kept');
    const { id } = await reconcileStores(node.services, { repair: false }, quietRun());
    const rows = await sql<{ kind: string; report: { stores: StoreReport[] }; finished_at: Date }>(
      'SELECT * FROM storage_report WHERE id = $1',
      [id],
    );
    expect(rows).toMatchObject([{ kind: 'check', report: { stores: [{ store: 'local', strays: { first: [{ key }] } }] } }]);
    expect(rows[0]?.finished_at).toBeInstanceOf(Date);
  });
});

describe('a repair', () => {
  it('removes objects that nobody knows once they were known as such for long enough', async () => {
    const kept = await draftWith('kept');
    const key = await plantStray('stray');
    expect((await reconcile({ repair: true, strayAgeMs: 60_000 })).strays).toMatchObject({ count: 1, due: 0, removed: 0 });
    await sql(`UPDATE stray_object SET first_seen_at = first_seen_at - interval '2 minutes'`);
    expect((await reconcile({ repair: true, strayAgeMs: 60_000 })).strays).toMatchObject({ count: 1, due: 1, removed: 1 });
    const { objects } = await judgeBytes(node.services.db, node.storeFolder);
    expect(objects).toEqual([kept.key]);
    expect(objects).not.toContain(key);
    expect(await sql('SELECT 1 FROM stray_object')).toEqual([]);
  });

  it('removes the other strays where one cannot be removed, and does not call that clean', async () => {
    const [stuck] = [await plantStray('one'), await plantStray('two'), await plantStray('three')].sort();
    const { blobs } = node.services;
    const { defaultStore } = blobs;
    const remove = (key: string) =>
      key === stuck ? Promise.reject(new AppError('STORE_UNAVAILABLE')) : defaultStore.remove(key);
    const services = node.with({ blobs: { ...blobs, stores: new Map([['local', { ...defaultStore, remove }]]) } });
    const report = await reconcileStores(services, { repair: true, strayAgeMs: 0 }, quietRun());
    expect(report).toMatchObject({ isClean: false, stores: [{ skipped: null, strays: { count: 3, removed: 2 } }] });
    expect((await reconcile({ repair: true, strayAgeMs: 0 })).strays).toMatchObject({ count: 1, removed: 1 });
  });

  it('never takes the object of an upload that runs for a stray', async () => {
    const { id } = await draftWith('other');
    const key = await plantStray('being written');
    await sql(
      `INSERT INTO upload_session (id, project, created_by, artifact_id, slot, key, path, media_type, store, object_key, state,
         limit_bytes, expires_at)
       VALUES ($1, 'own', 'me', $2, 'docs', 'x', 'x', 'text/plain', 'local', $3, 'verifying', 100, now() + interval '1 hour')`,
      [randomUUID(), id, key],
    );
    expect((await reconcile({ repair: true, strayAgeMs: 0 })).strays).toMatchObject({ count: 0, removed: 0 });
    await sql(`UPDATE upload_session SET state = 'failed'`);
    expect((await reconcile({ repair: true, strayAgeMs: 0 })).strays).toMatchObject({ count: 1, removed: 1 });
    await sql('DELETE FROM upload_session');
  });

  it('quarantines what lost its bytes; uploading them again heals every artifact, and the old place goes', async () => {
    const lost = await draftWith('lost and found');
    await publishArtifact(own, { id: lost.id });
    await rm(pathOf(lost.key));
    expect((await reconcile({ repair: true })).damaged).toMatchObject({
      count: 1,
      quarantined: 1,
      first: [{ isReadable: false }],
    });
    expect(await outcome(download(lost.id))).toBe('BLOB_UNAVAILABLE');
    const events = await sql(`SELECT payload FROM event WHERE kind = 'artifact.blob.damaged' AND subject_id = $1`, [lost.id]);
    expect(events).toEqual([{ payload: { slot: 'main', path: 'main', sha256: lost.sha256, fault: 'missing' } }]);
    expect((await reconcile({ repair: true })).damaged).toMatchObject({ count: 0 });
    await draftWith('lost and found');
    expect(await download(lost.id)).toBe('lost and found');
    await collectBlobs(node.services, { graceMs: 0 }, quietRun());
    expect(await judgeBytes(node.services.db, node.storeFolder)).toMatchObject({ broken: [], garbage: [] });
  });

  it('removes what uploads left half written, but not what is written now', async () => {
    const key = newObjectKey();
    await writeFile(join(node.storeFolder, 'tmp', `${key}.0123456789ab`), 'half');
    const other = await leaveUnfinished();
    expect((await reconcile({ repair: true, strayAgeMs: 3_600_000 })).unfinished).toMatchObject({ count: 0, removed: 0 });
    const { unfinished } = await reconcile({ repair: true, strayAgeMs: 0 });
    expect(unfinished.first).toContain(other);
    expect(unfinished.removed).toBe(unfinished.count);
    expect((await reconcile({ repair: true, strayAgeMs: 0 })).unfinished).toMatchObject({ count: 0 });
  });

  it('ends the other half-written objects where one cannot be ended', async () => {
    const [stuck] = [await leaveUnfinished(), await leaveUnfinished()];
    const { blobs } = node.services;
    const { defaultStore } = blobs;
    if (defaultStore.resumable === undefined) throw new Error('the filesystem store takes objects in several pieces');
    const { resumable } = defaultStore;
    const abort: typeof resumable.abort = (key, state) =>
      key === stuck ? Promise.reject(new AppError('STORE_UNAVAILABLE')) : resumable.abort(key, state);
    const stores = new Map([['local', { ...defaultStore, resumable: { ...resumable, abort } }]]);
    const services = node.with({ blobs: { ...blobs, stores } });
    const report = await reconcileStores(services, { repair: true, strayAgeMs: 0 }, quietRun());
    expect(report).toMatchObject({ isClean: false, stores: [{ skipped: null, unfinished: { count: 2, removed: 1 } }] });
    expect((await reconcile({ repair: true, strayAgeMs: 0 })).unfinished).toMatchObject({ count: 1, removed: 1 });
  });

  it('leaves out a store that is not the one the database knows: an unmounted folder has lost nothing', async () => {
    const { id } = await draftWith('still there');
    const [identity, away] = [join(node.storeFolder, 'identity'), join(node.storeFolder, 'identity.away')];
    await rename(identity, away);
    const report = await reconcileStores(node.services, { repair: true, strayAgeMs: 0 }, quietRun());
    expect(report).toMatchObject({
      isClean: false,
      stores: [{ skipped: 'has no id: it is new, or not mounted', damaged: { count: 0 } }],
    });
    await rename(away, identity);
    expect(await download(id)).toBe('still there');
  });

  it('finishes after a kill at each step', async () => {
    const stores = [{ name: 'local', kind: 'filesystem', path: node.storeFolder }] as const;
    const order = {
      operation: 'reconcileStores',
      databaseUrl: node.databaseUrl,
      stores,
      input: { repair: true, strayAgeMs: 0 },
    } as const;
    for (const name of [...(await listFailpoints('repair')), ...(await listFailpoints('quarantine'))]) {
      const kept = await draftWith(`kept ${name}`);
      const lost = await draftWith(`lost ${name}`);
      await rm(pathOf(lost.key));
      await plantStray('stray');
      await leaveUnfinished();
      expect(await maintainInChild({ ...order, failpoints: `${name}=kill` })).toMatchObject({ signal: 'SIGKILL' });
      expect(await download(kept.id)).toBe(`kept ${name}`);
      await reconcile({ repair: true, strayAgeMs: 0 });
      expect(await outcome(download(lost.id))).toBe('BLOB_UNAVAILABLE');
      expect((await judgeBytes(node.services.db, node.storeFolder)).garbage.filter((line) => line.startsWith('object'))).toEqual(
        [],
      );
      for (const id of made) await deleteArtifact(own, { id });
      made = [];
      await collectBlobs(node.services, { graceMs: 0 }, quietRun());
    }
  });
});

describe('a scrub', () => {
  const scrub = (input: Parameters<typeof scrubBlobs>[1] = {}) =>
    scrubBlobs(node.services, { olderThanMs: 0, ...input }, quietRun());

  it('verifies everything once, oldest first, and not again before its time', async () => {
    await draftWith('first');
    await draftWith('second');
    await sql(`UPDATE location SET verified_at = now() - interval '2 days'`);
    expect(await scrub({ olderThanMs: 86_400_000 })).toMatchObject({
      verified: 2,
      verifiedBytes: 11,
      quarantined: 0,
      unreadable: 0,
    });
    expect(await scrub({ olderThanMs: 86_400_000 })).toMatchObject({ verified: 0 });
    expect(await scrub()).toMatchObject({ verified: 2 });
  });

  it('quarantines wrong bytes of the right size: never served, named, healed by an upload', async () => {
    const rotten = await draftWith('fine bytes');
    const sound = await draftWith('sound bytes');
    await writeFile(pathOf(rotten.key), 'fine byteZ');
    const report = await scrub();
    expect(report).toMatchObject({
      verified: 1,
      quarantined: 1,
      damaged: [{ fault: 'digest', isReadable: false, sha256: rotten.sha256 }],
    });
    expect(report.damaged[0]?.artifacts).toMatchObject([{ id: rotten.id, slot: 'main' }]);
    expect(await outcome(download(rotten.id))).toBe('BLOB_UNAVAILABLE');
    expect(await download(sound.id)).toBe('sound bytes');
    expect(await outcome(publishArtifact(own, { id: rotten.id }))).toBe('BLOB_UNAVAILABLE');
    await putText(own, rotten.id, 'main', 'fine bytes');
    expect(await download(rotten.id)).toBe('fine bytes');
    await collectBlobs(node.services, { graceMs: 0 }, quietRun());
    expect(await judgeBytes(node.services.db, node.storeFolder)).toMatchObject({ broken: [], garbage: [] });
  });

  it('brings back what has its bytes again', async () => {
    const { id, key } = await draftWith('came back');
    await rename(pathOf(key), join(node.storeFolder, 'away'));
    expect(await scrub()).toMatchObject({ quarantined: 1, damaged: [{ fault: 'missing' }] });
    await rename(join(node.storeFolder, 'away'), pathOf(key));
    expect(await scrub()).toMatchObject({ restored: 1, quarantined: 0 });
    expect(await download(id)).toBe('came back');
  });

  it('brings it back also after a kill on the way', async () => {
    const { id, key } = await draftWith('came back late');
    await rename(pathOf(key), join(node.storeFolder, 'away'));
    await scrub();
    await rename(join(node.storeFolder, 'away'), pathOf(key));
    const stores = [{ name: 'local', kind: 'filesystem', path: node.storeFolder }] as const;
    const order = { operation: 'scrubBlobs', databaseUrl: node.databaseUrl, stores, input: { olderThanMs: 0 } } as const;
    const killed = await maintainInChild({ ...order, failpoints: 'scrub:before-restore=kill' });
    expect(killed).toMatchObject({ signal: 'SIGKILL' });
    expect(await outcome(download(id))).toBe('BLOB_UNAVAILABLE');
    expect(await scrub()).toMatchObject({ restored: 1 });
    expect(await download(id)).toBe('came back late');
  });

  it('leaves the copy of a healed place to the collector when the old bytes come back', async () => {
    const { id, key } = await draftWith('two of them');
    await rename(pathOf(key), join(node.storeFolder, 'away'));
    await scrub();
    await putText(own, id, 'main', 'two of them');
    await rename(join(node.storeFolder, 'away'), pathOf(key));
    expect(await scrub()).toMatchObject({ restored: 0 });
    expect(await download(id)).toBe('two of them');
  });

  it('keeps to its rate, over many small blobs too', async () => {
    for (let count = 0; count < 8; count += 1) await draftWith(`${'x'.repeat(1000)}${count}`);
    const startedAt = performance.now();
    expect(await scrub({ bytesPerSecond: 16_000 })).toMatchObject({ verified: 8 });
    // 8,008 bytes at 16,000 a second.
    expect(performance.now() - startedAt).toBeGreaterThan(450);
  });

  it('goes on after a kill where it was', async () => {
    const stores = [{ name: 'local', kind: 'filesystem', path: node.storeFolder }] as const;
    const order = { operation: 'scrubBlobs', databaseUrl: node.databaseUrl, stores, input: { olderThanMs: 60_000 } } as const;
    for (let count = 0; count < 60; count += 1) await draftWith(`scrubbed ${count}`);
    for (const name of ['scrub:before-read', 'scrub:before-note', 'scrub:noted']) {
      await sql(`UPDATE location SET verified_at = now() - interval '1 day'`);
      expect(await maintainInChild({ ...order, failpoints: `${name}=kill` })).toMatchObject({ signal: 'SIGKILL' });
      const left = await sql(`SELECT 1 FROM location WHERE verified_at < now() - interval '1 hour'`);
      // What is right is noted by 50, or sooner where reading takes long.
      if (name === 'scrub:noted') expect(left.length).toBeLessThan(60);
      else expect(left.length).toBe(60);
      expect(left.length).toBeGreaterThanOrEqual(10);
      expect(await scrub({ olderThanMs: 60_000 })).toMatchObject({ verified: left.length, quarantined: 0 });
    }
  });

  it('never judges what a collector removes at the same time', async () => {
    const gone = await Promise.all(Array.from({ length: 30 }, (_, count) => draftWith(`goes ${count}`)));
    const deleting = (async () => {
      for (const { id } of gone) {
        await deleteArtifact(own, { id });
        await collectBlobs(node.services, { graceMs: 0 }, quietRun());
      }
    })();
    for (let round = 0; round < 5; round += 1) expect(await scrub()).toMatchObject({ quarantined: 0, damaged: [] });
    await deleting;
    expect(
      await sql(`SELECT 1 FROM event WHERE kind = 'artifact.blob.damaged' AND subject_id = ANY($1)`, [gone.map(({ id }) => id)]),
    ).toEqual([]);
  });

  it('finds a place that grew', async () => {
    const { key } = await draftWith('grew');
    await appendFile(pathOf(key), 'more');
    expect(await scrub()).toMatchObject({ quarantined: 1, damaged: [{ fault: 'size' }] });
  });
});
