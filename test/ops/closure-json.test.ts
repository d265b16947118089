import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Artifact } from '#core/artifact.ts';
import type { Closure } from '#core/closure.ts';
import type { OpContext } from '#ops/context.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { deactivateArtifact } from '#ops/deactivate-artifact.ts';
import { deleteArtifact } from '#ops/delete-artifact.ts';
import { getClosure } from '#ops/get-closure.ts';
import { getClosureJson } from '#ops/get-closure-json.ts';
import { prepareClosures } from '#ops/prepare-closures.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { reactivateArtifact } from '#ops/reactivate-artifact.ts';
import { unyankArtifact } from '#ops/unyank-artifact.ts';
import { updateArtifact } from '#ops/update-artifact.ts';
import { yankArtifact } from '#ops/yank-artifact.ts';
import { quietRun } from '#test/support/maintenance.ts';
import { actAs, createTestNode, type Node, outcome, putText } from '#test/support/operations.ts';
import { watchStatements } from '#test/support/watch-statements.ts';

let node: Node;
let own: OpContext;
let other: OpContext;

beforeAll(async () => {
  node = await createTestNode();
  own = actAs(node.services, 'own');
  other = actAs(node.services, 'other');
});
afterAll(() => node[Symbol.asyncDispose]());

const uses = (alias: string, ref: string) => ({ slot: 'uses', alias, ref });

/** A published kit with one blob. */
async function kit(name: string, input: Partial<Parameters<typeof createArtifact>[1]> = {}): Promise<Artifact> {
  const draft = await createArtifact(own, { type: 'kit', name, version: '1.0.0', ...input });
  await putText(own, draft.id, 'main', `bytes of ${name}`);
  return publishArtifact(own, { id: draft.id });
}

