import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createArtifact } from '#ops/create-artifact.ts';
import { exportClosureTar } from '#ops/export-closure-tar.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { actAs, createTestNode, type Node, putText } from '#test/support/operations.ts';

let node: Node;
beforeAll(async () => {
  node = await createTestNode();
});
afterAll(() => node[Symbol.asyncDispose]());

describe('the tar of a closure', () => {
  it('takes a blob from another of its places where the first has lost it', async () => {
    const { services } = node;
    const own = actAs(services, 'own');
    const { id } = await createArtifact(own, { type: 'kit', name: 'kept', version: '1.0.0' });
    await putText(own, id, 'main', 'kept in two places');
    await publishArtifact(own, { id });
    const whole = await buffer((await exportClosureTar(own, { ref: id, mode: 'pinned' })).open());
    await services.db.query({
      text: `INSERT INTO store (name, store_id, kind) VALUES ('away', gen_random_uuid(), 'filesystem')`,
    });
    await services.db.query(
      {
        text: `INSERT INTO location (id, blob_id, store, object_key, state, verified_at, created_at)
        SELECT gen_random_uuid(), blob_id, 'away', 'aa0000000000000000000000000000000000', 'live', now(), now() - interval '1 day'
        FROM artifact_blob WHERE artifact_id = $1`,
      },
      [id],
    );
    await services.db.query({ text: `UPDATE placement SET store = 'away' WHERE artifact_id = $1` }, [id]);
    const stores = new Map([...services.blobs.stores, ['away', services.blobs.defaultStore] as const]);
    const both = actAs(node.with({ blobs: { ...services.blobs, stores } }), 'own');
    const tar = await exportClosureTar(both, { ref: id, mode: 'pinned' });
    expect((await buffer(tar.open())).equals(whole)).toBe(true);
  });
});
