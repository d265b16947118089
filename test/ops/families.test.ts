import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpContext } from '#ops/context.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { getFamily } from '#ops/get-family.ts';
import { updateFamily } from '#ops/update-family.ts';
import { actAs, createTestNode, type Node, outcome, publishKit, refusal } from '#test/support/operations.ts';

let node: Node;
let own: OpContext;

beforeAll(async () => {
  node = await createTestNode();
  own = actAs(node.services, 'own');
});
afterAll(() => node[Symbol.asyncDispose]());

describe('a family', () => {
  it('is there from its first versioned draft on, by id and by name', async () => {
    const { familyId } = await createArtifact(own, { type: 'kit', name: 'new', version: '1.0.0', description: 'About it.' });
    const family = await getFamily(own, { type: 'kit', name: 'new' });
    expect(family).toMatchObject({
      id: familyId,
      project: 'own',
      type: 'kit',
      name: 'new',
      description: 'About it.',
      revision: 1,
    });
    // Who adds to a family does not thereby speak for it.
    await createArtifact(own, { type: 'kit', name: 'new', version: '1.1.0', description: 'Something else.' });
    expect(await getFamily(own, { id: family.id })).toEqual(family);
    expect(await getFamily(own, { project: 'own', type: 'kit', name: 'new' })).toEqual(family);
    expect(await outcome(getFamily(own, { project: 'other', type: 'kit', name: 'new' }))).toBe('FAMILY_NOT_FOUND');
  });

  it('says something else about itself, one revision at a time', async () => {
    const { familyId } = await publishKit(own, { name: 'described' });
    const id = familyId ?? '';
    const changed = await updateFamily(own, { id, description: 'New words.', expectedRevision: 1 });
    expect(changed).toMatchObject({ description: 'New words.', revision: 2 });
    expect(await updateFamily(own, { id, description: 'New words.' })).toEqual(changed);
    const stale = await refusal(updateFamily(own, { id, description: 'Other.', expectedRevision: 1 }));
    expect(stale).toMatchObject({ code: 'REVISION_CONFLICT', details: { currentRevision: 2 } });
    expect(await outcome(updateFamily(own, { id, description: 'x'.repeat(10_001) }))).toBe('INPUT_INVALID');
    const events = await node.services.db.query({ text: 'SELECT kind, revision FROM event WHERE subject_id = $1 ORDER BY id' }, [
      id,
    ]);
    expect(events).toEqual([
      { kind: 'family.created', revision: 1 },
      { kind: 'family.updated', revision: 2 },
    ]);
  });

  it('is changed by its project only', async () => {
    const { familyId } = await publishKit(own, { name: 'theirs', visibility: 'community' });
    const change = { id: familyId ?? '', description: 'mine now' };
    expect(await outcome(updateFamily(actAs(node.services, 'other'), change))).toBe('FORBIDDEN');
    expect(await outcome(updateFamily(actAs(node.services, 'own', 'reader'), change))).toBe('FORBIDDEN');
    expect(await outcome(updateFamily(actAs(node.services, 'ops', 'admin'), change))).toBe('ok');
  });
});
