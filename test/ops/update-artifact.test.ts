import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Json } from '#base/json.ts';
import { addMember } from '#ops/add-member.ts';
import type { OpContext } from '#ops/context.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { deleteArtifact } from '#ops/delete-artifact.ts';
import { getArtifact } from '#ops/get-artifact.ts';
import { getFamily } from '#ops/get-family.ts';
import { listDependencies } from '#ops/list-dependencies.ts';
import { listMembers } from '#ops/list-members.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { updateArtifact, updateArtifactBy } from '#ops/update-artifact.ts';
import { updateMember } from '#ops/update-member.ts';
import { uploadBlob } from '#ops/upload-blob.ts';
import { actAs, createTestNode, type Node, outcome, publishKit, putText, refusal } from '#test/support/operations.ts';

let node: Node;
let own: OpContext;
let admin: OpContext;

beforeAll(async () => {
  node = await createTestNode({ maxTags: 4 });
  own = actAs(node.services, 'own');
  admin = actAs(node.services, 'own', 'admin');
});
afterAll(() => node[Symbol.asyncDispose]());

const draft = (input: Partial<Parameters<typeof createArtifact>[1]> = {}) => createArtifact(own, { type: 'kit', ...input });

describe('updating a draft', () => {
  it('merges properties, where null removes, or replaces them', async () => {
    const { id } = await draft({ properties: { title: 'a', count: 1 } });
    expect((await updateArtifact(own, { id, properties: { count: null, note: 'n' } })).properties).toEqual({
      title: 'a',
      note: 'n',
    });
    expect((await updateArtifact(own, { id, replaceProperties: { count: 2 }, properties: { title: 'b' } })).properties).toEqual({
      count: 2,
      title: 'b',
    });
    expect((await updateArtifact(own, { id, replaceProperties: { count: 3, title: null } })).properties).toEqual({ count: 3 });
    expect(await outcome(updateArtifact(own, { id, properties: { title: 7 } }))).toBe('PROPERTIES_INVALID');
    expect(await outcome(updateArtifact(own, { id, properties: { total_bytes: 1 } }))).toBe('PROPERTY_SYSTEM_WRITTEN');
    expect(await outcome(updateArtifact(own, { id, replaceProperties: { total_bytes: 1 } }))).toBe('PROPERTY_SYSTEM_WRITTEN');
    expect(await outcome(updateArtifact(own, { id, properties: { title: 'refused' } }))).toBe('PROPERTIES_INVALID');
  });

  it('changes tags as a set', async () => {
    const { id } = await draft({ tags: ['a', 'b'] });
    expect((await updateArtifact(own, { id, addTags: ['c', 'a'], removeTags: ['b'] })).tags).toEqual(['a', 'c']);
    expect((await updateArtifact(own, { id, tags: ['z'] })).tags).toEqual(['z']);
    expect(await outcome(updateArtifact(own, { id, addTags: ['1', '2', '3', '4'] }))).toBe('TAG_INVALID');
  });

  it('names it, renames it, and takes name and version away', async () => {
    const { id } = await draft();
    const named = await updateArtifact(own, { id, name: 'draft-name', version: '1.0.0' });
    expect(named).toMatchObject({ name: 'draft-name', version: '1.0.0', revision: 2 });
    const renamed = await updateArtifact(own, { id, name: 'other-name' });
    expect(renamed.familyId).not.toBe(named.familyId);
    expect(await outcome(updateArtifact(own, { id, name: null }))).toBe('INPUT_INVALID');
    expect(await updateArtifact(own, { id, name: null, version: null })).toMatchObject({
      name: null,
      version: null,
      familyId: null,
    });
  });

  it('replaces its dependencies', async () => {
    const { id } = await draft({ dependencies: [{ slot: 'uses', alias: 'a', ref: 'kit/a' }] });
    await updateArtifact(own, { id, dependencies: [{ slot: 'uses', alias: 'b', ref: 'kit/b@^1' }] });
    const found = (await listDependencies(own, { artifactIds: [id] })).get(id);
    expect(found).toMatchObject([{ alias: 'b', ref: 'kit/b@^1', resolved: null }]);
  });

  it('makes no revision and no event when nothing changes', async () => {
    const before = await draft({ properties: { title: 'a', count: 1 }, tags: ['t'] });
    const { id } = before;
    const again = { properties: { count: 1 }, tags: ['t'], visibility: 'private', hidden: false } as const;
    expect(await updateArtifact(own, { id, ...again })).toEqual(before);
    const events = await node.services.db.query({ text: 'SELECT kind FROM event WHERE subject_id = $1' }, [id]);
    expect(events).toEqual([{ kind: 'artifact.created' }]);
  });

  it('makes no revision for the dependencies that it has, in their order, and one for others', async () => {
    const a = { slot: 'uses', alias: 'a', ref: 'own/kit/a@^1', parameter: 'p' };
    const b = { slot: 'uses', alias: 'b', ref: 'kit/b' };
    const before = await draft({ dependencies: [a, b] });
    const { id } = before;
    expect(await updateArtifact(own, { id, dependencies: [a, b] })).toEqual(before);
    expect(await updateArtifact(own, { id, dependencies: [a, b], hidden: true })).toMatchObject({ revision: 2 });
    const changes = [[b, a], [b], [{ ...b, parameter: 'q' }], [{ ...b, ref: 'kit/b@^2' }], []];
    for (const [index, dependencies] of changes.entries()) {
      expect(await updateArtifact(own, { id, dependencies })).toMatchObject({ revision: 3 + index });
    }
    const audits = { text: `SELECT detail FROM audit WHERE subject_id = $1 AND action = 'artifact:update' ORDER BY id LIMIT 2` };
    expect(await node.services.db.query(audits, [id])).toEqual([
      { detail: { changed: ['hidden'] } },
      { detail: { changed: ['dependencies'] } },
    ]);
  });

  it('tells auditors which parts changed', async () => {
    const { id } = await draft();
    await updateArtifact(own, { id, properties: { title: 'x' }, hidden: true, addTags: ['t'] });
    const audits = await node.services.db.query(
      { text: `SELECT detail FROM audit WHERE subject_id = $1 AND action = 'artifact:update'` },
      [id],
    );
    expect(audits).toEqual([{ detail: { changed: ['hidden', 'properties', 'tags'] } }]);
  });

  it('lets every one of many concurrent updates through when none names a revision', async () => {
    const { id } = await draft();
    await Promise.all(['a', 'b', 'c', 'd'].map((tag) => updateArtifact(own, { id, addTags: [tag] })));
    expect(await getArtifact(own, { id })).toMatchObject({ tags: ['a', 'b', 'c', 'd'], revision: 5 });
  });
});

