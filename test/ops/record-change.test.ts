/** The trace of changes: whatever operation ran, one event and one audit row in its transaction, and no revision without one. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addMember } from '#ops/add-member.ts';
import type { OpContext } from '#ops/context.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { deactivateArtifact } from '#ops/deactivate-artifact.ts';
import { deleteArtifact } from '#ops/delete-artifact.ts';
import { deprecateArtifact } from '#ops/deprecate-artifact.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { reactivateArtifact } from '#ops/reactivate-artifact.ts';
import { removeMember } from '#ops/remove-member.ts';
import { unyankArtifact } from '#ops/unyank-artifact.ts';
import { updateArtifact } from '#ops/update-artifact.ts';
import { updateMember } from '#ops/update-member.ts';
import { yankArtifact } from '#ops/yank-artifact.ts';
import { actAs, createTestNode, type Node, outcome, putText } from '#test/support/operations.ts';

let node: Node;
let own: OpContext;

beforeAll(async () => {
  node = await createTestNode();
  own = actAs(node.services, 'own');
});
afterAll(() => node[Symbol.asyncDispose]());

describe('a life of an artifact', () => {
  it('leaves one event and one audit row for each change, under the revisions in order', async () => {
    const { id } = await createArtifact(own, { type: 'kit', name: 'life', version: '1.0.0', visibility: 'shared' });
    await putText(own, id, 'main', 'bytes');
    await updateArtifact(own, { id, properties: { title: 'life' } });
    await publishArtifact(own, { id });
    await addMember(own, { artifactId: id, project: 'friend' });
    await updateMember(actAs(node.services, 'friend'), { artifactId: id, project: 'friend', status: 'accepted' });
    await removeMember(own, { artifactId: id, project: 'friend' });
    await yankArtifact(own, { id, reason: 'r' });
    await unyankArtifact(own, { id });
    await deprecateArtifact(own, { id, message: 'm' });
    await deprecateArtifact(own, { id, message: null });
    await deactivateArtifact(own, { id });
    await reactivateArtifact(own, { id });
    await updateArtifact(own, { id, protected: true });
    expect(await outcome(deleteArtifact(own, { id }))).toBe('ARTIFACT_PROTECTED');
    await updateArtifact(own, { id, protected: false });
    await deleteArtifact(own, { id });
    const rows = await node.services.db.query<{ kind: string; revision: number; caller: string; requestId: string }>(
      {
        text: `SELECT e.kind, e.revision, u.caller, u.request_id AS "requestId" FROM event e
          FULL JOIN audit u ON u.subject_id = e.subject_id AND u.tx = e.tx AND u.revision = e.revision AND u.request_id = e.request_id
          WHERE coalesce(e.subject_id, u.subject_id) = $1 ORDER BY e.id`,
      },
      [id],
    );
    expect(rows.map(({ kind, revision }) => `${revision} ${kind}`)).toEqual([
      '1 artifact.created',
      '2 artifact.blob.attached',
      '3 artifact.updated',
      '4 artifact.published',
      '4 member.added',
      '4 member.updated',
      '4 member.removed',
      '5 artifact.yanked',
      '6 artifact.unyanked',
      '7 artifact.deprecated',
      '8 artifact.undeprecated',
      '9 artifact.deactivated',
      '10 artifact.reactivated',
      '11 artifact.updated',
      '12 artifact.updated',
      '13 artifact.deleted',
    ]);
    expect(rows.filter(({ caller }) => caller === 'user-of-friend')).toHaveLength(1);
    expect(rows.every(({ requestId }) => requestId.startsWith('req-'))).toBe(true);
  });
});
