import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ask, createTestPlane, dig, type TestPlane } from './test-plane.ts';

let plane: TestPlane;
let ask: Ask;

beforeAll(async () => {
  plane = await createTestPlane();
  ask = plane.as('own');
});
afterAll(() => plane[Symbol.asyncDispose]());

const everyError = `__typename ... on Error { code message remedy }
  ... on ValidationError { faults { pointer message } }
  ... on RevisionConflict { currentRevision }
  ... on ConflictError { details }
  ... on ForbiddenError { action }
  ... on DependencyError { problems { alias kind message candidates } }`;

async function create(input: object): Promise<string> {
  const answer = await ask(
    `mutation ($input: CreateArtifactInput!) { createArtifact(input: $input) { ${everyError} ... on ArtifactPayload { artifact { id } } } }`,
    { input },
  );
  return String(dig(answer.data, 'createArtifact', 'artifact', 'id'));
}

function run(name: string, input: object, as: Ask = ask): ReturnType<Ask> {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`;
  return as(
    `mutation ($input: ${type}!) { ${name}(input: $input) { ${everyError} ... on ArtifactPayload { artifact { id state revision } } } }`,
    { input },
  );
}

describe('a mutation', () => {
  it('answers its payload', async () => {
    const id = await create({ type: 'kit', name: 'a', version: '1.0.0' });
    const answer = await run('publishArtifact', { id });
    expect(answer).toMatchObject({
      status: 200,
      errors: [],
      data: { publishArtifact: { __typename: 'ArtifactPayload', artifact: { id, state: 'active' } } },
    });
  });

  it.each([
    [
      'ValidationError',
      'createArtifact',
      { type: 'kit', properties: { title: '' } },
      { code: 'PROPERTIES_INVALID', faults: [{ pointer: '/properties/title' }] },
    ],
    ['ValidationError', 'createArtifact', { type: 'nope' }, { code: 'TYPE_UNKNOWN' }],
    ['ValidationError', 'createArtifact', { type: 'kit', name: 'a', version: 'v1' }, { code: 'VERSION_INVALID' }],
    [
      'ValidationError',
      'createArtifact',
      { type: 'kit', properties: [1] },
      { code: 'INPUT_INVALID', faults: [{ pointer: '/properties' }] },
    ],
    ['ForbiddenError', 'createArtifact', { type: 'kit', project: 'foreign' }, { code: 'FORBIDDEN', action: 'artifact:create' }],
    ['NotFoundError', 'deleteArtifact', { id: '00000000-0000-4000-8000-000000000000' }, { code: 'ARTIFACT_NOT_FOUND' }],
    ['NotFoundError', 'yankArtifact', { id: 'no id' }, { code: 'ARTIFACT_NOT_FOUND' }],
  ])('answers a %s of %s', async (typename, name, input, expected) => {
    const answer = await run(name, input);
    expect(answer).toMatchObject({ status: 200, errors: [], data: { [name]: { __typename: typename, ...expected } } });
    expect(dig(answer.data, name, 'remedy')).not.toBe('');
  });

  it('answers the current revision where another was expected', async () => {
    const id = await create({ type: 'kit' });
    const answer = await run('updateArtifact', { id, expectedRevision: 7, tags: ['x'] });
    expect(answer.data).toMatchObject({
      updateArtifact: { __typename: 'RevisionConflict', code: 'REVISION_CONFLICT', currentRevision: 1 },
    });
  });

  it('answers a conflict with its facts', async () => {
    const id = await create({ type: 'kit' });
    const answer = await run('yankArtifact', { id });
    expect(answer.data).toMatchObject({ yankArtifact: { __typename: 'ConflictError', code: 'STATE_CONFLICT' } });
    expect(dig(answer.data, 'yankArtifact', 'details')).toBeTypeOf('object');
  });

  it('answers each dependency that cannot be resolved', async () => {
    const id = await create({
      type: 'kit',
      name: 'needs',
      version: '1.0.0',
      dependencies: [{ slot: 'uses', alias: 'lib', ref: 'kit/nowhere@^1', parameter: null }],
    });
    const answer = await run('publishArtifact', { id });
    expect(answer.data).toMatchObject({ publishArtifact: { __typename: 'DependencyError', code: 'DEPENDENCY_UNRESOLVED' } });
    expect(dig(answer.data, 'publishArtifact', 'problems')).toMatchObject([{ alias: 'lib', kind: 'NOT_FOUND' }]);
  });

  it('answers the same result again for the same idempotency key, and refuses another input under it', async () => {
    const input = { type: 'kit', name: 'once', version: '1.0.0', idempotencyKey: 'key-1' };
    expect(await create(input)).toBe(await create(input));
    const other = await run('createArtifact', { ...input, version: '2.0.0' });
    expect(other.data).toMatchObject({ createArtifact: { __typename: 'ConflictError', code: 'KEY_REUSED' } });
  });

  it('takes a null for what was left out, but for a name and a version', async () => {
    const id = await create({ type: 'kit', name: 'n', version: '1.0.0', tags: ['keep'], description: null, visibility: null });
    await run('updateArtifact', { id, tags: null, hidden: null, version: null });
    const answer = await ask('query ($id: ID!) { artifact(id: $id) { name version tags } }', { id });
    expect(answer.data).toEqual({ artifact: { name: 'n', version: null, tags: ['keep'] } });
  });
});

describe('the life of an artifact', () => {
  it('is led by mutations, step by step', async () => {
    const id = await create({ type: 'kit', name: 'life', version: '1.0.0' });
    await run('publishArtifact', { id });
    const steps: [string, object, object][] = [
      ['deprecateArtifact', { id, message: 'old' }, { deprecationMessage: 'old' }],
      ['deprecateArtifact', { id, message: null }, { deprecationMessage: null }],
      ['yankArtifact', { id, reason: 'broken' }, { yankReason: 'broken' }],
      ['unyankArtifact', { id }, { yankReason: null, yankedAt: null }],
      ['deactivateArtifact', { id }, { state: 'deactivated' }],
      ['reactivateArtifact', { id }, { state: 'active' }],
    ];
    for (const [name, input, expected] of steps) {
      expect((await run(name, input)).data, name).toMatchObject({ [name]: { __typename: 'ArtifactPayload' } });
      const read = await ask('query ($id: ID!) { artifact(id: $id) { state yankReason yankedAt deprecationMessage } }', { id });
      expect(read.data, name).toMatchObject({ artifact: expected });
    }
    await run('deleteArtifact', { id });
    expect((await ask('query ($id: ID!) { artifact(id: $id) { id } }', { id })).data).toEqual({ artifact: null });
  });

  it('shares with members, who see the shares and may accept their own', async () => {
    const id = await create({ type: 'kit', name: 'shared', version: '1.0.0', visibility: 'shared' });
    await run('publishArtifact', { id });
    const added = await ask(
      'mutation ($id: ID!) { addMember(input: { artifactId: $id, project: "friend" }) { ... on MemberPayload { member { status } } } }',
      { id },
    );
    expect(added.data).toEqual({ addMember: { member: { status: 'pending' } } });
    const friend = plane.as('friend');
    await friend(
      'mutation ($id: ID!) { updateMember(input: { artifactId: $id, project: "friend", status: accepted }) { __typename } }',
      { id },
    );
    const read = await ask('query ($id: ID!) { artifact(id: $id) { members { project status } viewerCan { update } } }', { id });
    expect(read.data).toEqual({
      artifact: { members: [{ project: 'friend', status: 'accepted' }], viewerCan: { update: true } },
    });
    await ask('mutation ($id: ID!) { addMember(input: { artifactId: $id, project: "third" }) { __typename } }', { id });
    const seen = await friend('query ($id: ID!) { artifact(id: $id) { members { project } viewerCan { update download } } }', {
      id,
    });
    expect(seen.data).toEqual({
      artifact: { members: [{ project: 'friend' }, { project: 'third' }], viewerCan: { update: false, download: true } },
    });
    await ask('mutation ($id: ID!) { removeMember(input: { artifactId: $id, project: "friend" }) { __typename } }', { id });
    expect((await friend('query ($id: ID!) { artifact(id: $id) { id } }', { id })).data).toEqual({ artifact: null });
  });

  it('changes the description of a family', async () => {
    const id = await create({ type: 'kit', name: 'described', version: '1.0.0', description: 'first' });
    const read = await ask('query ($id: ID!) { artifact(id: $id) { family { id description revision } } }', { id });
    const family = dig(read.data, 'artifact', 'family') as { id: string; description: string; revision: number };
    expect(family.description).toBe('first');
    const update = `mutation ($input: UpdateFamilyInput!) { updateFamily(input: $input) {
      __typename ... on UpdateFamilyPayload { family { description } } ... on RevisionConflict { currentRevision } } }`;
    const changed = await ask(update, { input: { id: family.id, description: 'second', expectedRevision: family.revision } });
    expect(changed.data).toMatchObject({ updateFamily: { family: { description: 'second' } } });
    const late = await ask(update, { input: { id: family.id, description: 'third', expectedRevision: family.revision } });
    expect(late.data).toEqual({ updateFamily: { __typename: 'RevisionConflict', currentRevision: family.revision + 1 } });
    const byName = await ask('{ family(type: "kit", name: "described") { description artifacts { nodes { version } } } }');
    expect(byName.data).toEqual({ family: { description: 'second', artifacts: { nodes: [] } } });
  });
});

describe('mutations that follow each other in one document', () => {
  it('each show what is true after it', async () => {
    const id = await create({ type: 'kit', name: 'followed', version: '1.0.0', description: 'first' });
    const read = await ask('query ($id: ID!) { artifact(id: $id) { family { id } } }', { id });
    const answer = await ask(
      `mutation ($one: UpdateArtifactInput!, $family: UpdateFamilyInput!, $two: UpdateArtifactInput!) {
        one: updateArtifact(input: $one) { ... on ArtifactPayload { artifact { family { description } dependencies { alias } } } }
        updateFamily(input: $family) { __typename }
        two: updateArtifact(input: $two) { ... on ArtifactPayload { artifact { family { description } dependencies { alias } } } } }`,
      {
        one: { id, tags: ['a'] },
        family: { id: dig(read.data, 'artifact', 'family', 'id'), description: 'second' },
        two: { id, dependencies: [{ slot: 'uses', alias: 'later', ref: 'kit/other@*' }] },
      },
    );
    expect(answer.errors).toEqual([]);
    expect(answer.data).toMatchObject({
      one: { artifact: { family: { description: 'first' }, dependencies: [] } },
      two: { artifact: { family: { description: 'second' }, dependencies: [{ alias: 'later' }] } },
    });
  });
});

describe('tokens', () => {
  it('are made with a secret that is shown once, listed without it, and revoked', async () => {
    const admin = plane.as('own', 'admin', 'member', 'reader');
    const made = await admin(
      `mutation { createToken(input: { subject: "robot", roles: [member], expiresInMs: 5000000000 }) {
        __typename ... on Error { message } ... on CreateTokenPayload { secret token { id project roles expiresAt } } } }`,
    );
    expect(made.data).toMatchObject({ createToken: { secret: expect.stringMatching(/^vtr_/), token: { roles: ['member'] } } });
    const id = dig(made.data, 'createToken', 'token', 'id');
    const secret = String(dig(made.data, 'createToken', 'secret'));
    const listed = await admin('{ tokens { id subject revokedAt } }');
    expect(dig(listed.data, 'tokens')).toContainEqual({ id, subject: 'robot', revokedAt: null });
    expect(listed.text).not.toContain(secret);
    const revoked = await admin(
      'mutation ($id: ID!) { revokeToken(input: { id: $id }) { ... on RevokeTokenPayload { token { revokedAt } } } }',
      { id },
    );
    expect(dig(revoked.data, 'revokeToken', 'token', 'revokedAt')).toBeTypeOf('string');
  });

  it('are not for who may not', async () => {
    const answer = await plane.as(
      'own',
      'reader',
    )('mutation { createToken(input: { subject: "robot", roles: [admin] }) { __typename ... on Error { code } } }');
    expect(answer.data).toEqual({ createToken: { __typename: 'ForbiddenError', code: 'FORBIDDEN' } });
  });
});