describe('tags beyond a limit that was lowered', () => {
  it('may be taken away, and not added to', async () => {
    const { id } = await draft({ tags: ['a', 'b', 'c', 'd'] });
    const strict = actAs(node.with({ settings: { ...node.services.settings, maxTags: 2 } }), 'own');
    expect(await outcome(updateArtifact(strict, { id, addTags: ['e'] }))).toBe('TAG_INVALID');
    expect((await updateArtifact(strict, { id, removeTags: ['a'] })).tags).toEqual(['b', 'c', 'd']);
    expect(await outcome(updateArtifact(strict, { id, tags: ['v', 'w', 'x', 'y'] }))).toBe('TAG_INVALID');
    expect((await updateArtifact(strict, { id, tags: ['x'] })).tags).toEqual(['x']);
    expect(await outcome(updateArtifact(strict, { id, addTags: ['y', 'z'] }))).toBe('TAG_INVALID');
  });
});

describe('an update that is overtaken again and again', () => {
  /** Somebody else changes the artifact before each transaction. */
  function overtaken(id: string): OpContext {
    const { db } = node.services;
    const touch = { text: 'UPDATE artifact SET revision = revision + 1 WHERE id = $1' };
    const busy: typeof db = {
      ...db,
      transaction: async (work, options) => {
        await db.query(touch, [id]);
        return db.transaction(work, options);
      },
    };
    return actAs(node.with({ db: busy }), 'own');
  }

  it('has its turn under the lock', async () => {
    const { id } = await draft({ tags: ['a'] });
    const updated = await updateArtifact(overtaken(id), { id, addTags: ['b'], hidden: true });
    expect(updated).toMatchObject({ tags: ['a', 'b'], hidden: true, revision: 4 });
  });

  it('is a conflict in the end where it cannot be planned under the lock, with the current revision', async () => {
    const { id } = await draft();
    const error = await refusal(updateArtifact(overtaken(id), { id, name: 'never' }));
    const { revision, name } = await getArtifact(own, { id });
    expect(error).toMatchObject({ code: 'REVISION_CONFLICT', details: { currentRevision: revision } });
    expect(name).toBeNull();
  });

  it('is decided by what is there under the lock, which may be that it is refused or too much for a lock', async () => {
    const { id } = await draft({ tags: ['a'] });
    const full = refusal(
      updateArtifactBy(overtaken(id), { id }, ({ revision }) => ({ addTags: revision < 3 ? ['b'] : ['b', 'c', 'd', 'e'] })),
    );
    expect(await full).toMatchObject({ code: 'TAG_INVALID' });
    let count = 0;
    const renaming = updateArtifactBy(overtaken(id), { id }, () => {
      count += 1;
      return count > 1 && count % 2 === 1 ? { name: 'n' } : { addTags: ['z'] };
    });
    expect(await outcome(renaming)).toBe('REVISION_CONFLICT');
    expect(await getArtifact(own, { id })).toMatchObject({ tags: ['a'], name: null });
  });

  it('keeps to the revision that its caller names', async () => {
    const { id } = await draft();
    const { revision } = await getArtifact(own, { id });
    expect(await outcome(updateArtifact(overtaken(id), { id, addTags: ['never'], expectedRevision: revision }))).toBe(
      'REVISION_CONFLICT',
    );
    expect((await getArtifact(own, { id })).tags).toEqual([]);
  });
});

