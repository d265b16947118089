import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpContext } from '#ops/context.ts';
import { type CreateArtifactInput, createArtifact } from '#ops/create-artifact.ts';
import { deleteArtifact } from '#ops/delete-artifact.ts';
import { getArtifact } from '#ops/get-artifact.ts';
import { getFamily } from '#ops/get-family.ts';
import { listDependencies } from '#ops/list-dependencies.ts';
import { createCaller } from '#policy/policy.ts';
import { actAs, actAsCaller, createTestNode, type Node, outcome, refusal } from '#test/support/operations.ts';

let node: Node;
let own: OpContext;

beforeAll(async () => {
  node = await createTestNode({ maxTags: 3, maxDependencies: 4, maxPropertiesBytes: 200 });
  own = actAs(node.services, 'own');
});
afterAll(() => node[Symbol.asyncDispose]());

const make = (input: Partial<CreateArtifactInput> = {}) => createArtifact(own, { type: 'kit', ...input });

async function count(table: string): Promise<number> {
  const [row] = await node.services.db.query<{ count: number }>({ text: `SELECT count(*)::integer AS count FROM ${table}` });
  return row?.count ?? -1;
}

describe('creating an artifact', () => {
  it('makes a private draft of the current type version, which expires', async () => {
    const artifact = await make({ name: 'first', version: '1.0.0-rc.1', properties: { title: 't' }, tags: ['b', 'a', 'b'] });
    expect(artifact).toMatchObject({
      ...{ project: 'own', type: 'kit', typeVersion: '1', name: 'first', version: '1.0.0-rc.1', state: 'draft', revision: 1 },
      ...{ visibility: 'private', hidden: false, protected: false, properties: { title: 't' }, tags: ['a', 'b'], digest: null },
      ...{ publishedAt: null, slots: [] },
    });
    const lifetime = Date.parse(artifact.expiresAt ?? '') - Date.parse(artifact.createdAt);
    expect(lifetime).toBe(node.services.settings.draftTtlMs);
    expect(await getArtifact(own, { id: artifact.id })).toEqual(artifact);
  });

  it('takes a null for a property that is left out', async () => {
    expect((await make({ properties: { title: null, count: 1 } })).properties).toEqual({ count: 1 });
    expect(await outcome(make({ properties: { total_bytes: null } }))).toBe('PROPERTY_SYSTEM_WRITTEN');
  });

  it('hides and protects it from the start, where that is asked for', async () => {
    const artifact = await make({ hidden: true, protected: true, visibility: 'shared' });
    expect(artifact).toMatchObject({ hidden: true, protected: true, visibility: 'shared' });
    expect(await outcome(deleteArtifact(own, { id: artifact.id }))).toBe('ARTIFACT_PROTECTED');
  });

  it('makes the family once, and tells of it', async () => {
    const [a, b] = await Promise.all([make({ name: 'fam', version: '1.0.0' }), make({ name: 'fam', version: '2.0.0' })]);
    expect(a.familyId).toBe(b.familyId);
    const events = await node.services.db.query({ text: 'SELECT kind FROM event WHERE subject_id = $1' }, [a.familyId]);
    expect(events).toEqual([{ kind: 'family.created' }]);
    // One that is there keeps its words: changing them has an operation and a revision of its own.
    await make({ name: 'fam', version: '3.0.0', description: 'Other words.' });
    expect(await getFamily(own, { type: 'kit', name: 'fam' })).toMatchObject({ description: '', revision: 1 });
  });

  it('keeps an artifact without a version out of any family', async () => {
    expect(await make({ name: 'loose' })).toMatchObject({ name: 'loose', version: null, familyId: null });
    expect(await make()).toMatchObject({ name: null, familyId: null });
  });

  it('takes a chosen id once, and never again after it was deleted', async () => {
    const id = randomUUID();
    expect((await make({ id: id.toUpperCase() })).id).toBe(id);
    expect(await outcome(make({ id }))).toBe('ID_TAKEN');
    await deleteArtifact(own, { id });
    expect(await outcome(make({ id }))).toBe('ID_TAKEN');
    await node.services.db.query({ text: 'DELETE FROM artifact WHERE id = $1' }, [id]);
    expect(await outcome(make({ id }))).toBe('ID_TAKEN');
  });

  it('keeps dependencies in order, as they were written', async () => {
    const id = randomUUID();
    const dependencies = [
      { slot: 'uses', alias: 'z', ref: 'other/kit/some%20name@^1 || 2.x', parameter: 'image' },
      { slot: 'core', alias: 'lib/a', ref: id },
    ];
    const artifact = await make({ dependencies });
    const found = (await listDependencies(own, { artifactIds: [artifact.id, id] })).get(artifact.id);
    expect(found).toEqual([
      {
        ...{ slot: 'uses', alias: 'z', ref: 'other/kit/some%20name@^1 || 2.x', parameter: 'image', range: '^1 || 2.x' },
        ...{ targetProject: 'other', targetType: 'kit', targetName: 'some name', targetId: null, resolved: null },
      },
      {
        ...{ slot: 'core', alias: 'lib/a', ref: id, parameter: null, range: '' },
        ...{ targetProject: null, targetType: null, targetName: null, targetId: id, resolved: null },
      },
    ]);
  });
});

