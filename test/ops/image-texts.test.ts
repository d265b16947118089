import { Readable } from 'node:stream';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '#base/json.ts';
import type { Artifact } from '#core/artifact.ts';
import { idOfImageText, imageTextSeparator } from '#core/image-text.ts';
import { imageListRecords } from '#metadata/metadata.ts';
import type { OpContext } from '#ops/context.ts';
import { type CreateArtifactInput, createArtifact } from '#ops/create-artifact.ts';
import { deactivateArtifact } from '#ops/deactivate-artifact.ts';
import { deleteArtifact } from '#ops/delete-artifact.ts';
import { deprecateArtifact } from '#ops/deprecate-artifact.ts';
import { listImages } from '#ops/list-images.ts';
import { prepareImages } from '#ops/prepare-images.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { reactivateArtifact } from '#ops/reactivate-artifact.ts';
import { restoreArtifact } from '#ops/restore-artifact.ts';
import { unyankArtifact } from '#ops/unyank-artifact.ts';
import { updateArtifact } from '#ops/update-artifact.ts';
import { uploadBlob } from '#ops/upload-blob.ts';
import { yankArtifact } from '#ops/yank-artifact.ts';
import { condemnSql, ofImageSql } from '#test/support/image-bytes.ts';
import { quietRun } from '#test/support/maintenance.ts';
import { testSettings } from '#test/support/operations.ts';
import { startTestServer, type TestServer } from '#test/support/server.ts';

let server: TestServer;
let own: OpContext;
let headers: Record<string, string>;

beforeAll(async () => {
  const storage = { ...testSettings.storage, deleteDelayMs: 3_600_000 };
  // What the bytes are does not matter here.
  server = await startTestServer({ settings: { storage, image: { ...testSettings.image, formatMatch: 'log' } } });
  own = server.actAs('own', 'admin');
  headers = await server.tokenFor('own', 'member');
});
afterAll(() => server[Symbol.asyncDispose]());

const kind = { type: 'image', slot: 'data' } as const;
const newest = { ...kind, filter: null, sorts: [], tieDirection: 'desc', limit: 1_000 } as const;

async function draft(input: Partial<CreateArtifactInput> = {}): Promise<Artifact> {
  return createArtifact(own, {
    type: 'image',
    visibility: 'private',
    ...input,
    properties: { disk_format: 'raw', ...input.properties },
  });
}

async function image(input: Partial<CreateArtifactInput> = {}): Promise<Artifact> {
  const { id } = await draft(input);
  await uploadBlob(own, { artifactId: id, slot: 'data', source: Readable.from([Buffer.from(`bytes of ${id}`)]) });
  return publishArtifact(own, { id });
}

function run(text: string, values: readonly unknown[] = []): Promise<object[]> {
  return server.services.db.query({ text }, values);
}

/** Of a list without a filter and of one with: they are read by different statements. */
async function lists(): Promise<readonly string[]> {
  const states = {
    kind: 'field',
    field: 'state',
    operator: 'in',
    value: ['draft', 'active', 'deactivated', 'pending_delete'],
  } as const;
  const plain = await listImages(own, newest);
  const filtered = await listImages(own, { ...newest, filter: states });
  const byName = await listImages(own, { ...newest, sorts: [{ key: 'name', direction: 'asc' }] });
  return [plain, filtered, byName].map(({ texts }) => texts);
}

/** The same without any ready text. */
async function listsOfRows(): Promise<readonly string[]> {
  await run('UPDATE image_text SET form = -form');
  try {
    return await lists();
  } finally {
    await run('UPDATE image_text SET form = -form');
  }
}

/** Ids of the images that are answered from their texts. */
async function ready(): Promise<ReadonlySet<string>> {
  const order = { key: 'createdAt', direction: 'desc' } as const;
  const flags = { includeHidden: true, includeDrafts: true, everyProject: false };
  const request = { ...kind, order, limit: 1_000, after: null, ...flags };
  const page = await imageListRecords.listPlainImages(server.services.db, own.caller, request);
  const lines = 'texts' in page ? page.texts.split(imageTextSeparator) : page.images;
  return new Set(lines.filter((line) => typeof line === 'string').map(idOfImageText));
}

/** Both ways say the same, to the letter. */
async function expectSame(): Promise<void> {
  expect(await lists()).toEqual(await listsOfRows());
}

async function shown(id: string): Promise<JsonObject> {
  const answer = await fetch(`${server.url}/v2/images/${id}`, { headers });
  return (await answer.json()) as JsonObject;
}

