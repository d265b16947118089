/** Collection: what goes, what stays, and what a collector that dies or meets another one leaves behind. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '#base/app-error.ts';
import { openBlobs } from '#blobs/blobs.ts';
import { claimStores } from '#ops/claim-stores.ts';
import { collectBlobs } from '#ops/collect-blobs.ts';
import type { OpContext } from '#ops/context.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { deleteArtifact } from '#ops/delete-artifact.ts';
import { openBlob } from '#ops/open-blob.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { removeBlob } from '#ops/remove-blob.ts';
import { uploadBlob } from '#ops/upload-blob.ts';
import { judgeBytes } from '#test/support/judge-bytes.ts';
import { listFailpoints, maintainInChild, quietRun } from '#test/support/maintenance.ts';
import { actAs, createTestNode, type Node, outcome, putText } from '#test/support/operations.ts';

let node: Node;
let own: OpContext;
let names = 0;

beforeAll(async () => {
  node = await createTestNode();
  own = actAs(node.services, 'own');
});
afterAll(() => node[Symbol.asyncDispose]());

const judge = () => judgeBytes(node.services.db, node.storeFolder);
const collect = (graceMs = 0) => collectBlobs(node.services, { graceMs }, quietRun());
const sql = <Row extends object>(text: string, values: readonly unknown[] = []) => node.services.db.query<Row>({ text }, values);

async function draftWith(text: string): Promise<string> {
  names += 1;
  const { id } = await createArtifact(own, { type: 'kit', name: `collect-${names}`, version: '1.0.0' });
  await putText(own, id, 'main', text);
  return id;
}

async function blobOf(id: string): Promise<{ readonly blobId: string; readonly state: string; readonly key: string }> {
  const [row] = await sql<{ blobId: string; state: string; key: string }>(
    `SELECT ab.blob_id AS "blobId", l.state, l.object_key AS key FROM artifact_blob ab JOIN location l ON l.blob_id = ab.blob_id
     WHERE ab.artifact_id = $1`,
    [id],
  );
  if (row === undefined) throw new Error(`${id} has no blob`);
  return row;
}

async function stateOf(blobId: string): Promise<readonly string[]> {
  const rows = await sql<{ state: string }>('SELECT state FROM location WHERE blob_id = $1 ORDER BY generation', [blobId]);
  return rows.map(({ state }) => state);
}

beforeEach(async () => {
  await collect();
  await collect();
  expect(await judge()).toMatchObject({ broken: [], garbage: [] });
});

describe('collection', () => {
  it('removes object, location and blob of a deleted artifact; the tombstone keeps version and digest', async () => {
    const id = await draftWith('deleted text');
    await publishArtifact(own, { id });
    const { blobId } = await blobOf(id);
    await deleteArtifact(own, { id });
    expect(await collect()).toMatchObject({
      condemned: 1,
      removedObjects: 1,
      removedBytes: 12,
      removedBlobs: 1,
      skippedStores: [],
    });
    expect(await sql('SELECT 1 FROM blob WHERE id = $1', [blobId])).toEqual([]);
    expect(await judge()).toMatchObject({ broken: [], garbage: [] });
    const [tomb] = await sql<{ digest: string; version: string }>(
      'SELECT digest_value AS digest, version FROM artifact WHERE id = $1',
      [id],
    );
    expect(tomb).toMatchObject({ version: '1.0.0', digest: expect.stringMatching(/^[0-9a-f]{64}$/) });
  });

  it('keeps bytes that another artifact has, until that is gone too', async () => {
    const [first, second] = [await draftWith('shared bytes'), await draftWith('shared bytes')];
    const { blobId } = await blobOf(first);
    await deleteArtifact(own, { id: first });
    expect(await collect()).toMatchObject({ condemned: 0, removedObjects: 0 });
    expect(await stateOf(blobId)).toEqual(['live']);
    await deleteArtifact(own, { id: second });
    expect(await collect()).toMatchObject({ removedObjects: 1, removedBlobs: 1 });
  });

  it('removes what was taken out of a slot, and what another upload replaced', async () => {
    const id = await draftWith('first');
    await putText(own, id, 'main', 'second');
    await putText(own, id, 'docs', 'a page', 'page.md');
    await removeBlob(own, { artifactId: id, slot: 'docs', path: 'page.md' });
    expect(await collect()).toMatchObject({ removedObjects: 2, removedBlobs: 2 });
    expect((await judge()).objects).toContain((await blobOf(id)).key);
  });

  it('waits out the grace, in which an upload of the same bytes revives what is there', async () => {
    const id = await draftWith('revived');
    const { blobId, key } = await blobOf(id);
    await deleteArtifact(own, { id });
    expect(await collect(60_000)).toMatchObject({ condemned: 1, removedObjects: 0 });
    expect(await stateOf(blobId)).toEqual(['condemned']);
    expect(await collect(60_000)).toMatchObject({ condemned: 0, removedObjects: 0 });
    const again = await draftWith('revived');
    expect(await blobOf(again)).toEqual({ blobId, key, state: 'live' });
    expect(await collect(0)).toMatchObject({ condemned: 0, removedObjects: 0, revived: 0 });
    await deleteArtifact(own, { id: again });
  });

  it('lets live what is needed again when the grace is over, however that came', async () => {
    const [first, second] = [await draftWith('needed again'), await draftWith('other')];
    const { blobId } = await blobOf(first);
    await deleteArtifact(own, { id: first });
    await collect(60_000);
    await sql(`UPDATE artifact_blob SET blob_id = $2 WHERE artifact_id = $1`, [second, blobId]);
    expect(await collect(0)).toMatchObject({ revived: 1 });
    expect(await stateOf(blobId)).toEqual(['live']);
    expect(await judge()).toMatchObject({ broken: [] });
    await deleteArtifact(own, { id: second });
  });

  it('keeps what a lease holds until it runs out', async () => {
    const id = await draftWith('leased');
    const { blobId } = await blobOf(id);
    await sql(`INSERT INTO lease (id, blob_id, holder, expires_at) VALUES ($1, $2, 'test', now() + interval '1 hour')`, [
      randomUUID(),
      blobId,
    ]);
    await deleteArtifact(own, { id });
    expect(await collect()).toMatchObject({ condemned: 0 });
    await sql(`UPDATE lease SET expires_at = now() WHERE blob_id = $1`, [blobId]);
    expect(await collect()).toMatchObject({ condemned: 1, removedObjects: 1, removedBlobs: 1 });
    expect(await sql('SELECT 1 FROM lease')).toEqual([]);
  });

  it('leaves alone what somebody is about to refer to, and finds the reference afterwards', async () => {
    const [id, other] = [await draftWith('held for a moment'), await draftWith('refers later')];
    const { blobId } = await blobOf(id);
    await deleteArtifact(own, { id });
    await node.services.db.transaction(async (tx) => {
      await tx.query({ text: 'SELECT 1 FROM blob WHERE id = $1 FOR SHARE' }, [blobId]);
      expect(await collect(60_000)).toMatchObject({ condemned: 0 });
      await tx.query({ text: 'UPDATE artifact_blob SET blob_id = $2 WHERE artifact_id = $1' }, [other, blobId]);
    });
    // What it referred to before is condemned; this is not.
    await collect(60_000);
    expect(await stateOf(blobId)).toEqual(['live']);
    await deleteArtifact(own, { id: other });
  });

  it('takes no deletion back: the same bytes are stored anew, and stay when the old object goes', async () => {
    const id = await draftWith('stored anew');
    const { blobId, key } = await blobOf(id);
    await deleteArtifact(own, { id });
    await sql(`UPDATE location SET state = 'deleting' WHERE blob_id = $1`, [blobId]);
    const again = await draftWith('stored anew');
    expect(await stateOf(blobId)).toEqual(['deleting', 'live']);
    expect(await collect()).toMatchObject({ removedObjects: 1, removedBlobs: 0 });
    expect(await blobOf(again)).toEqual({ blobId, key: expect.not.stringMatching(key), state: 'live' });
    expect(await judge()).toMatchObject({ broken: [], garbage: [] });
    await deleteArtifact(own, { id: again });
  });

  it.each([
    ['verifying', 0],
    ['failed', 1],
  ])('counts what an upload in state %s refers to', async (state, removedObjects) => {
    const [id, other] = [await draftWith(`session ${state}`), await draftWith('stays')];
    const { blobId } = await blobOf(id);
    await sql(
      `INSERT INTO upload_session (id, project, created_by, artifact_id, slot, key, path, media_type, store, object_key, state,
         limit_bytes, blob_id, expires_at)
       VALUES ($1, 'own', 'me', $2, 'docs', 'x', 'x', 'text/plain', 'local', $3, $4, 10, $5, now() + interval '1 hour')`,
      [randomUUID(), other, randomUUID(), state, blobId],
    );
    await deleteArtifact(own, { id });
    expect(await collect()).toMatchObject({ removedObjects });
    await sql('DELETE FROM upload_session');
    await deleteArtifact(own, { id: other });
  });

  it('removes rows of blobs that have no place at all', async () => {
    await sql(`INSERT INTO blob (id, digest_algorithm, digest_value, size_bytes) VALUES ($1, 'sha256', 'nowhere', 1)`, [
      randomUUID(),
    ]);
    expect(await collect()).toMatchObject({ condemned: 0, removedObjects: 0, removedBlobs: 1 });
  });

  it('finishes what a dead node left half deleted', async () => {
    const id = await draftWith('half deleted');
    const { blobId } = await blobOf(id);
    await deleteArtifact(own, { id });
    await sql(`UPDATE location SET state = 'deleting' WHERE blob_id = $1`, [blobId]);
    expect(await collect(60_000)).toMatchObject({ removedObjects: 1, removedBlobs: 1 });
  });

  it('removes the place that an upload found broken and replaced', async () => {
    const [first] = [await draftWith('heals')];
    const { blobId, key } = await blobOf(first);
    await rm(join(node.storeFolder, 'objects', key.slice(0, 2), key));
    const second = await draftWith('heals');
    expect(await stateOf(blobId)).toEqual(['deleting', 'live']);
    expect(await collect()).toMatchObject({ removedObjects: 1, removedBlobs: 0 });
    expect(await judge()).toMatchObject({ broken: [], garbage: [] });
    await deleteArtifact(own, { id: first });
    await deleteArtifact(own, { id: second });
  });

  it('leaves a store that is down for later, says so, and removes no row before its object', async () => {
    const id = await draftWith('store down');
    const { blobId } = await blobOf(id);
    await deleteArtifact(own, { id });
    const { blobs } = node.services;
    const down = { ...blobs.defaultStore, remove: () => Promise.reject(new AppError('STORE_UNAVAILABLE')) };
    const services = node.with({ blobs: { ...blobs, stores: new Map([['local', down]]) } });
    const result = await collectBlobs(services, { graceMs: 0 }, quietRun());
    expect(result).toMatchObject({ removedObjects: 0, removedBlobs: 0, skippedStores: [{ store: 'local' }] });
    expect(await stateOf(blobId)).toEqual(['deleting']);
    expect(await collect()).toMatchObject({ removedObjects: 1, skippedStores: [] });
  });

  it('goes on beyond objects that cannot be removed, however many of them come first', async () => {
    for (let count = 0; count < 10; count += 1) await deleteArtifact(own, { id: await draftWith(`stuck ${count}`) });
    const places = await sql<{ key: string }>(
      `SELECT object_key AS key FROM location l WHERE NOT EXISTS (SELECT 1 FROM artifact_blob ab WHERE ab.blob_id = l.blob_id) ORDER BY id`,
    );
    expect(places).toHaveLength(10);
    const last = places.at(-1)?.key;
    const { blobs } = node.services;
    const { defaultStore } = blobs;
    const remove = (key: string) => (key === last ? defaultStore.remove(key) : Promise.reject(new AppError('STORE_UNAVAILABLE')));
    const services = node.with({ blobs: { ...blobs, stores: new Map([['local', { ...defaultStore, remove }]]) } });
    const result = await collectBlobs(services, { graceMs: 0 }, quietRun());
    expect(result).toMatchObject({ removedObjects: 1, removedBlobs: 1, skippedStores: [{ store: 'local' }] });
    expect(await collect()).toMatchObject({ removedObjects: 9, skippedStores: [] });
  });

  it('does not take an unmounted folder for an empty store', async () => {
    const id = await draftWith('not mounted');
    const { blobId } = await blobOf(id);
    await deleteArtifact(own, { id });
    const empty = await mkdtemp(join(tmpdir(), 'vitrine-empty-'));
    await using blobs = await openBlobs({ stores: [{ name: 'local', kind: 'filesystem', path: empty }], defaultStore: 'local' });
    const result = await collectBlobs(node.with({ blobs }), { graceMs: 0 }, quietRun());
    expect(result.skippedStores).toEqual([{ store: 'local', reason: 'has no id: it is new, or not mounted' }]);
    expect(await stateOf(blobId)).toEqual(['deleting']);
    await rm(empty, { recursive: true });
  });

  it('removes the copy in a store that nobody asks for any more', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'vitrine-second-'));
    const stores = [
      { name: 'local', kind: 'filesystem', path: node.storeFolder },
      { name: 'second', kind: 'filesystem', path: folder },
    ] as const;
    await using blobs = await openBlobs({ stores, defaultStore: 'local' });
    const services = node.with({ blobs });
    await claimStores(services.db, blobs, randomUUID()).catch(() => undefined);
    const context = actAs(services, 'own');
    const first = await draftWith('two stores');
    const { id: second } = await createArtifact(context, { type: 'kit', name: 'two-stores', version: '1.0.0' });
    await uploadBlob(context, {
      artifactId: second,
      slot: 'main',
      store: 'second',
      source: Readable.from([Buffer.from('two stores')]),
    });
    const { blobId } = await blobOf(first);
    expect(await collectBlobs(services, { graceMs: 0 }, quietRun())).toMatchObject({ condemned: 0 });
    await deleteArtifact(context, { id: first });
    expect(await collectBlobs(services, { graceMs: 0 }, quietRun())).toMatchObject({
      condemned: 1,
      removedObjects: 1,
      removedBlobs: 0,
    });
    const left = await sql<{ store: string }>('SELECT store FROM location WHERE blob_id = $1', [blobId]);
    expect(left).toEqual([{ store: 'second' }]);
    const download = await openBlob(context, { artifactId: second, slot: 'main' });
    expect(Buffer.from(await download.read(0, 100)).toString()).toBe('two stores');
    await deleteArtifact(context, { id: second });
    await collectBlobs(services, { graceMs: 0 }, quietRun());
    await rm(folder, { recursive: true });
  });
});

describe('two collectors at once', () => {
  it('remove everything once, and nothing else', async () => {
    const second = await node.second();
    for (let round = 0; round < 5; round += 1) {
      const ids = await Promise.all(Array.from({ length: 12 }, (_, index) => draftWith(`pair ${round} ${index}`)));
      await Promise.all(ids.slice(0, 9).map((id) => deleteArtifact(own, { id })));
      const results = await Promise.all([collect(), collectBlobs(second, { graceMs: 0 }, quietRun()), collect()]);
      const last = await collect();
      const removed = [...results, last].reduce((sum, { removedObjects }) => sum + removedObjects, 0);
      expect(removed).toBe(9);
      expect(await judge()).toMatchObject({ broken: [], garbage: [] });
      for (const id of ids.slice(9)) await deleteArtifact(own, { id });
      await collect();
    }
  });
});

describe('a collector that is killed', async () => {
  for (const name of await listFailpoints('collect')) {
    it(`at ${name} leaves what the next run finishes, and breaks no reference`, async () => {
      const kept = await draftWith(`kept at ${name}`);
      const shared = await draftWith(`shared at ${name}`);
      const [gone, twin] = [await draftWith(`gone at ${name}`), await draftWith(`shared at ${name}`)];
      await publishArtifact(own, { id: kept });
      for (const id of [gone, twin]) await deleteArtifact(own, { id });
      const order = { operation: 'collectBlobs', databaseUrl: node.databaseUrl, input: { graceMs: 0 } } as const;
      const stores = [{ name: 'local', kind: 'filesystem', path: node.storeFolder }] as const;
      const killed = await maintainInChild({ ...order, stores, failpoints: `${name}=kill` });
      expect(killed).toMatchObject({ signal: 'SIGKILL' });
      expect(await judge()).toMatchObject({ broken: [] });
      // Meanwhile the same bytes may come again.
      const again = await draftWith(`gone at ${name}`);
      expect(await judge()).toMatchObject({ broken: [] });
      await collect();
      expect(await judge()).toMatchObject({ broken: [], garbage: [] });
      for (const id of [kept, shared, again]) await deleteArtifact(own, { id });
    });
  }
});

describe('the door of a store in trouble', () => {
  it('a failure at each step of collection is repaired by the next run', async () => {
    for (const name of await listFailpoints('collect')) {
      const id = await draftWith(`fails at ${name}`);
      await deleteArtifact(own, { id });
      const stores = [{ name: 'local', kind: 'filesystem', path: node.storeFolder }] as const;
      const order = { operation: 'collectBlobs', databaseUrl: node.databaseUrl, stores, input: { graceMs: 0 } } as const;
      await maintainInChild({ ...order, failpoints: `${name}=fail` });
      expect(await outcome(collect())).toBe('ok');
      expect(await judge()).toMatchObject({ broken: [], garbage: [] });
    }
  });
});
