import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '#base/clock.ts';
import { claimInstance } from '#ops/claim-instance.ts';
import { createContext, type OpContext } from '#ops/context.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { deleteArtifact } from '#ops/delete-artifact.ts';
import { getArtifact } from '#ops/get-artifact.ts';
import { openBlob } from '#ops/open-blob.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { getReadOnly, setReadOnly } from '#ops/set-read-only.ts';
import { updateArtifact } from '#ops/update-artifact.ts';
import { uploadBlob } from '#ops/upload-blob.ts';
import { actAs, createTestNode, type Node } from '#test/support/operations.ts';

let node: Node;
let own: OpContext;
let elsewhere: OpContext;
let admin: OpContext;

beforeAll(async () => {
  node = await createTestNode();
  const key = node.services.settings.instanceKey;
  await claimInstance(node.services.db, { place: 'test', find: async () => key, findOrMake: async () => key });
  own = actAs(node.services, 'own');
  elsewhere = actAs(await node.second(), 'own');
  admin = actAs(node.services, 'ops', 'admin');
});
afterEach(() => setReadOnly(admin, { readOnly: false }));
afterAll(() => node[Symbol.asyncDispose]());

async function rowCounts(): Promise<object> {
  const tables = ['artifact', 'artifact_blob', 'blob', 'location', 'upload_session', 'event', 'audit', 'idempotency_key'];
  const counts = tables.map((table) => `(SELECT count(*) FROM ${table}) AS "${table}"`);
  const [row] = await node.services.db.query<object>({ text: `SELECT ${counts.join(', ')}` });
  return row ?? {};
}

const draft = (name: string) => ({ type: 'kit', name, version: '1.0.0' });

describe('read-only mode', () => {
  it('refuses every write on every node with the reason, changes nothing, and lets reads go on', async () => {
    const { id } = await createArtifact(own, draft('kept'));
    await uploadBlob(own, { artifactId: id, slot: 'main', source: Readable.from(['bytes']) });
    const { isQuiet } = await setReadOnly(admin, { readOnly: true, reason: 'the database moves' });
    expect(isQuiet).toBe(true);
    const before = await rowCounts();
    const refusal = { code: 'READ_ONLY', message: 'Vitrine is read-only: the database moves' };
    for (const context of [own, elsewhere]) {
      await expect(createArtifact(context, { ...draft('new'), idempotencyKey: 'key-1' })).rejects.toMatchObject(refusal);
      await expect(updateArtifact(context, { id, tags: ['late'] })).rejects.toMatchObject(refusal);
      await expect(publishArtifact(context, { id })).rejects.toMatchObject(refusal);
      await expect(deleteArtifact(context, { id })).rejects.toMatchObject(refusal);
      const upload = uploadBlob(context, { artifactId: id, slot: 'main', source: Readable.from(['others']) });
      await expect(upload).rejects.toMatchObject(refusal);
      expect(await getArtifact(context, { id })).toMatchObject({ id, revision: 2 });
      expect(await (await openBlob(context, { artifactId: id, slot: 'main' })).read(0, 5)).toEqual(Buffer.from('bytes'));
    }
    expect(await rowCounts()).toEqual(before);
    await setReadOnly(admin, { readOnly: false });
    expect(await publishArtifact(elsewhere, { id })).toMatchObject({ state: 'active' });
  });

  it.each([
    ['event', 'INSERT INTO event OVERRIDING SYSTEM VALUE SELECT * FROM event WHERE false'],
    ['artifact', 'DELETE FROM artifact WHERE false'],
    ['blob', 'DELETE FROM blob WHERE false'],
    ['location', 'UPDATE location SET state = state WHERE false'],
    ['upload_session', 'UPDATE upload_session SET state = state WHERE false'],
    ['idempotency_key', 'DELETE FROM idempotency_key WHERE false'],
  ])('is the database’s own refusal, whoever writes: %s', async (_table, text) => {
    await setReadOnly(admin, { readOnly: true });
    await expect(node.services.db.query({ text })).rejects.toMatchObject({ code: 'READ_ONLY' });
    await setReadOnly(admin, { readOnly: false });
    expect(await node.services.db.query({ text })).toEqual([]);
  });

  it('waits for the writes that had begun, and says so', async () => {
    const begun = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<void>();
    const writing = node.services.db.transaction(async (tx) => {
      await tx.query({ text: 'INSERT INTO used_id (id) VALUES (gen_random_uuid())' });
      begun.resolve();
      await finish.promise;
    });
    await begun.promise;
    let isAnswered = false;
    const switching = setReadOnly(admin, { readOnly: true }).then((mode) => {
      isAnswered = true;
      return mode;
    });
    await expect.poll(() => getReadOnly(own)).toMatchObject({ readOnly: true });
    expect(isAnswered).toBe(false);
    finish.resolve();
    await writing;
    expect(await switching).toMatchObject({ isQuiet: true });
  });

  it('ends an upload that is under way with the same error: nothing refers to what it wrote', async () => {
    const { id } = await createArtifact(own, draft('half'));
    const held = Promise.withResolvers<void>();
    async function* slowly() {
      yield Buffer.alloc(1000);
      await held.promise;
      yield Buffer.alloc(1000);
    }
    const uploading = uploadBlob(own, { artifactId: id, slot: 'main', source: Readable.from(slowly()) });
    uploading.catch(() => undefined);
    await expect.poll(rowCounts).toMatchObject({ upload_session: 1 });
    await setReadOnly(admin, { readOnly: true });
    held.resolve();
    await expect(uploading).rejects.toMatchObject({ code: 'READ_ONLY' });
    expect(await rowCounts()).toMatchObject({ artifact_blob: 1 });
  });

  it('is an administrator’s, is kept with its first time, and is told to whoever asks', async () => {
    await expect(setReadOnly(own, { readOnly: true })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(await getReadOnly(own)).toEqual({ readOnly: false, since: null, reason: null });
    const first = await setReadOnly(admin, { readOnly: true, reason: 'one' });
    const second = await setReadOnly(admin, { readOnly: true, reason: 'two' });
    expect(second).toMatchObject({ since: first.since, reason: 'two' });
    const reader = createContext(node.services, { ...own, signal: new AbortController().signal });
    expect(await getReadOnly(reader)).toEqual({ readOnly: true, since: first.since, reason: 'two' });
    const rows = await node.services.db.query({ text: "SELECT kind FROM event WHERE subject_type = 'instance' ORDER BY id" });
    expect(rows.at(-1)).toEqual({ kind: 'instance.read-only' });
    expect(systemClock.now().getTime()).toBeGreaterThan(Date.parse(first.since ?? '') - 60_000);
  });
});
