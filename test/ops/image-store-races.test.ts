/** Bytes of images that move while somebody writes down in which stores they are: whoever comes first, nothing wrong is kept. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '#base/json.ts';
import type { Artifact } from '#core/artifact.ts';
import type { Database, Sql } from '#metadata/database.ts';
import { blobRecords, imageTextRecords, quarantineRecords } from '#metadata/metadata.ts';
import type { OpContext } from '#ops/context.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { getArtifact } from '#ops/get-artifact.ts';
import { listImages } from '#ops/list-images.ts';
import { prepareImages } from '#ops/prepare-images.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { condemnSql } from '#test/support/image-bytes.ts';
import { quietRun } from '#test/support/maintenance.ts';
import { actAs, createTestNode, type Node, putText } from '#test/support/operations.ts';
import { letWait } from '#test/support/until-blocked.ts';

const imageType = { type: 'kit', slot: 'main' } as const;
const here = ',"stores":"local"}';
let node: Node;
let own: OpContext;

beforeAll(async () => {
  node = await createTestNode({ imageType });
  own = actAs(node.services, 'own');
  await run(`INSERT INTO store (name, store_id, kind) VALUES ('far', gen_random_uuid(), 'filesystem')`);
});
afterAll(() => node[Symbol.asyncDispose]());

function run(text: string, values: readonly unknown[] = []): Promise<object[]> {
  return node.services.db.query({ text }, values);
}

/** With its bytes. */
async function draft(text?: string): Promise<Artifact> {
  const { id } = await createArtifact(own, { type: 'kit' });
  await putText(own, id, 'main', text ?? `bytes of ${id}`);
  return getArtifact(own, { id });
}

/** Does more before a transaction ends. */
function beforeCommit(more: () => Promise<unknown>): OpContext {
  const { db } = node.services;
  const transaction: Database['transaction'] = (work, options) =>
    db.transaction(async (tx) => {
      const result = await work(tx);
      await more();
      return result;
    }, options);
  return actAs(node.with({ db: { ...db, transaction } }), 'own');
}

const publish = (id: string, context = own): Promise<Artifact> => publishArtifact(context, { id });
const prepare = (): Promise<object> => prepareImages(node.services, {}, quietRun());
const forget = (id: string): Promise<object> => run('UPDATE image_text SET stores = NULL WHERE artifact_id = $1', [id]);

/** As they stand beside the text. */
async function keptStores(id: string): Promise<string | null | undefined> {
  const [row] = (await run('SELECT stores FROM image_text WHERE artifact_id = $1', [id])) as { stores: string | null }[];
  return row?.stores;
}

async function listedStores(id: string): Promise<unknown> {
  const page = { ...imageType, filter: null, sorts: [], tieDirection: 'desc', limit: 100 } as const;
  const { texts } = await listImages(own, page);
  return (JSON.parse(`[${texts}]`) as JsonObject[]).find((image) => image['id'] === id)?.['stores'];
}

/** Writes what it does not make true yet. */
type Move = (tx: Sql, image: Artifact) => Promise<unknown>;

const lose: Move = async (tx, { id }) => {
  const [place] = (await run(
    'SELECT l.id FROM location l JOIN artifact_blob ab ON ab.blob_id = l.blob_id WHERE ab.artifact_id = $1',
    [id],
  )) as { id: string }[];
  return quarantineRecords.quarantine(tx, place?.id ?? '', 'digest');
};

const copy: Move = async (tx, { slots }) => {
  const newId = node.services.newId();
  const [bytes] = slots;
  if (bytes === undefined) throw new Error('a draft has its bytes');
  const blobId = await blobRecords.holdBlob(tx, newId, bytes);
  return blobRecords.placeBlob(tx, { id: newId, blobId, store: 'far', objectKey: newId, brokenId: null });
};

const moves = [
  { name: 'are lost', move: lose, listed: undefined, kept: '}' },
  { name: 'come into another store', move: copy, listed: 'far,local', kept: ',"stores":"far,local"}' },
] as const;