describe('updating a published version', () => {
  it('refuses hostile values before it compares them', async () => {
    const { id } = await publishKit(own, { name: 'hostile-values', properties: { title: 't' } });
    let deep: Json = 'x';
    for (let depth = 0; depth < 20_000; depth += 1) deep = [deep];
    expect(await outcome(updateArtifact(own, { id, properties: { title: '\ud800' } }))).toBe('PROPERTIES_INVALID');
    expect(await outcome(updateArtifact(own, { id, properties: { title: deep } }))).toBe('PROPERTIES_INVALID');
  });

  it('changes mutable properties and flags, and leaves the digest', async () => {
    const { id, digest } = await publishKit(own, { name: 'frozen', properties: { title: 't', note: 'a' } });
    const updated = await updateArtifact(own, { id, properties: { note: 'b' }, hidden: true, protected: true, tags: ['x'] });
    expect(updated).toMatchObject({
      properties: { title: 't', note: 'b', total_bytes: 0 },
      hidden: true,
      protected: true,
      digest,
    });
    expect((await updateArtifact(own, { id, properties: { note: null } })).properties).toEqual({ title: 't', total_bytes: 0 });
    const error = await refusal(updateArtifact(own, { id, properties: { title: 'u', count: 3, note: 'c' } }));
    expect(error).toMatchObject({
      code: 'PROPERTY_IMMUTABLE',
      faults: [{ pointer: '/properties/title' }, { pointer: '/properties/count' }],
    });
    expect(await outcome(updateArtifact(own, { id, replaceProperties: { note: 'only' } }))).toBe('PROPERTY_IMMUTABLE');
    expect((await updateArtifact(own, { id, replaceProperties: { title: 't', note: 'n' } })).properties).toEqual({
      ...{ title: 't', note: 'n', total_bytes: 0 },
    });
  });

  it('keeps its name and version, also under the same words', async () => {
    const { id } = await publishKit(own, { name: 'named' });
    expect(await outcome(updateArtifact(own, { id, name: 'renamed' }))).toBe('STATE_CONFLICT');
    expect(await outcome(updateArtifact(own, { id, version: '1.0.1' }))).toBe('STATE_CONFLICT');
    expect(await outcome(updateArtifact(own, { id, version: null }))).toBe('STATE_CONFLICT');
    expect(await outcome(updateArtifact(own, { id, name: 'named', version: '1.0.0' }))).toBe('ok');
  });

  it('is refused while its type is not loaded', async () => {
    const { id } = await publishKit(own, { name: 'unloaded' });
    const bare = actAs(node.with({ types: { ...node.services.types, types: new Map() } }), 'own');
    expect(await outcome(updateArtifact(bare, { id, addTags: ['x'] }))).toBe('TYPE_UNLOADED');
    expect(await outcome(deleteArtifact(bare, { id }))).toBe('TYPE_UNLOADED');
  });
});

