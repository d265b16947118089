import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpContext } from '#ops/context.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { deactivateArtifact } from '#ops/deactivate-artifact.ts';
import { listArtifacts } from '#ops/list-artifacts.ts';
import { prepareClosures } from '#ops/prepare-closures.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { quietRun } from '#test/support/maintenance.ts';
import { actAs, createTestNode, type Node, putText } from '#test/support/operations.ts';

let node: Node;
let own: OpContext;
beforeAll(async () => {
  node = await createTestNode();
  own = actAs(node.services, 'own');
});
afterAll(() => node[Symbol.asyncDispose]());

/** The ids of what is published and has so many bytes. */
async function sizedAs(value: number): Promise<readonly string[]> {
  const filter = { kind: 'field', field: 'sizeBytes', operator: 'eq', value } as const;
  const orderBy = { key: 'createdAt', direction: 'asc' } as const;
  const { edges } = await listArtifacts(own, { type: null, filter, orderBy, page: { first: 10 } });
  return edges.map(({ node: { id } }) => id);
}

const facts = (id: string) =>
  node.services.db.query({ text: 'SELECT size_bytes, single_blobs, revision, updated_at FROM artifact WHERE id = $1' }, [id]);

/** As a node of the release before leaves it. */
const forget = (ids: readonly string[]) =>
  node.services.db.query({ text: 'UPDATE artifact SET size_bytes = NULL, single_blobs = NULL WHERE id = ANY($1)' }, [ids]);

describe('what a node of the release before publishes beside this one', () => {
  it('is sized as publishing would have, without a change of its own, and a draft is not', async () => {
    const ids: string[] = [];
    for (const texts of [['12345'], ['123', '4567'], []]) {
      const { id } = await createArtifact(own, { type: 'kit', name: `sized-${texts.length}`, version: '1.0.0' });
      await putText(own, id, 'main', texts[0] ?? '');
      for (const [index, text] of texts.slice(1).entries()) await putText(own, id, 'docs', text, `f${index}`);
      await publishArtifact(own, { id });
      ids.push(id);
    }
    const [one = '', two = '', empty = ''] = ids;
    await deactivateArtifact(actAs(node.services, 'own', 'admin'), { id: two });
    const draft = await createArtifact(own, { type: 'kit' });
    await putText(own, draft.id, 'main', '12345');
    const before = await Promise.all(ids.map(facts));
    await forget(ids);
    expect(await sizedAs(5)).toEqual([]);

    expect(await prepareClosures(node.services, {}, quietRun())).toMatchObject({ sized: 3 });
    expect(await Promise.all(ids.map(facts))).toEqual(before);
    expect([await sizedAs(5), await sizedAs(7), await sizedAs(0)]).toEqual([[one], [two], [empty]]);
    expect(await facts(draft.id)).toMatchObject([{ size_bytes: null, single_blobs: null }]);
    expect(await prepareClosures(node.services, {}, quietRun())).toEqual({ sized: 0, prepared: 0, outlined: 0 });
  });

  it('is left for the next time by a run that is ended', async () => {
    const ended = quietRun(AbortSignal.abort(new Error('ended')));
    await expect(prepareClosures(node.services, {}, ended)).rejects.toThrow('ended');
  });
});
