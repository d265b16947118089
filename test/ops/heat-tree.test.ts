import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '#base/app-error.ts';
import type { OpContext } from '#ops/context.ts';
import { getClosure } from '#ops/get-closure.ts';
import { projectHeat } from '#ops/project-heat.ts';
import { createHeatNode, emptyStack, type HeatNode, heatVersion } from '#test/support/heat-node.ts';
import { actAs, outcome } from '#test/support/operations.ts';

let node: HeatNode;
let own: OpContext;
let publish: HeatNode['publish'];

beforeAll(async () => {
  node = await createHeatNode();
  ({ own, publish } = node);
});
afterAll(() => node[Symbol.asyncDispose]());

describe('the files of a Heat projection', () => {
  it('reads a file from another of its stores where the first has lost it or is down', async () => {
    const { services } = node;
    const { id } = await publish({
      type: 'heat-template',
      name: 'in-two-stores',
      files: { template: { 'stack.yaml': emptyStack } },
    });
    const whole = await projectHeat(own, { ref: id, mode: 'pinned' });
    const text = async (context: OpContext) =>
      (await getClosure(context, { ref: id, mode: 'pinned', inlineBytes: 1000 })).nodes[0]?.blobs[0]?.text;
    await services.db.query({
      text: `INSERT INTO store (name, store_id, kind) VALUES ('first', gen_random_uuid(), 'filesystem')`,
    });
    const add = `INSERT INTO location (id, blob_id, store, object_key, state, verified_at, created_at)
      SELECT gen_random_uuid(), blob_id, 'first', 'aa0000000000000000000000000000000000', 'live', now(), now() - interval '1 day'
      FROM artifact_blob WHERE artifact_id = $1`;
    await services.db.query({ text: add }, [id]);
    await services.db.query({ text: `UPDATE placement SET store = 'first' WHERE artifact_id = $1` }, [id]);
    const lost = services.blobs.defaultStore;
    const down = { ...lost, read: () => Promise.reject(new AppError('STORE_UNAVAILABLE')) };
    for (const first of [lost, down]) {
      const stores = new Map([...services.blobs.stores, ['first', first] as const]);
      const both = actAs({ ...services, blobs: { ...services.blobs, stores } }, 'own');
      expect(await projectHeat(both, { ref: id, mode: 'pinned' })).toEqual(whole);
      expect(await text(both)).toBe(emptyStack);
      const only = actAs({ ...services, blobs: { ...services.blobs, stores: new Map([['first', first]]) } }, 'own');
      expect(await outcome(projectHeat(only, { ref: id, mode: 'pinned' }))).toBe('BLOB_UNAVAILABLE');
      expect(await text(only)).toBeNull();
    }
  });
});