async function listed(id: string): Promise<JsonObject | undefined> {
  const { texts } = await listImages(own, newest);
  return (JSON.parse(`[${texts}]`) as JsonObject[]).find((each) => each['id'] === id);
}

const text = fc.string({ unit: 'binary', maxLength: 20 }).filter((value) => !value.includes('\0') && value.isWellFormed());
const hostile = fc.constantFrom('a "b" \\ \n\r\t', '\u2028\u2029', '<ü>', '🙂', '[1]', '{"id":"', '\u0001', '');
const propertyName = fc.oneof(
  fc.constantFrom(
    '1',
    '0',
    '__proto__x',
    'constructor',
    'location_of',
    'os_glance_',
    'ü "x"',
    'hw_disk_bus',
    'stores2',
    'images',
  ),
  fc.stringMatching(/^[a-z][a-z_]{0,9}$/),
);
const images = fc.record({
  name: fc.option(fc.oneof(text, hostile).filter((value) => value !== '')),
  visibility: fc.constantFrom('private' as const, 'shared' as const, 'community' as const, 'public' as const),
  hidden: fc.boolean(),
  protected: fc.boolean(),
  tags: fc.uniqueArray(fc.stringMatching(/^[a-z0-9 "üß🙂]{1,6}$/u), { maxLength: 4 }),
  minRam: fc.option(fc.nat({ max: 2_147_483_647 }), { nil: undefined }),
  minDisk: fc.option(fc.nat({ max: 4 }), { nil: undefined }),
  container: fc.constantFrom('bare', 'ovf', undefined),
  distro: fc.option(fc.constantFrom('debian', 'ü"', 'x'.repeat(200)), { nil: undefined }),
  further: fc.dictionary(propertyName, fc.oneof(text, hostile), { maxKeys: 4 }),
});
type Generated = typeof images extends fc.Arbitrary<infer Value> ? Value : never;

function toInput({ minRam, minDisk, container, distro, further, name, ...rest }: Generated): Partial<CreateArtifactInput> {
  const known = { min_ram: minRam, min_disk: minDisk, container_format: container, os_distro: distro };
  const said = Object.entries({ ...further, ...known }).filter(([, value]) => value !== undefined);
  return { ...rest, ...(name === null ? {} : { name }), properties: Object.fromEntries(said) as JsonObject };
}

describe('the ready text of an image', () => {
  it('says what the rows say, to the letter, whatever the image', async () => {
    const made: string[] = [];
    await fc.assert(
      fc.asyncProperty(images, async (generated) => {
        const outcome = await image(toInput(generated)).catch(() => undefined);
        if (outcome === undefined) return;
        made.push(outcome.id);
        expect(await ready()).toContain(outcome.id);
        await expectSame();
      }),
      { numRuns: 60 },
    );
    expect(made.length).toBeGreaterThan(20);
  }, 120_000);

  it('is rewritten by every change, which is seen at once', async () => {
    const { id } = await image({ name: 'changing', tags: ['a'] });
    const steps: readonly [() => Promise<unknown>, JsonObject][] = [
      [() => updateArtifact(own, { id, name: 'renamed' }), { name: 'renamed' }],
      [() => updateArtifact(own, { id, addTags: ['b'] }), { tags: ['a', 'b'] }],
      [() => updateArtifact(own, { id, properties: { min_ram: 64, os_admin_user: 'ü' } }), { min_ram: 64, os_admin_user: 'ü' }],
      [() => updateArtifact(own, { id, protected: true }), { protected: true }],
      [() => updateArtifact(own, { id, protected: false, visibility: 'public' }), { protected: false, visibility: 'public' }],
      [() => updateArtifact(own, { id, version: '1.0.0' }), { os_vitrine_version: '1.0.0' }],
      [() => yankArtifact(own, { id }), {}],
      [() => unyankArtifact(own, { id }), {}],
      [() => deprecateArtifact(own, { id, message: 'old' }), {}],
      [() => deactivateArtifact(own, { id }), { status: 'deactivated' }],
      [() => reactivateArtifact(own, { id }), { status: 'active' }],
      [() => deleteArtifact(own, { id }).then(() => restoreArtifact(own, { id })), { status: 'active' }],
    ];
    for (const [change, said] of steps) {
      await change();
      expect(await ready()).toContain(id);
      expect(await listed(id)).toMatchObject(said);
      expect(await listed(id)).toEqual(await shown(id));
      await expectSame();
    }
    await updateArtifact(own, { id, hidden: true });
    expect(await ready()).toContain(id);
    expect(await listed(id)).toBeUndefined();
    await expectSame();
  });

  it('is none of a draft, of what waits to be deleted only while it waits, and of what is gone', async () => {
    const { id } = await draft({ name: 'queued' });
    expect(await ready()).not.toContain(id);
    expect(await listed(id)).toMatchObject({ status: 'queued', size: null });
    const other = await image({ name: 'going' });
    await deleteArtifact(own, { id: other.id });
    expect(await listed(other.id)).toBeUndefined();
    await expectSame();
    await run(`UPDATE artifact SET state = 'active' WHERE id = $1`, [other.id]);
    const atOnce = { ...own, settings: { ...own.settings, storage: { ...own.settings.storage, deleteDelayMs: 0 } } };
    await deleteArtifact(atOnce, { id: other.id });
    expect(await run('SELECT 1 FROM image_text WHERE artifact_id = $1', [other.id])).toEqual([]);
  });

  it('is passed over after a change that did not rewrite it, or in the form of another release', async () => {
    const { id } = await image({ name: 'overtaken' });
    await run(`UPDATE artifact SET name = 'by another', revision = revision + 1 WHERE id = $1`, [id]);
    expect(await ready()).not.toContain(id);
    expect(await listed(id)).toMatchObject({ name: 'by another' });
    expect((await prepareImages(server.services, {}, quietRun())).prepared).toBe(1);
    expect(await ready()).toContain(id);
    await run('UPDATE image_text SET form = form + 1 WHERE artifact_id = $1', [id]);
    expect(await ready()).not.toContain(id);
    expect(await listed(id)).toMatchObject({ name: 'by another' });
    expect((await prepareImages(server.services, {}, quietRun())).prepared).toBe(1);
    expect(await prepareImages(server.services, {}, quietRun())).toEqual({ prepared: 0 });
    await expectSame();
  });

  it('is made ready later, of all but drafts', async () => {
    await draft({ name: 'still queued' });
    const { id } = await image({ name: 'older' });
    const { length } = await run('DELETE FROM image_text RETURNING 1');
    expect(await ready()).toEqual(new Set());
    expect((await prepareImages(server.services, {}, quietRun())).prepared).toBe(length);
    expect(await ready()).toContain(id);
    await expectSame();
  });

  /** As they stand beside the text. */
  const keptStores = async (id: string): Promise<string | null> => {
    const [row] = (await run('SELECT stores FROM image_text WHERE artifact_id = $1', [id])) as { stores: string | null }[];
    return row?.stores ?? null;
  };

  it.each([false, true])('says in which stores the bytes are now (kept beside the text before: %s)', async (isKept) => {
    const { id } = await image({ name: 'moving' });
    const settle = async (kept: string): Promise<void> => {
      if (!isKept) return;
      await prepareImages(server.services, {}, quietRun());
      expect(await keptStores(id)).toBe(kept);
    };
    expect(await keptStores(id)).toBe(',"stores":"local"}');
    if (!isKept) await run('UPDATE image_text SET stores = NULL WHERE artifact_id = $1', [id]);
    expect(await listed(id)).toMatchObject({ stores: 'local' });
    await run(
      `INSERT INTO store (name, store_id, kind) VALUES ('"a" b', gen_random_uuid(), 'filesystem') ON CONFLICT DO NOTHING`,
    );
    await run(
      `INSERT INTO location (id, blob_id, store, object_key, state)
       SELECT gen_random_uuid(), blob_id, '"a" b', 'elsewhere ' || id, 'live' FROM location WHERE ${ofImageSql}`,
      [id],
    );
    expect(await listed(id)).toMatchObject({ stores: '"a" b,local' });
    await expectSame();
    await settle(',"stores":"\\"a\\" b,local"}');
    await updateArtifact(own, { id, properties: { note: 'of another revision' } });
    await run(`DELETE FROM location WHERE ${ofImageSql} AND store = 'local'`, [id]);
    expect(await listed(id)).toMatchObject({ stores: '"a" b', note: 'of another revision' });
    await settle(',"stores":"\\"a\\" b"}');
    await run(condemnSql, [id]);
    expect(await listed(id)).not.toHaveProperty('stores');
    await settle('}');
    expect(await listed(id)).not.toHaveProperty('stores');
    expect(await ready()).toContain(id);
    await expectSame();
  });
});