describe('an unversioned, active artifact', () => {
  it('keeps its properties and its name open', async () => {
    const { id } = await draft({ name: 'loose', properties: { title: 'a' } });
    await publishArtifact(own, { id });
    expect(await updateArtifact(own, { id, properties: { title: 'b' }, name: 'looser' })).toMatchObject({
      ...{ name: 'looser', properties: { title: 'b', total_bytes: 0 }, digest: null, familyId: null },
    });
  });

  it('is frozen by a version: digest, family, name and pins from now on', async () => {
    const lib = await publishKit(own, { name: 'freeze-lib' });
    const { id } = await draft({ name: 'freeze', dependencies: [{ slot: 'uses', alias: 'lib', ref: 'kit/freeze-lib' }] });
    await putText(own, id, 'main', 'abc');
    await publishArtifact(own, { id });
    const frozen = await updateArtifact(own, { id, version: '1.0.0', properties: { title: 'last' } });
    expect(frozen).toMatchObject({
      state: 'active',
      version: '1.0.0',
      properties: { title: 'last', total_bytes: 3 },
      revision: 4,
    });
    const dependencies = [{ slot: 'uses', alias: 'lib', ref: 'kit/freeze-lib' }];
    const twin = await createArtifact(actAs(node.services, 'own'), {
      type: 'kit',
      name: 'freeze',
      version: '1.0.0',
      dependencies,
      properties: { title: 'last' },
    });
    await putText(own, twin.id, 'main', 'abc');
    // The same as if it had been published under the version at once.
    expect(await publishArtifact(own, { id: twin.id })).toEqual(frozen);
    expect(await outcome(updateArtifact(own, { id, properties: { title: 'later' } }))).toBe('PROPERTY_IMMUTABLE');
    const names = await node.services.db.query({ text: 'SELECT version FROM artifact_name WHERE artifact_id = $1' }, [id]);
    expect(names).toEqual([{ version: '1.0.0' }]);
    expect((await listDependencies(own, { artifactIds: [id] })).get(id)?.[0]?.resolved?.id).toBe(lib.id);
  });

  it('keeps the pins it was published with, whatever a range would find today', async () => {
    const lib = await publishKit(own, { name: 'kept-lib' });
    const { id } = await draft({ name: 'kept', dependencies: [{ slot: 'uses', alias: 'lib', ref: 'kit/kept-lib' }] });
    await publishArtifact(own, { id });
    // A newer version that needs the very artifact: to resolve again would close a circle.
    await publishKit(own, {
      ...{ name: 'kept-lib', version: '1.1.0' },
      dependencies: [{ slot: 'uses', alias: 'back', ref: id }],
    });
    await updateArtifact(own, { id: lib.id, addTags: ['x'] });
    expect(await outcome(updateArtifact(own, { id, version: '1.0.0' }))).toBe('ok');
    expect((await listDependencies(own, { artifactIds: [id] })).get(id)?.[0]?.resolved?.id).toBe(lib.id);
  });

  it('cannot take a version that was deleted with other content', async () => {
    const gone = await publishKit(own, { name: 'retired', properties: { title: 'one' } });
    await deleteArtifact(own, { id: gone.id });
    const { id } = await draft({ name: 'retired', properties: { title: 'two' } });
    await publishArtifact(own, { id });
    expect(await outcome(updateArtifact(own, { id, version: '1.0.0' }))).toBe('VERSION_EXISTS');
    expect(await getArtifact(own, { id })).toMatchObject({ version: null, digest: null });
    expect(await outcome(updateArtifact(own, { id, version: '1.0.0', properties: { title: 'one' } }))).toBe('ok');
  });

  it('cannot take a version that is live', async () => {
    await publishKit(own, { name: 'taken' });
    const { id } = await draft({ name: 'taken' });
    await publishArtifact(own, { id });
    expect(await outcome(updateArtifact(own, { id, version: '1.0.0' }))).toBe('VERSION_EXISTS');
    expect(await getArtifact(own, { id })).toMatchObject({ version: null, digest: null, familyId: null, revision: 2 });
  });
});

