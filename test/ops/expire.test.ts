import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { armFailpoints } from '#base/failpoint.ts';
import type { JobRun, OpContext } from '#ops/context.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { expireDrafts } from '#ops/expire-drafts.ts';
import { expireKeys } from '#ops/expire-keys.ts';
import { getArtifact } from '#ops/get-artifact.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { updateArtifact } from '#ops/update-artifact.ts';
import { actAs, createTestNode, type Node, outcome, publishKit, putText } from '#test/support/operations.ts';

let node: Node;
let own: OpContext;

beforeEach(async () => {
  node = await createTestNode();
  own = actAs(node.services, 'own');
});
afterEach(() => {
  armFailpoints('none:none=fail');
  return node[Symbol.asyncDispose]();
});

const run = (): JobRun => ({ signal: new AbortController().signal, progress: async () => undefined });
const sql = (text: string, values: readonly unknown[] = []) => node.services.db.query<Record<string, unknown>>({ text }, values);
const draft = (name: string) => createArtifact(own, { type: 'kit', name, version: '1.0.0' });
const age = (id: string) => sql(`UPDATE artifact SET expires_at = now() - interval '1 second' WHERE id = $1`, [id]);

async function openSession(artifactId: string, state: string, expiresIn: string, writerExpiresIn: string): Promise<void> {
  await sql(
    `INSERT INTO upload_session (id, project, created_by, artifact_id, slot, key, path, media_type, store, object_key, state, limit_bytes,
       writer, writer_expires_at, expires_at)
     VALUES (gen_random_uuid(), 'own', 'u', $1, 'main', '', 'main', 'text/plain', 'local', gen_random_uuid()::text, $2, 10,
       'w', now() + $4::interval, now() + $3::interval)`,
    [artifactId, state, expiresIn, writerExpiresIn],
  );
}

describe('a draft past its time', () => {
  it('is deleted with event, audit and tombstone; others stay', async () => {
    const [old, young] = [await draft('old'), await draft('young')];
    const published = await publishKit(own, { name: 'published' });
    await putText(own, old.id, 'main', 'bytes');
    await age(old.id);
    expect(await expireDrafts(node.services, {}, run())).toEqual({ deleted: 1, left: 0 });
    expect(await outcome(getArtifact(own, { id: old.id }))).toBe('ARTIFACT_NOT_FOUND');
    expect(await outcome(getArtifact(own, { id: young.id }))).toBe('ok');
    expect(await outcome(getArtifact(own, { id: published.id }))).toBe('ok');
    expect(await sql('SELECT state, name, state_before_delete AS before FROM artifact WHERE id = $1', [old.id])).toEqual([
      { state: 'deleted', name: 'old', before: 'draft' },
    ]);
    expect(await sql('SELECT FROM artifact_blob WHERE artifact_id = $1', [old.id])).toEqual([]);
    expect(await sql(`SELECT kind FROM event WHERE subject_id = $1 ORDER BY id DESC LIMIT 1`, [old.id])).toEqual([
      { kind: 'artifact.deleted' },
    ]);
    expect(
      await sql(
        `SELECT caller, action, project, detail->>'reason' AS reason FROM audit WHERE subject_id = $1 ORDER BY id DESC LIMIT 1`,
        [old.id],
      ),
    ).toEqual([{ caller: 'vitrine:drafts:expire', action: 'artifact:delete', project: 'own', reason: 'The draft expired.' }]);
    expect(await expireDrafts(node.services, {}, run())).toEqual({ deleted: 0, left: 0 });
  });

  it.each([
    ['open', '1 hour', '-1 hour', false],
    ['receiving', '-1 hour', '1 minute', false],
    ['verifying', '-1 hour', '-1 hour', false],
    ['receiving', '-1 hour', '-1 hour', true],
    ['expired', '1 hour', '1 hour', true],
  ])('with an upload that is %s for %s by a writer for %s: deleted %s', async (state, expiresIn, writerExpiresIn, isDeleted) => {
    const { id } = await draft('sent to');
    await openSession(id, state, expiresIn, writerExpiresIn);
    await age(id);
    expect((await expireDrafts(node.services, {}, run())).deleted).toBe(isDeleted ? 1 : 0);
  });

  it('stays whole where its deletion fails, and is deleted by the next', async () => {
    const { id } = await draft('twice');
    await putText(own, id, 'main', 'bytes');
    await age(id);
    const changes = async () => (await sql('SELECT FROM event WHERE subject_id = $1', [id])).length;
    const before = await changes();
    armFailpoints('draft:expire=fail');
    await expect(expireDrafts(node.services, {}, run())).rejects.toThrow('failpoint draft:expire');
    expect(await outcome(getArtifact(own, { id }))).toBe('ok');
    expect(await sql('SELECT slot FROM artifact_blob WHERE artifact_id = $1', [id])).toHaveLength(1);
    expect(await changes()).toBe(before);
    expect(await expireDrafts(node.services, {}, run())).toEqual({ deleted: 1, left: 0 });
  });

  it('that is protected stays', async () => {
    const { id } = await draft('kept');
    await updateArtifact(own, { id, protected: true });
    await age(id);
    expect((await expireDrafts(node.services, {}, run())).deleted).toBe(0);
  });

  it('that is published at that moment is not deleted, by any number of such jobs', async () => {
    const ids = await Promise.all(Array.from({ length: 12 }, async (_, index) => (await draft(`race ${index}`)).id));
    for (const id of ids) await putText(own, id, 'main', 'bytes');
    await sql(`UPDATE artifact SET expires_at = now() - interval '1 second' WHERE state = 'draft'`);
    const [outcomes, ...expired] = await Promise.all([
      Promise.all(ids.map((id) => outcome(publishArtifact(own, { id })))),
      expireDrafts(node.services, {}, run()),
      expireDrafts(node.services, {}, run()),
    ]);
    const states = await sql('SELECT id, state FROM artifact');
    const stateOf = new Map(states.map(({ id, state }) => [id, state]));
    expect(ids.map((id) => stateOf.get(id))).toEqual(outcomes.map((became) => (became === 'ok' ? 'active' : 'deleted')));
    expect(expired.reduce((sum, { deleted }) => sum + deleted, 0)).toBe(outcomes.filter((became) => became !== 'ok').length);
  });
});

describe('idempotency keys past their time', () => {
  it('are forgotten, however many, and no others', async () => {
    await sql(`INSERT INTO idempotency_key (project, caller, operation, key, body_hash, response, expires_at)
      SELECT 'p', 'c', 'o', 'key ' || n, 'h', '{}', now() + (n - 2500.5) * interval '1 hour' FROM generate_series(1, 2502) n`);
    expect(await expireKeys(node.services, {}, run())).toEqual({ forgotten: 2500 });
    expect(await sql('SELECT key FROM idempotency_key ORDER BY key')).toEqual([{ key: 'key 2501' }, { key: 'key 2502' }]);
  });

  it('are left where the job is told to end', async () => {
    const signal = AbortSignal.abort(new Error('the worker ends'));
    await expect(expireKeys(node.services, {}, { ...run(), signal })).rejects.toThrow('the worker ends');
  });
});
