import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addMember } from '#ops/add-member.ts';
import type { OpContext } from '#ops/context.ts';
import { getArtifact } from '#ops/get-artifact.ts';
import { listMembers } from '#ops/list-members.ts';
import { removeMember } from '#ops/remove-member.ts';
import { resolveReference } from '#ops/resolve-reference.ts';
import { updateArtifact } from '#ops/update-artifact.ts';
import { updateMember } from '#ops/update-member.ts';
import { actAs, createTestNode, type Node, outcome, publishKit } from '#test/support/operations.ts';

let node: Node;
let own: OpContext;
let friend: OpContext;
let names = 0;

beforeAll(async () => {
  node = await createTestNode();
  own = actAs(node.services, 'own');
  friend = actAs(node.services, 'friend');
});
afterAll(() => node[Symbol.asyncDispose]());

async function shared(): Promise<string> {
  names += 1;
  return (await publishKit(own, { name: `shared-${names}`, visibility: 'shared' })).id;
}

describe('sharing an artifact', () => {
  it('lets the project read it at once, and is told of', async () => {
    const artifactId = await shared();
    expect(await outcome(getArtifact(friend, { id: artifactId }))).toBe('ARTIFACT_NOT_FOUND');
    const member = await addMember(own, { artifactId, project: 'friend' });
    expect(member).toMatchObject({ artifactId, project: 'friend', status: 'pending' });
    expect(await outcome(getArtifact(friend, { id: artifactId }))).toBe('ok');
    const { db } = node.services;
    const events = await db.query({ text: `SELECT kind FROM event WHERE subject_id = $1 AND kind LIKE 'member.%'` }, [
      artifactId,
    ]);
    expect(events).toEqual([{ kind: 'member.added' }]);
    const copies = await db.query(
      {
        text: 'SELECT m.type, m.artifact_created_at = a.created_at AS same FROM member m JOIN artifact a ON a.id = m.artifact_id WHERE a.id = $1',
      },
      [artifactId],
    );
    expect(copies).toEqual([{ type: 'kit', same: true }]);
  });

  it('is refused for what is not shared, twice, with the owner, and with no project at all', async () => {
    const { id } = await publishKit(own, { name: 'not-shared' });
    expect(await outcome(addMember(own, { artifactId: id, project: 'friend' }))).toBe('MEMBERS_NOT_SHARED');
    const artifactId = await shared();
    await addMember(own, { artifactId, project: 'friend' });
    expect(await outcome(addMember(own, { artifactId, project: 'friend' }))).toBe('MEMBER_EXISTS');
    expect(await outcome(addMember(own, { artifactId, project: 'own' }))).toBe('INPUT_INVALID');
    expect(await outcome(addMember(own, { artifactId, project: 'a\u0000' }))).toBe('NAME_INVALID');
    expect(await outcome(addMember(friend, { artifactId, project: 'third' }))).toBe('FORBIDDEN');
  });

  it('ends at 128 members', async () => {
    const artifactId = await shared();
    for (let index = 0; index < 128; index += 1) await addMember(own, { artifactId, project: `p${index}` });
    expect(await outcome(addMember(own, { artifactId, project: 'one-more' }))).toBe('LIMIT_EXCEEDED');
    expect(await listMembers(own, { artifactId })).toHaveLength(128);
  });
});

describe('answering a share', () => {
  it('is for the project it is with, and for administrators', async () => {
    const artifactId = await shared();
    await addMember(own, { artifactId, project: 'friend' });
    const answer = { artifactId, project: 'friend' };
    expect(await outcome(updateMember(own, { ...answer, status: 'accepted' }))).toBe('FORBIDDEN');
    expect(await updateMember(friend, { ...answer, status: 'accepted' })).toMatchObject({ status: 'accepted' });
    expect(await updateMember(actAs(node.services, 'ops', 'admin'), { ...answer, status: 'rejected' })).toMatchObject({
      status: 'rejected',
    });
    expect(await outcome(updateMember(actAs(node.services, 'third'), { ...answer, project: 'third', status: 'accepted' }))).toBe(
      'ARTIFACT_NOT_FOUND',
    );
    expect(await outcome(updateMember(friend, { artifactId, project: 'third', status: 'accepted' }))).toBe('FORBIDDEN');
    expect(
      await outcome(updateMember(actAs(node.services, 'ops', 'admin'), { ...answer, project: 'third', status: 'accepted' })),
    ).toBe('MEMBER_NOT_FOUND');
  });

  it('makes no event when the same is said again', async () => {
    const artifactId = await shared();
    await addMember(own, { artifactId, project: 'friend' });
    const first = await updateMember(friend, { artifactId, project: 'friend', status: 'accepted' });
    expect(await updateMember(friend, { artifactId, project: 'friend', status: 'accepted' })).toEqual(first);
    const events = await node.services.db.query(
      { text: `SELECT kind FROM event WHERE subject_id = $1 AND kind = 'member.updated'` },
      [artifactId],
    );
    expect(events).toHaveLength(1);
  });

  it('finds the version by its name only once it was accepted', async () => {
    const { id, name } = await publishKit(own, { name: 'by-name', visibility: 'shared' });
    await addMember(own, { artifactId: id, project: 'friend' });
    const ref = `own/kit/${name}`;
    expect(await outcome(resolveReference(friend, { ref }))).toBe('VERSION_NO_MATCH');
    await updateMember(friend, { artifactId: id, project: 'friend', status: 'accepted' });
    expect(await outcome(resolveReference(friend, { ref }))).toBe('ok');
    await updateMember(friend, { artifactId: id, project: 'friend', status: 'rejected' });
    expect(await outcome(resolveReference(friend, { ref }))).toBe('VERSION_NO_MATCH');
    expect(await outcome(resolveReference(friend, { ref: id }))).toBe('ok');
  });
});

describe('ending a share', () => {
  it('is for the owner, and for the member that leaves', async () => {
    const artifactId = await shared();
    await addMember(own, { artifactId, project: 'friend' });
    await addMember(own, { artifactId, project: 'third' });
    expect(await outcome(removeMember(friend, { artifactId, project: 'third' }))).toBe('FORBIDDEN');
    expect(await outcome(removeMember(friend, { artifactId, project: 'friend' }))).toBe('ok');
    expect(await outcome(getArtifact(friend, { id: artifactId }))).toBe('ARTIFACT_NOT_FOUND');
    expect(await outcome(removeMember(own, { artifactId, project: 'third' }))).toBe('ok');
    expect(await outcome(removeMember(own, { artifactId, project: 'third' }))).toBe('MEMBER_NOT_FOUND');
    expect(await listMembers(own, { artifactId })).toEqual([]);
  });
});

describe('the list of members', () => {
  it('is whole for the owner and every member, and empty while not shared', async () => {
    const artifactId = await shared();
    for (const project of ['friend', 'third']) await addMember(own, { artifactId, project });
    const projects = async (context: OpContext) => (await listMembers(context, { artifactId })).map(({ project }) => project);
    for (const context of [own, friend, actAs(node.services, 'ops', 'admin')]) {
      expect(await projects(context)).toEqual(['friend', 'third']);
    }
    expect(await outcome(projects(actAs(node.services, 'stranger')))).toBe('ARTIFACT_NOT_FOUND');
    await updateArtifact(own, { id: artifactId, visibility: 'community' });
    expect(await projects(own)).toEqual([]);
    expect(await projects(actAs(node.services, 'stranger'))).toEqual([]);
    await updateArtifact(own, { id: artifactId, visibility: 'shared' });
    expect(await projects(own)).toEqual(['friend', 'third']);
  });
});
