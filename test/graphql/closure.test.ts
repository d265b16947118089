import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createArtifact } from '#ops/create-artifact.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { actAs, publishKit, putText } from '#test/support/operations.ts';
import { type Ask, createTestPlane, dig, type TestPlane } from './test-plane.ts';

let plane: TestPlane;
let ask: Ask;
let library: string;
let top: string;

beforeAll(async () => {
  plane = await createTestPlane();
  ask = plane.as('own');
  const own = actAs(plane.services, 'own');
  library = (await publishKit(own, { name: 'library' })).id;
  const dependencies = [{ slot: 'uses', alias: 'lib', ref: 'kit/library@^1', parameter: 'lib_id' }];
  const draft = await createArtifact(own, { type: 'kit', name: 'top', version: '2.0.0', dependencies });
  await putText(own, draft.id, 'docs', 'hello', 'a b/c.txt');
  top = (await publishArtifact(own, { id: draft.id })).id;
  await publishKit(own, { name: 'library', version: '1.1.0' });
});
afterAll(() => plane[Symbol.asyncDispose]());

describe('a closure', () => {
  const document = `query ($ref: String!, $mode: ClosureMode) { closure(ref: $ref, mode: $mode, inlineBytes: 100) {
    root mode complete closureDigest nodes { id version blobs { path sizeBytes url text } }
    edges { from to alias ref range version parameter } problems { kind } } }`;

  it('answers nodes, edges and its digest, as publish pinned it', async () => {
    const answer = await ask(document, { ref: 'kit/top' });
    expect(dig(answer.data, 'closure')).toMatchObject({
      root: top,
      mode: 'pinned',
      complete: true,
      closureDigest: expect.stringMatching(/^sha256:/),
      nodes: [
        { id: library, version: '1.0.0', blobs: [] },
        { id: top, blobs: [{ path: 'a b/c.txt', sizeBytes: 5, url: `/api/v1/artifacts/${top}/slots/docs/a%20b/c.txt` }] },
      ],
      edges: [
        { from: top, to: library, alias: 'lib', ref: 'kit/library@^1', range: '^1', version: '1.0.0', parameter: 'lib_id' },
      ],
      problems: [],
    });
  });

  it('answers the highest match of now when it floats', async () => {
    const answer = await ask(document, { ref: top, mode: 'floating' });
    expect(dig(answer.data, 'closure', 'edges', 0, 'version')).toBe('1.1.0');
  });

  it('has an error of its own where its root cannot be had', async () => {
    const absent = await ask(document, { ref: 'kit/absent' });
    expect(absent).toMatchObject({ status: 404, data: null, errors: [{ path: ['closure'] }] });
    expect(await ask(document, { ref: 'kit/top@^9' })).toMatchObject({
      status: 404,
      errors: [{ extensions: { code: 'VERSION_NO_MATCH', details: { candidates: ['2.0.0'] } } }],
    });
    expect(await ask(document, { ref: 'no ref' })).toMatchObject({
      status: 400,
      errors: [{ extensions: { code: 'REFERENCE_INVALID' } }],
    });
  });

  it('is projected for Heat only from what is a template', async () => {
    const answer = await ask('query ($ref: String!) { heatProjection(ref: $ref) }', { ref: top });
    expect(answer).toMatchObject({ status: 409, errors: [{ extensions: { code: 'PROJECTION_INVALID' } }] });
  });
});

describe('the links of an artifact', () => {
  it('are dependencies with what they were pinned to, and dependents', async () => {
    const down = await ask(
      `query ($id: ID!) { artifact(id: $id) { dependencies { slot alias ref range parameter targetName resolved { version artifact { id name } } }
        blobs { url } } }`,
      { id: top },
    );
    expect(down.data).toMatchObject({
      artifact: {
        dependencies: [
          {
            alias: 'lib',
            range: '^1',
            targetName: 'library',
            resolved: { version: '1.0.0', artifact: { id: library, name: 'library' } },
          },
        ],
      },
    });
    const up = await ask('query ($id: ID!) { artifact(id: $id) { dependents { nodes { id } } } }', { id: library });
    expect(up.data).toEqual({ artifact: { dependents: { nodes: [{ id: top }] } } });
  });

  it('are read for a page of artifacts in one statement each', async () => {
    let statements = 0;
    const { db } = plane.services;
    const counting = await createTestPlane({
      services: () => ({
        db: Object.assign(Object.create(db), {
          query: (...args: Parameters<typeof db.query>) => {
            statements += 1;
            return db.query(...args);
          },
        }),
      }),
    });
    try {
      const page = (fields: string) => counting.as('own')(`{ artifacts(type: "kit") { nodes { id ${fields} } } }`);
      await page('');
      statements = 0;
      expect(dig((await page('')).data, 'artifacts', 'nodes')).toHaveLength(3);
      const alone = statements;
      statements = 0;
      expect((await page('dependencies { resolved { artifact { id } } }')).errors).toEqual([]);
      expect(statements - alone).toBe(2);
    } finally {
      await counting[Symbol.asyncDispose]();
    }
  });

  it('of a reference come with its warnings', async () => {
    await ask('mutation ($id: ID!) { yankArtifact(input: { id: $id }) { __typename } }', { id: library });
    const answer = await ask('{ resolve(ref: "kit/library@1.0.0") { artifact { id yankedAt } warnings } }');
    expect(dig(answer.data, 'resolve', 'artifact', 'id')).toBe(library);
    expect(dig(answer.data, 'resolve', 'warnings')).toHaveLength(1);
  });
});
