import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultGraphqlLimits, printSchema } from '#graphql/graphql-plane.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { actAs, publishKit, testTypesFolder } from '#test/support/operations.ts';
import { loadTypes } from '#types/load-types.ts';
import { findSdlPaths, type SdlPath } from './sdl-paths.ts';
import { type Answer, type Ask, createTestPlane, dig, type TestPlane } from './test-plane.ts';

/**
 * Paths on which a used id cannot look like an unused one: an id is never used twice, and who chooses one is told. Ids are
 * random, so that nobody chooses one that is there but by knowing it.
 */
const choosesAnId = /^Mutation\.create\w+\(input\.id\)$/;

const paths = findSdlPaths(await sdlOfTestTypes());
let plane: TestPlane;
let stranger: Ask;
let own: string;

beforeAll(async () => {
  plane = await createTestPlane({ limits: { ...defaultGraphqlLimits, maxAliases: 500 } });
  stranger = plane.as('stranger');
  own = (await publishKit(actAs(plane.services, 'stranger'), { name: 'own' })).id;
});
afterAll(() => plane[Symbol.asyncDispose]());

async function sdlOfTestTypes(): Promise<string> {
  await using types = await loadTypes({ folders: [testTypesFolder] });
  return printSchema(types);
}

/** Something of another project, in every state that a stranger must not see. */
async function foreignIds(): Promise<readonly string[]> {
  const owner = actAs(plane.services, 'owner');
  const draft = await createArtifact(owner, { type: 'kit', name: `draft-${randomUUID()}`, version: '1.0.0' });
  const published = await publishKit(owner, { name: `private-${randomUUID()}` });
  return [draft.id, published.id, published.familyId ?? ''];
}

async function ask(path: SdlPath, id: string): Promise<Answer> {
  const draft = await createArtifact(actAs(plane.services, 'stranger'), { type: 'kit' });
  const request = path.request(id, path.name.includes('dependencies') ? draft.id : own);
  if (request === undefined) throw new Error(`the SDL has a path that this test cannot walk: ${path.name}`);
  return stranger(request.query, request.variables);
}

const anyId = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

/** What an answer says, but for the id itself and for the ids of what a mutation made. */
const said = (answer: Answer, id: string): string =>
  `${answer.status} ${answer.text.replaceAll(id, '<id>').replaceAll(anyId, '<other id>')}`;

describe('the paths of the SDL to an artifact', () => {
  it('are all walked', () => {
    const names = paths.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining([
        'Query.artifact(id)',
        'Query.node(id)',
        'Query.nodes(ids)',
        'Query.resolve(ref)',
        'Query.closure(ref)',
        'Query.heatProjection(ref)',
        'Query.kits(after)',
        'Query.kits(filter.id.in)',
        'Query.artifacts(filter.digest.eq)',
        'Artifact.dependents(after)',
        'Family.artifacts(before)',
        'Mutation.publishArtifact(input.id)',
        'Mutation.updateKit(input.dependencies.ref)',
        'Mutation.addMember(input.artifactId)',
      ]),
    );
    expect(names.length).toBeGreaterThan(60);
    expect(names.filter((name) => choosesAnId.test(name)).length).toBeGreaterThan(2);
  });

  it.each(paths.filter(({ name }) => !choosesAnId.test(name)).map((path) => [path.name, path]))(
    'tell a stranger nothing: %s',
    async (_name, path) => {
      for (const foreign of await foreignIds()) {
        const random = randomUUID();
        const [expected, answer] = [await ask(path, random), await ask(path, foreign)];
        expect(said(answer, foreign)).toBe(said(expected, random));
        expect(answer.errors.filter(({ extensions }) => extensions.code === 'INTERNAL')).toEqual([]);
      }
    },
  );

  it.each([
    'Query.artifact(id)',
    'Query.node(id)',
    'Query.resolve(ref)',
    'Query.closure(ref)',
    'Query.kits(filter.id.eq)',
    'Mutation.updateArtifact(input.id)',
  ])('lead somewhere for who may go there: %s', async (name) => {
    const path = paths.find((known) => known.name === name);
    if (path === undefined) throw new Error(`no path ${name}`);
    const random = randomUUID();
    expect(said(await ask(path, own), own)).not.toBe(said(await ask(path, random), random));
  });

  it('tell as little of names', async () => {
    const { name } = await publishKit(actAs(plane.services, 'owner'), { name: `named-${randomUUID()}` });
    const byName = async (hidden: string): Promise<string> => {
      const answer = await stranger(
        `query ($name: String!) { family(project: "owner", type: "kit", name: $name) { id }
          none: artifacts(filter: { project: { eq: "owner" }, name: { eq: $name } }) { nodes { id } } }`,
        { name: hidden },
      );
      const refs = [`owner/kit/${hidden}`, `owner/kit/${hidden}@1.0.0`, `owner/kit/${hidden}@^1`].flatMap((ref) =>
        [
          'resolve(ref: $ref) { warnings }',
          'closure(ref: $ref) { complete }',
          'closure(ref: $ref, mode: floating) { complete }',
        ].map(async (field) => said(await stranger(`query ($ref: String!) { ${field} }`, { ref }), hidden)),
      );
      return [said(answer, hidden), ...(await Promise.all(refs))].join('\n');
    };
    const expected = await byName(`named-${randomUUID()}`);
    expect(expected).toContain('NOT_FOUND');
    expect(await byName(name ?? '')).toBe(expected);
  });

  it('tell nothing through a dependency that is published', async () => {
    const publish = async (id: string): Promise<string> => {
      const input = { type: 'kit', name: 'needy', version: '1.0.0', dependencies: [{ slot: 'uses', alias: 'x', ref: id }] };
      const created = await stranger(
        'mutation ($input: CreateArtifactInput!) { createArtifact(input: $input) { ... on ArtifactPayload { artifact { id } } } }',
        { input },
      );
      const draft = String(dig(created.data, 'createArtifact', 'artifact', 'id'));
      const answer = await stranger(
        `mutation ($id: ID!) { publishArtifact(input: { id: $id }) { __typename
          ... on Error { code message } ... on DependencyError { problems { kind message } } } }`,
        { id: draft },
      );
      return said(answer, id);
    };
    const expected = await publish(randomUUID());
    expect(expected).toContain('DEPENDENCY_UNRESOLVED');
    for (const foreign of (await foreignIds()).slice(0, 2)) expect(await publish(foreign)).toBe(expected);
  });
});