describe('changing who sees it', () => {
  const dependencies = (name: string) => [{ slot: 'uses', alias: 'lib', ref: `kit/${name}` }];

  it("is an administrator's act for public, and the owner's for community", async () => {
    const { id } = await publishKit(own, { name: 'shown' });
    expect(await outcome(updateArtifact(own, { id, visibility: 'public' }))).toBe('FORBIDDEN');
    expect(await outcome(updateArtifact(own, { id, visibility: 'community' }))).toBe('ok');
    expect(await outcome(updateArtifact(admin, { id, visibility: 'public' }))).toBe('ok');
    expect(await outcome(updateArtifact(own, { id, addTags: ['still-mine'] }))).toBe('ok');
  });

  it('widens only as far as its dependencies are seen, and narrows always', async () => {
    const lib = await publishKit(own, { name: 'narrow-lib', visibility: 'shared' });
    const consumer = await publishKit(own, {
      name: 'narrow-consumer',
      visibility: 'shared',
      dependencies: dependencies('narrow-lib'),
    });
    const { id } = consumer;
    const error = await refusal(updateArtifact(own, { id, visibility: 'community' }));
    expect(error).toMatchObject({ code: 'AUDIENCE_TOO_WIDE', details: { dependencies: [{ id: lib.id, name: 'narrow-lib' }] } });
    expect(await outcome(addMember(own, { artifactId: id, project: 'friend' }))).toBe('AUDIENCE_TOO_WIDE');
    await addMember(own, { artifactId: lib.id, project: 'friend' });
    expect(await outcome(addMember(own, { artifactId: id, project: 'friend' }))).toBe('ok');
    await updateArtifact(own, { id: lib.id, visibility: 'private' });
    expect(await outcome(updateArtifact(own, { id, visibility: 'private' }))).toBe('ok');
    expect(await outcome(updateArtifact(own, { id, visibility: 'shared' }))).toBe('AUDIENCE_TOO_WIDE');
    await updateArtifact(own, { id: lib.id, visibility: 'community' });
    expect(await outcome(updateArtifact(own, { id, visibility: 'community' }))).toBe('ok');
  });

  it('narrows also while a dependency is hidden from its own project', async () => {
    const vendor = actAs(node.services, 'vendor', 'admin');
    const lib = await publishKit(vendor, { name: 'withdrawn', visibility: 'public' });
    const { id } = await publishKit(own, {
      ...{ name: 'narrows', visibility: 'community' as const },
      dependencies: dependencies('withdrawn'),
    });
    await updateArtifact(vendor, { id: lib.id, visibility: 'private' });
    // Nobody sees more of it than before.
    expect(await outcome(updateArtifact(admin, { id, visibility: 'public' }))).toBe('ok');
    expect(await outcome(updateArtifact(own, { id, visibility: 'shared' }))).toBe('ok');
    expect(await outcome(updateArtifact(own, { id, visibility: 'private' }))).toBe('ok');
    expect(await outcome(updateArtifact(own, { id, visibility: 'community' }))).toBe('AUDIENCE_TOO_WIDE');
  });

  it('hides a narrowed dependency from others, who keep the constraint as written', async () => {
    await publishKit(own, { name: 'vanishing', visibility: 'community' });
    const consumer = await publishKit(own, { name: 'keeps', visibility: 'community', dependencies: dependencies('vanishing') });
    const artifactIds = [consumer.id];
    const stranger = actAs(node.services, 'stranger');
    expect((await listDependencies(stranger, { artifactIds })).get(consumer.id)).toMatchObject([
      { resolved: { version: '1.0.0' } },
    ]);
    const pin = (await listDependencies(own, { artifactIds })).get(consumer.id)?.[0]?.resolved;
    await updateArtifact(own, { id: pin?.id ?? '', visibility: 'private' });
    expect((await listDependencies(stranger, { artifactIds })).get(consumer.id)).toMatchObject([
      { ref: 'kit/vanishing', resolved: null },
    ]);
    expect((await listDependencies(own, { artifactIds })).get(consumer.id)).toMatchObject([{ resolved: pin }]);
  });

  it('does not name to the caller a dependency that it cannot see any more', async () => {
    const vendor = actAs(node.services, 'vendor', 'admin');
    const lib = await publishKit(vendor, { name: 'vendor-lib', visibility: 'public' });
    const { id } = await publishKit(own, { name: 'on-vendor', dependencies: dependencies('vendor-lib') });
    await updateArtifact(vendor, { id: lib.id, visibility: 'private' });
    const error = await refusal(updateArtifact(own, { id, visibility: 'community' }));
    expect(error.details).toEqual({ dependencies: [], unnamedCount: 1 });
  });

  it('is free where what it depended on is deleted', async () => {
    const vendor = actAs(node.services, 'vendor', 'admin');
    const lib = await publishKit(vendor, { name: 'deleted-lib', visibility: 'public' });
    const { id } = await publishKit(own, { name: 'on-deleted', dependencies: dependencies('deleted-lib') });
    await deleteArtifact(vendor, { id: lib.id });
    expect(await outcome(updateArtifact(own, { id, visibility: 'community' }))).toBe('ok');
  });
});

