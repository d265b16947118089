import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createArtifact } from '#ops/create-artifact.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { actAs, publishKit, putText } from '#test/support/operations.ts';
import { type Ask, createTestPlane, dig, type TestPlane } from './test-plane.ts';

const maxValues = 5_000;
const files = 10;
const links = 40;

let plane: TestPlane;
let ask: Ask;
/** With its files. */
let full: string;
/** Three kits, each with as many links to the one below. */
let tower: string;

beforeAll(async () => {
  plane = await createTestPlane({
    limits: { maxValues },
    services: ({ settings }) => ({ settings: { ...settings, maxDependencies: links } }),
  });
  ask = plane.as('own');
  const own = actAs(plane.services, 'own');
  const draft = await createArtifact(own, { type: 'kit', name: 'full', version: '1.0.0', tags: ['a', 'b'] });
  for (let file = 0; file < files; file += 1) await putText(own, draft.id, 'docs', 'text', `${file}.txt`);
  full = (await publishArtifact(own, { id: draft.id })).id;
  tower = (await publishKit(own, { name: 'floor-0' })).id;
  for (let floor = 1; floor <= 3; floor += 1) {
    const dependencies = Array.from({ length: links }, (_, at) => ({
      ...{ slot: 'uses', alias: `a${at}`, ref: `kit/floor-${floor - 1}@^1` },
    }));
    tower = (await publishKit(own, { name: `floor-${floor}`, dependencies })).id;
  }
});
afterAll(() => plane[Symbol.asyncDispose]());

const refused = (path: unknown) => ({ status: 400, data: null, errors: [{ path, extensions: { code: 'QUERY_TOO_COMPLEX' } }] });

const nodes = (fields: string) => `query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Artifact { ${fields} } } }`;
const ids = (length: number) => ({ ids: Array.from({ length }, () => full) });

describe('an answer whose lists only the data bounds', () => {
  it('is refused as a whole, with one error, where a list is asked for again and again', async () => {
    const document = nodes(
      'id a: blobs { slot path sizeBytes } b: blobs { slot path sizeBytes } c: blobs { slot path sizeBytes }',
    );
    const answer = await ask(document, ids(100));
    expect(answer).toMatchObject(refused(['nodes', expect.any(Number), expect.stringMatching(/^[abc]$/)]));
    expect(answer.errors).toHaveLength(1);
    const few = await ask(document, ids(10));
    expect(few).toMatchObject({ status: 200, errors: [] });
    expect(dig(few.data, 'nodes')).toHaveLength(10);
    expect(dig(few.data, 'nodes', 9, 'c')).toHaveLength(files);
  });

  it('is refused where lists are inside of lists, before the inner ones are all made', async () => {
    const level = (inner: string) => `dependencies { alias resolved { artifact { id ${inner} } } }`;
    const answer = await ask(`query ($id: ID!) { artifact(id: $id) { ${level(level(level('')))} } }`, { id: tower });
    expect(answer).toMatchObject(refused(expect.arrayContaining(['artifact', 'dependencies'])));
    expect(answer.errors).toHaveLength(1);
    expect(await ask(`query ($id: ID!) { artifact(id: $id) { ${level('')} } }`, { id: tower })).toMatchObject({ status: 200 });
  });

  it('is refused wherever the lists stand, those of plain values and of a closure too', async () => {
    const aliases = (field: string, count: number) => Array.from({ length: count }, (_, at) => `a${at}: ${field}`).join(' ');
    expect(await ask(nodes(aliases('tags', 40)), ids(90))).toMatchObject(refused(expect.arrayContaining(['nodes'])));
    const closure = (field: string, count: number) =>
      ask(`query ($ref: String!) { closure(ref: $ref) { ${aliases(field, count)} } }`, { ref: tower });
    expect(await closure('edges { from to alias }', 20)).toMatchObject(refused(['closure', expect.any(String)]));
    expect(await closure('edges { from to alias }', 2)).toMatchObject({ status: 200, errors: [] });
  });

  it('counts the rows with the fields selected of them, also by fragments', async () => {
    const document = `${nodes('blobs { ...all }')} fragment all on Blob { slot path ...more }
      fragment more on Blob { mediaType sizeBytes sha256 sha512 md5 url }`;
    // The row of nodes with the nine fields below it, and those of blobs with eight.
    const perId = 10 + files * 9;
    expect(await ask(document, ids(maxValues / perId))).toMatchObject({ status: 200, errors: [] });
    expect(await ask(document, ids(maxValues / perId + 1))).toMatchObject(refused(expect.arrayContaining(['blobs'])));
  });

  it('is refused of a mutation too', async () => {
    const all = Array.from({ length: 50 }, (_, at) => `a${at}: dependencies { slot alias range }`).join(' ');
    const answer = await ask(
      `mutation ($id: ID!) { deprecateArtifact(input: { id: $id, message: "x" }) { ... on ArtifactPayload { artifact { ${all} } } } }`,
      { id: tower },
    );
    expect(answer).toMatchObject(refused(expect.arrayContaining(['deprecateArtifact', 'artifact'])));
  });
});

describe('rows that wait beside one that is refused', () => {
  it('reject with somebody listening', async () => {
    const unheard: unknown[] = [];
    const listen = (reason: unknown) => unheard.push(reason);
    process.on('unhandledRejection', listen);
    try {
      // Blobs are there at once, dependencies a while later.
      const document = nodes('a: blobs { slot path } b: blobs { slot path } c: blobs { slot path } dependencies { alias }');
      expect(await ask(document, ids(100))).toMatchObject(refused(['nodes', expect.any(Number), expect.any(String)]));
      // By then the dependencies are read.
      expect(await ask(nodes('dependencies { alias }'), ids(1))).toMatchObject({ status: 200 });
      await new Promise(setImmediate);
      expect(unheard).toEqual([]);
    } finally {
      process.off('unhandledRejection', listen);
    }
  });
});