describe('what cannot be created', () => {
  const dependency = { slot: 'uses', alias: 'a', ref: 'kit/x' };
  const depth = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);

  it.each<[string, Partial<CreateArtifactInput>, string, readonly string[]]>([
    ['an unknown type', { type: 'no-such-type' }, 'TYPE_UNKNOWN', []],
    ['a type of a prototype', { type: '__proto__' }, 'TYPE_UNKNOWN', []],
    ['an empty name', { name: '' }, 'NAME_INVALID', []],
    ['a name with a control character', { name: 'a\u0000b' }, 'NAME_INVALID', []],
    ['a name that turns its direction', { name: 'a\u202eb' }, 'NAME_INVALID', []],
    ['a long name', { name: 'x'.repeat(256) }, 'NAME_INVALID', []],
    ['a version that is none', { name: 'x', version: 'v1.0' }, 'VERSION_INVALID', []],
    ['a version without a name', { version: '1.0.0' }, 'INPUT_INVALID', ['/version']],
    ['an id that is none', { id: 'x' }, 'INPUT_INVALID', ['/id']],
    ['a description without a family', { description: 'x' }, 'INPUT_INVALID', ['/description']],
    ['a project that is none', { project: '' }, 'NAME_INVALID', []],
    ['a foreign project', { project: 'other' }, 'FORBIDDEN', []],
    ['something public, by a member', { visibility: 'public' }, 'FORBIDDEN', []],
    ['a bad tag', { tags: ['ok', ''] }, 'TAG_INVALID', ['/1']],
    ['too many tags', { tags: ['a', 'b', 'c', 'd'] }, 'TAG_INVALID', []],
    [
      'bad properties, each named',
      { properties: { title: 7, x: 1 } },
      'PROPERTIES_INVALID',
      ['/properties/x', '/properties/title'],
    ],
    ['properties with NUL', { properties: { title: 'a\u0000' } }, 'PROPERTIES_INVALID', ['/properties/title']],
    ['properties with half a surrogate', { properties: { title: '\ud800' } }, 'PROPERTIES_INVALID', ['/properties/title']],
    [
      'properties for a prototype',
      { properties: JSON.parse('{"__proto__": 1}') },
      'PROPERTIES_INVALID',
      ['/properties/__proto__'],
    ],
    [
      'deep properties',
      { properties: { title: JSON.parse(depth(60)) } },
      'PROPERTIES_INVALID',
      [`/properties/title${'/0'.repeat(31)}`],
    ],
    [
      'bottomless properties',
      { properties: { title: JSON.parse(depth(100_000)) } },
      'PROPERTIES_INVALID',
      [`/properties/title${'/0'.repeat(31)}`],
    ],
    [
      'bottomless properties under a key',
      { properties: { title: JSON.parse(depth(100_000)) }, idempotencyKey: 'deep' },
      'INPUT_INVALID',
      [],
    ],
    ['half a surrogate pair under a key', { properties: { title: '\ud800' }, idempotencyKey: 'surrogate' }, 'INPUT_INVALID', []],
    ['large properties', { properties: { title: 'x'.repeat(99), note: 'y'.repeat(99) } }, 'LIMIT_EXCEEDED', []],
    ['system-written properties', { properties: { total_bytes: 1 } }, 'PROPERTY_SYSTEM_WRITTEN', ['/properties/total_bytes']],
    ['what the hook refuses', { properties: { title: 'refused' } }, 'PROPERTIES_INVALID', ['/properties/title']],
    ['an unknown slot', { dependencies: [{ ...dependency, slot: '__proto__' }] }, 'DEPENDENCY_INVALID', ['/dependencies/0/slot']],
    ['one alias twice', { dependencies: [dependency, dependency] }, 'DEPENDENCY_INVALID', ['/dependencies/1/alias']],
    [
      'an alias that leaves',
      { dependencies: [{ ...dependency, alias: '../a' }] },
      'DEPENDENCY_INVALID',
      ['/dependencies/0/alias'],
    ],
    [
      'a reference to a type',
      { dependencies: [{ ...dependency, ref: 'image/x' }] },
      'DEPENDENCY_INVALID',
      ['/dependencies/0/ref'],
    ],
    ['a bad range', { dependencies: [{ ...dependency, ref: 'kit/x@~~1' }] }, 'DEPENDENCY_INVALID', ['/dependencies/0/ref']],
    ['a channel', { dependencies: [{ ...dependency, ref: 'kit/x:stable' }] }, 'DEPENDENCY_INVALID', ['/dependencies/0/ref']],
    [
      'a bad parameter',
      { dependencies: [{ ...dependency, parameter: '' }] },
      'DEPENDENCY_INVALID',
      ['/dependencies/0/parameter'],
    ],
    [
      'more than a slot takes',
      { dependencies: ['a', 'b', 'c', 'd'].map((alias) => ({ ...dependency, alias, slot: 'core' })) },
      'DEPENDENCY_INVALID',
      ['/dependencies'],
    ],
    [
      'too many dependencies',
      { dependencies: ['a', 'b', 'c', 'd', 'e'].map((alias) => ({ ...dependency, alias })) },
      'LIMIT_EXCEEDED',
      [],
    ],
    ['a key that is none', { idempotencyKey: '' }, 'INPUT_INVALID', ['/idempotencyKey']],
  ])('is %s', async (_what, input, code, pointers) => {
    const before = [await count('artifact'), await count('event'), await count('family'), await count('used_id')];
    const error = await refusal(make(input));
    expect({ code: error.code, pointers: error.faults.map(({ pointer }) => pointer) }).toEqual({ code, pointers });
    expect([await count('artifact'), await count('event'), await count('family'), await count('used_id')]).toEqual(before);
  });

  it('is anything, by a reader', async () => {
    expect(await outcome(createArtifact(actAs(node.services, 'own', 'reader'), { type: 'kit' }))).toBe('FORBIDDEN');
  });
});