describe('moving an artifact into another project', () => {
  it("is an administrator's act, for drafts and for what has no version", async () => {
    const { id } = await draft({ name: 'moving', version: '1.0.0' });
    expect(await outcome(updateArtifact(own, { id, project: 'other' }))).toBe('FORBIDDEN');
    const moved = await updateArtifact(admin, { id, project: 'other' });
    expect(moved).toMatchObject({ project: 'other', name: 'moving', revision: 2 });
    const family = await getFamily(actAs(node.services, 'other'), { type: 'kit', name: 'moving' });
    expect(moved.familyId).toBe(family.id);
    expect(await outcome(getArtifact(own, { id }))).toBe('ARTIFACT_NOT_FOUND');
    const loose = await draft();
    await publishArtifact(own, { id: loose.id });
    expect(await updateArtifact(admin, { id: loose.id, project: 'other' })).toMatchObject({ project: 'other', state: 'active' });
    expect(await outcome(updateArtifact(admin, { id: loose.id, project: '\u0000' }))).toBe('NAME_INVALID');
  });

  it('is refused for what is published under a version', async () => {
    const { id } = await publishKit(own, { name: 'staying' });
    expect(await outcome(updateArtifact(admin, { id, project: 'other' }))).toBe('STATE_CONFLICT');
    expect(await outcome(updateArtifact(admin, { id, project: 'own' }))).toBe('ok');
  });

  it('is refused where the new project may not see what the artifact needs', async () => {
    await publishKit(own, { name: 'needed-here' });
    const { id } = await draft({ dependencies: [{ slot: 'uses', alias: 'lib', ref: 'kit/needed-here' }] });
    await publishArtifact(own, { id });
    const error = await refusal(updateArtifact(admin, { id, project: 'other' }));
    expect(error.code).toBe('AUDIENCE_TOO_WIDE');
    const lib = error.details['dependencies'];
    expect(lib).toMatchObject([{ name: 'needed-here' }]);
  });

  it('ends its share with that project, which is told of, and no other share', async () => {
    const { id } = await draft({ visibility: 'shared' });
    await publishArtifact(own, { id });
    for (const project of ['other', 'third']) await addMember(own, { artifactId: id, project });
    await updateMember(actAs(node.services, 'other'), { artifactId: id, project: 'other', status: 'accepted' });
    await updateArtifact(admin, { id, project: 'other' });
    const projects = async () => (await listMembers(admin, { artifactId: id })).map(({ project }) => project);
    expect(await projects()).toEqual(['third']);
    const events = { text: `SELECT kind FROM event WHERE subject_id = $1 ORDER BY id DESC LIMIT 2` };
    expect(await node.services.db.query(events, [id])).toEqual([{ kind: 'member.removed' }, { kind: 'artifact.updated' }]);
    await updateArtifact(admin, { id, project: 'own' });
    expect(await projects()).toEqual(['third']);
    expect(await outcome(getArtifact(actAs(node.services, 'other'), { id }))).toBe('ARTIFACT_NOT_FOUND');
  });

  it('waits for uploads to end', async () => {
    const { id } = await draft();
    const source = new PassThrough();
    const uploading = uploadBlob(own, { artifactId: id, slot: 'main', source });
    const sessions = { text: 'SELECT 1 FROM upload_session WHERE artifact_id = $1' };
    await expect.poll(() => node.services.db.query(sessions, [id]), { timeout: 10_000 }).toHaveLength(1);
    expect(await outcome(updateArtifact(admin, { id, project: 'other' }))).toBe('UPLOAD_BUSY');
    source.end('done');
    await uploading;
    expect(await updateArtifact(admin, { id, project: 'other' })).toMatchObject({ project: 'other' });
  });
});

describe('an update that is decided from what is there', () => {
  it('is decided again when another change came between', async () => {
    const { id } = await draft({ properties: { count: 0 } });
    const seen: Json[] = [];
    const increment = () =>
      updateArtifactBy(own, { id }, ({ properties: { count } }) => {
        seen.push(count ?? null);
        return { properties: { count: Number(count) + 1 } };
      });
    await Promise.all(Array.from({ length: 5 }, increment));
    expect((await getArtifact(own, { id })).properties).toEqual({ count: 5 });
    expect(seen.length).toBeGreaterThan(5);
  });

  it('is of one type only, where that is said, and not of what the caller may not see', async () => {
    const { id } = await draft();
    const decide = () => ({ name: 'x' });
    expect(await outcome(updateArtifactBy(own, { id, type: 'image' }, decide))).toBe('ARTIFACT_NOT_FOUND');
    expect(await outcome(updateArtifactBy(actAs(node.services, 'stranger'), { id }, decide))).toBe('ARTIFACT_NOT_FOUND');
    expect(await outcome(updateArtifactBy(own, { id, type: 'kit' }, decide))).toBe('ok');
  });
});