describe('a pinned closure as JSON', () => {
  const read = async (context: OpContext, ref: string, isPartial = false) => {
    const input = { ref, mode: 'pinned', isPartial } as const;
    const json = await getClosureJson(context, input);
    // Texts that were made ready say what is read from rows, key for key.
    expect(JSON.stringify(JSON.parse(json))).toBe(JSON.stringify(await getClosure(context, input)));
    return JSON.parse(json) as Closure;
  };

  /** What it is answered by, read by id. */
  const statementsOf = async (caller: string, id: string): Promise<readonly string[]> => {
    const { db, names } = watchStatements(node.services.db);
    await getClosureJson(actAs({ ...node.services, db }, caller), { ref: id, mode: 'pinned', isPartial: true });
    return names;
  };

  /** Whether it is answered from texts: then there are no further statements. */
  const isReady = async (caller: string, id: string): Promise<boolean> =>
    (await statementsOf(caller, id)).join() === 'closure-outlined,closure-ready';

  async function pair(name: string, visibility: 'private' | 'community' = 'private') {
    const base = await kit(`${name}-base`, { visibility, properties: { title: 'a "b"\n\u2028 ü' } });
    const top = await kit(`${name}-top`, {
      visibility,
      dependencies: [uses('base', `kit/${name}-base@^1`), uses('twice', `own/kit/${name}-base`), uses('id', base.id)],
    });
    return { base, top };
  }

  it('is what the rows say, in two statements by id and in at most five by name', async () => {
    const { top } = await pair('ready');
    expect(await read(own, top.id)).toMatchObject({ complete: true, nodes: [{}, {}], edges: [{}, {}, {}] });
    expect(await read(own, 'kit/ready-top')).toMatchObject({ root: top.id });
    expect(await isReady('own', top.id)).toBe(true);
    const { db, names } = watchStatements(node.services.db);
    await getClosureJson(actAs({ ...node.services, db }, 'own'), { ref: 'kit/ready-top@^1', mode: 'pinned', isPartial: false });
    expect(names.length).toBeLessThanOrEqual(5);
  });

  it('shows properties as they are now', async () => {
    const { base, top } = await pair('changing');
    await updateArtifact(own, { id: base.id, properties: { note: 'changed' } });
    expect((await read(own, top.id)).nodes[0]?.properties).toMatchObject({ note: 'changed' });
    expect(await isReady('own', top.id)).toBe(true);
  });

  it('is read from rows where a node is yanked, withheld, deleted, out of sight or without its bytes', async () => {
    const { base, top } = await pair('unready', 'community');
    await yankArtifact(own, { id: base.id });
    expect((await read(own, top.id)).problems).toMatchObject([{ kind: 'YANKED' }]);
    await unyankArtifact(own, { id: base.id });
    await updateArtifact(own, { id: top.id, visibility: 'community' });
    await updateArtifact(own, { id: base.id, visibility: 'private' });
    expect((await read(other, top.id, true)).nodes.map(({ id }) => id)).toEqual([top.id]);
    expect(await isReady('own', top.id)).toBe(true);
    await deactivateArtifact(own, { id: base.id });
    expect((await read(own, top.id, true)).problems).toMatchObject([{ kind: 'DEACTIVATED' }]);
    await reactivateArtifact(own, { id: base.id });
    await node.services.db.query(
      {
        text: `UPDATE location SET state = 'quarantined' FROM artifact_blob ab
      WHERE ab.blob_id = location.blob_id AND ab.artifact_id = $1`,
      },
      [base.id],
    );
    expect((await read(own, top.id, true)).problems).toMatchObject([{ kind: 'BLOB_UNAVAILABLE' }]);
    expect(await outcome(getClosureJson(own, { ref: top.id, mode: 'pinned', isPartial: false }))).toBe('CLOSURE_INCOMPLETE');
  });

  it('has no texts of what was deleted, nor of what has no version yet', async () => {
    const { top } = await pair('ending');
    await deleteArtifact(own, { id: top.id });
    expect(await node.services.db.query({ text: 'SELECT 1 FROM closure_part WHERE artifact_id = $1' }, [top.id])).toEqual([]);
    expect(await outcome(getClosureJson(own, { ref: top.id, mode: 'pinned', isPartial: false }))).toBe('ARTIFACT_NOT_FOUND');
  });

  it('is cut or refused where it is too large', async () => {
    const { top } = await pair('large');
    const cut = await getClosureJson(own, { ref: top.id, mode: 'pinned', maxNodes: 1, isPartial: true });
    expect(JSON.parse(cut)).toMatchObject({ complete: false, problems: [{ kind: 'LIMIT' }] });
  });

  it('is made ready later for what was published without texts', async () => {
    const { base, top } = await pair('older');
    await node.services.db.query({ text: 'DELETE FROM closure_part WHERE artifact_id = ANY($1)' }, [[base.id, top.id]]);
    await read(own, top.id);
    expect(await isReady('own', top.id)).toBe(false);
    expect((await prepareClosures(node.services, {}, quietRun())).prepared).toBeGreaterThanOrEqual(2);
    await read(own, top.id);
    expect(await isReady('own', top.id)).toBe(true);
    expect(await prepareClosures(node.services, {}, quietRun())).toEqual({ sized: 0, prepared: 0, outlined: 0 });
  });

  describe('of many nodes', () => {
    const length = 66;
    const chain: Artifact[] = [];
    let root = '';

    beforeAll(async () => {
      for (let at = 0; at < length; at += 1) {
        const dependencies = chain.slice(-2).map(({ id }, place) => uses(`below-${place}`, id));
        chain.push(await kit(`chain-${at}`, { visibility: 'community', properties: { title: `${at} "ü"` }, dependencies }));
      }
      root = chain.at(-1)?.id ?? '';
    });

    it('was put in order when its root was published, and is read by one statement', async () => {
      expect((await read(own, root)).nodes).toHaveLength(length);
      expect(await statementsOf('own', root)).toEqual(['closure-outlined']);
      expect(await statementsOf('other', root)).toEqual(['closure-outlined']);
    });

    it('shows properties as they are now', async () => {
      const [first] = chain;
      await updateArtifact(own, { id: first?.id ?? '', properties: { note: 'later' } });
      expect((await read(own, root)).nodes[0]?.properties).toMatchObject({ note: 'later' });
      expect(await statementsOf('own', root)).toEqual(['closure-outlined']);
    });

    it('is read from rows while a node is yanked, or out of sight', async () => {
      const id = chain[5]?.id ?? '';
      await yankArtifact(own, { id });
      expect((await read(own, root)).problems).toMatchObject([{ kind: 'YANKED' }]);
      await unyankArtifact(own, { id });
      expect(await statementsOf('own', root)).toEqual(['closure-outlined']);
      await updateArtifact(own, { id, visibility: 'private' });
      expect((await read(other, root, true)).nodes.length).toBeLessThan(length);
      expect(await statementsOf('own', root)).toEqual(['closure-outlined']);
      await updateArtifact(own, { id, visibility: 'community' });
    });

    it('is cut where it is larger than what was asked for', async () => {
      const cut = await getClosureJson(own, { ref: root, mode: 'pinned', maxNodes: length - 1, isPartial: true });
      expect(JSON.parse(cut)).toMatchObject({ complete: false, problems: [{ kind: 'LIMIT' }] });
    });

    it('is put in order later where nobody has', async () => {
      const forget = { text: 'UPDATE closure_part SET outline = NULL, closure_digest = NULL' };
      await node.services.db.query(forget);
      const before = await read(own, root);
      expect((await statementsOf('own', root)).at(-1)).toBe('closure-ready');
      expect((await prepareClosures(node.services, {}, quietRun())).outlined).toBeGreaterThanOrEqual(3);
      expect(await statementsOf('own', root)).toEqual(['closure-outlined']);
      expect(await read(own, root)).toEqual(before);
      expect(await prepareClosures(node.services, {}, quietRun())).toEqual({ sized: 0, prepared: 0, outlined: 0 });
    });
  });
});