describe('the stores of an image', () => {
  it('are written down when it is published', async () => {
    const { id } = await draft();
    await publish(id);
    expect(await keptStores(id)).toBe(here);
    expect(await listedStores(id)).toBe('local');
  });

  it('are written down of each of several that have the same bytes', async () => {
    const drafts = [await draft('of both'), await draft('of both')];
    for (const { id } of drafts) await publish(id);
    expect(await Promise.all(drafts.map(({ id }) => keptStores(id)))).toEqual([here, here]);
  });

  it('are written down later where the same bytes are published at once, without that one waits for the other', async () => {
    const [first, second] = [await draft('of twins'), await draft('of twins')];
    await publish(
      first.id,
      beforeCommit(() => publish(second.id)),
    );
    expect([await keptStores(first.id), await keptStores(second.id)]).toEqual([here, null]);
    expect(await listedStores(second.id)).toBe('local');
    await prepare();
    expect(await keptStores(second.id)).toBe(here);
  });

  describe.each(moves)('of which the bytes $name', ({ move, listed, kept }) => {
    it('before: are not written down until that is true', async () => {
      const image = await draft();
      await node.services.db.transaction(async (tx) => {
        await move(tx, image);
        // Waits for nobody, so that it may be part of what is being done.
        await publish(image.id);
        expect(await keptStores(image.id)).toBeNull();
        await prepare();
        expect(await keptStores(image.id)).toBeNull();
        expect(await listedStores(image.id)).toBe('local');
      });
      expect(await listedStores(image.id)).toBe(listed);
      await prepare();
      expect(await keptStores(image.id)).toBe(kept);
      expect(await listedStores(image.id)).toBe(listed);
    });

    it('meanwhile: are forgotten', async () => {
      const image = await draft();
      const { db } = node.services;
      await letWait(
        db,
        (untilLateWaits) => publish(image.id, beforeCommit(untilLateWaits)),
        () => db.transaction((tx) => move(tx, image)),
      );
      expect(await keptStores(image.id)).toBeNull();
      expect(await listedStores(image.id)).toBe(listed);
    });
  });

  it('are written down of those behind, where of more than is settled at once everything moves just then', async () => {
    const { db } = node.services;
    const images = [await draft(), await draft(), await draft(), await draft()];
    for (const { id } of images) await publish(id);
    await prepare();
    for (const { id } of images) await forget(id);
    const [first, second, third, fourth] = images.map(({ id }) => id).sort();
    const keptOfEach = (): Promise<unknown> => Promise.all([first, second, third, fourth].map((id) => keptStores(id ?? '')));
    await db.transaction(async (mover) => {
      await mover.query({ text: holdSql }, [[first, second, third]]);
      expect(await db.transaction((tx) => imageTextRecords.settleStores(tx, imageTextRecords.firstPlace.id, 2))).toBe(fourth);
      expect(await db.transaction((tx) => imageTextRecords.settleStores(tx, fourth ?? '', 2))).toBeUndefined();
      expect(await keptOfEach()).toEqual([null, null, null, here]);
    });
    await prepare();
    expect(await keptOfEach()).toEqual([here, here, here, here]);
  });

  it('are looked up again when whoever was waited for has moved the bytes', async () => {
    const { id } = await draft();
    await publish(id);
    await forget(id);
    const { db } = node.services;
    const move = (untilLateWaits: () => Promise<void>): Promise<void> =>
      db.transaction(async (tx) => {
        await tx.query({ text: condemnSql }, [id]);
        await untilLateWaits();
      });
    await letWait(db, move, prepare);
    expect(await keptStores(id)).toBe('}');
  });

  it('are forgotten when the bytes move while they are being written', async () => {
    const { db } = node.services;
    const { id } = await draft();
    await publish(id);
    await forget(id);
    const settle = (untilLateWaits: () => Promise<void>): Promise<void> =>
      db.transaction(async (tx) => {
        await tx.query({ text: 'SELECT 1 FROM image_text WHERE artifact_id = $1 FOR UPDATE' }, [id]);
        await untilLateWaits();
        await imageTextRecords.settleStores(tx, imageTextRecords.firstPlace.id, 1_000);
      });
    await letWait(db, settle, () => run(condemnSql, [id]));
    expect(await keptStores(id)).toBeNull();
    expect(await listedStores(id)).toBeUndefined();
  });
});

/** As whoever moves bytes begins. */
const holdSql = `SELECT 1 FROM blob b JOIN artifact_blob ab ON ab.blob_id = b.id
  WHERE ab.artifact_id = ANY($1::uuid[]) ORDER BY b.id FOR SHARE OF b`;