describe('an idempotency key', () => {
  it('answers the first creation again, whatever happened to it since', async () => {
    const input = { name: 'once', version: '1.0.0', idempotencyKey: 'once' };
    const first = await make(input);
    await deleteArtifact(own, { id: first.id });
    expect(await make({ ...input, tags: undefined })).toEqual(first);
  });

  it('refuses another request', async () => {
    await make({ name: 'a', idempotencyKey: 'other-body' });
    expect(await outcome(make({ name: 'b', idempotencyKey: 'other-body' }))).toBe('KEY_REUSED');
  });

  it('belongs to one caller in one project', async () => {
    const first = await make({ idempotencyKey: 'scoped' });
    const colleague = actAsCaller(node.services, createCaller('colleague', 'own', ['member']));
    const namesake = actAsCaller(node.services, createCaller('user-of-own', 'other', ['member']));
    const answers = await Promise.all(
      [colleague, namesake].map((by) => createArtifact(by, { type: 'kit', idempotencyKey: 'scoped' })),
    );
    expect(new Set([first, ...answers].map(({ id }) => id)).size).toBe(3);
  });

  it('is free again when it expired', async () => {
    const first = await make({ name: 'a', idempotencyKey: 'expiring' });
    await node.services.db.query({ text: `UPDATE idempotency_key SET expires_at = now() WHERE key = 'expiring'` });
    const second = await make({ name: 'b', idempotencyKey: 'expiring' });
    expect(second.id).not.toBe(first.id);
    expect(await make({ name: 'b', idempotencyKey: 'expiring' })).toEqual(second);
  });

  it('keeps nothing of a request that failed', async () => {
    const id = randomUUID();
    await make({ id });
    expect(await outcome(make({ id, idempotencyKey: 'failed' }))).toBe('ID_TAKEN');
    expect(await outcome(make({ idempotencyKey: 'failed' }))).toBe('ok');
  });
});
