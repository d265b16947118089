import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestPlane, dig, postRequest, type TestPlane } from './test-plane.ts';

let plane: TestPlane;
let closed: TestPlane;

beforeAll(async () => {
  plane = await createTestPlane({
    limits: { maxDepth: 6, maxCost: 1_000, maxAliases: 4, maxTokens: 300, maxBodyBytes: 20_000 },
    graphiql: true,
  });
  closed = await createTestPlane({ introspection: false });
});
afterAll(async () => {
  await plane[Symbol.asyncDispose]();
  await closed[Symbol.asyncDispose]();
});

const tooComplex = { status: 400, errors: [{ extensions: { code: 'QUERY_TOO_COMPLEX' } }] };

describe('a document', () => {
  it('is refused when it is too deep, also by fragments', async () => {
    const ask = plane.as('own');
    const deep = '{ gadgets(first: 1) { nodes { family { artifacts(first: 1) { nodes { family { id } } } } } } }';
    expect(await ask(deep)).toMatchObject(tooComplex);
    const hidden = `{ gadgets(first: 1) { ...a } } fragment a on GadgetConnection { nodes { ...b } }
      fragment b on Gadget { family { artifacts(first: 1) { nodes { family { id } } } } }`;
    expect(await ask(hidden)).toMatchObject(tooComplex);
    expect(await ask('{ gadgets(first: 1) { nodes { family { artifacts(first: 1) { nodes { id } } } } } }')).toMatchObject({
      status: 200,
    });
  });

  it('ends with an error when its fragments contain each other', async () => {
    const answer = await plane.as('own')('{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }');
    expect(answer).toMatchObject({ status: 400, errors: [{ extensions: { code: 'INPUT_INVALID' } }] });
  });

  it('is refused when it has too many aliases', async () => {
    const aliases = (count: number) => `{ ${Array.from({ length: count }, (_, index) => `a${index}: __typename`).join(' ')} }`;
    expect(await plane.as('own')(aliases(4))).toMatchObject({ status: 200 });
    expect(await plane.as('own')(aliases(5))).toMatchObject(tooComplex);
  });

  it('is refused when it has too many tokens', async () => {
    expect(await plane.as('own')(`{ ${'__typename '.repeat(301)} }`)).toMatchObject(tooComplex);
  });

  it('is not parsed when the request is too large', async () => {
    const answer = await plane.send(postRequest({ query: `{ __typename } # ${'x'.repeat(20_000)}` }));
    expect(answer).toMatchObject({ status: 413, errors: [{ extensions: { code: 'REQUEST_TOO_LARGE' } }] });
  });
});

describe('the cost of an operation', () => {
  const nested = 'query ($n: Int = 10) { gadgets(first: $n) { nodes { id dependents(first: 10) { nodes { id } } } } }';

  it('multiplies the sizes of pages inside of each other, before anything runs', async () => {
    const ask = plane.as('own');
    expect(await ask(nested)).toMatchObject({ status: 200 });
    expect(await ask(nested, { n: 60 })).toMatchObject(tooComplex);
    expect(await ask(nested, { n: 10 })).toMatchObject({ status: 200 });
    expect(await ask(nested.replace('= 10', '= 60'))).toMatchObject(tooComplex);
    expect(await ask('{ gadgets(first: 100) { nodes { id dependents { nodes { id } } } } }')).toMatchObject(tooComplex);
  });

  it('weighs the count of a list once, wherever it is selected and however often', async () => {
    const ask = plane.as('own');
    const counted = (more: string) =>
      `{ ${more} } fragment c on GadgetConnection { x: totalCount ...d } fragment d on GadgetConnection { totalCount }`;
    const lists = (count: number) => Array.from({ length: count }, (_, i) => `a${i}: gadgets(first: 1) { ...c }`).join(' ');
    expect(await ask(counted(lists(3)))).toMatchObject({ status: 200 });
    expect(await ask(counted(lists(4)))).toMatchObject(tooComplex);
    expect(await ask('{ gadgets(first: 4) { nodes { dependents(first: 1) { totalCount } } } }')).toMatchObject(tooComplex);
    expect(await ask('{ gadgets(first: 4) { nodes { dependents(first: 1) { nodes { id } } } } }')).toMatchObject({ status: 200 });
  });

  it('counts the ids of nodes', async () => {
    const document = 'query ($ids: [ID!]!) { nodes(ids: $ids) { id } }';
    const ids = (length: number) => Array.from({ length }, (_, index) => String(index));
    expect(await plane.as('own')(document, { ids: ids(20) })).toMatchObject({ status: 200 });
    expect(await plane.as('own')(document, { ids: ids(100) })).toMatchObject(tooComplex);
    const byDefault = document.replace('[ID!]!', `[ID!]! = ${JSON.stringify(ids(100))}`);
    expect(await plane.as('own')(byDefault)).toMatchObject(tooComplex);
    expect(await plane.as('own')(byDefault, { ids: ids(20) })).toMatchObject({ status: 200 });
  });

  it('weighs fragments that spread each other over and over without walking each of their ways', async () => {
    const spreads = Array.from(
      { length: 20 },
      (_, i) => `fragment f${i} on Gadget { ...f${i + 1} ... on Gadget { ...f${i + 1} } }`,
    );
    const answer = await plane.as('own')(
      `{ gadgets(first: 1) { nodes { ...f0 } } } ${spreads.join(' ')} fragment f20 on Gadget { id }`,
    );
    expect(answer).toMatchObject(tooComplex);
  });
});

describe('introspection', () => {
  const ask = '{ __schema { types { name } } }';

  it('is answered where the setting says so, and not without end', async () => {
    expect((await plane.as('own')(ask)).status).toBe(200);
    const deep = '{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }';
    expect(await plane.as('own')(deep)).toMatchObject({ status: 400 });
  });

  it('is refused where it does not, and neither do suggestions tell names', async () => {
    const refused = await closed.as('own')(ask);
    expect(refused).toMatchObject({ status: 400, data: undefined });
    expect(refused.errors[0]).toMatchObject({ extensions: { code: 'INPUT_INVALID' } });
    const answer = await closed.as('own')('{ gadgetz { nodes { id } } }');
    expect(answer.text).not.toContain('gadgets');
    expect((await closed.as('own')('{ __typename }')).data).toEqual({ __typename: 'Query' });
  });
});

describe('the way a request comes', () => {
  const document = 'mutation { createKit(input: {}) { __typename } }';
  const url = 'http://127.0.0.1/graphql';

  it('is never one that a page of another site can send unasked', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/graphql',
      '',
    ]) {
      const body = JSON.stringify({ query: document });
      const answer = await plane.send(new Request(url, { method: 'POST', headers: { 'content-type': type }, body }));
      expect(answer, type).toMatchObject({ status: 415 });
    }
    const answer = await plane.send(postRequest({ query: '{ __typename }' }, { origin: 'https://other.example' }));
    expect(answer.status).toBe(200);
    expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  it('changes nothing by GET', async () => {
    const answer = await plane.send(new Request(`${url}?query=${encodeURIComponent(document)}`));
    expect(answer).toMatchObject({ status: 405, errors: [{ extensions: { code: 'METHOD_NOT_ALLOWED' } }] });
    const read = await plane.send(new Request(`${url}?query=${encodeURIComponent('{ __typename }')}`));
    expect(read.data).toEqual({ __typename: 'Query' });
  });

  it('may be a browser in development, which gets GraphiQL, and not elsewhere', async () => {
    const browse = () => new Request(url, { headers: { accept: 'text/html' } });
    expect((await plane.send(browse())).text).toContain('GraphiQL');
    expect((await closed.send(browse())).text).not.toContain('GraphiQL');
  });
});

describe('the types', () => {
  it('are told to clients, with the names they have here', async () => {
    const answer = await closed.as(
      'own',
    )(`{ artifactType(name: "gadget") { objectType listField extraKind current { version slots { name kind } }
      properties { name field kind enum filterable sortable } } none: artifactType(name: "none") { name } }`);
    expect(answer.data).toMatchObject({
      artifactType: {
        objectType: 'Gadget',
        listField: 'gadgets',
        extraKind: 'string',
        current: { slots: [{ name: 'data', kind: 'one' }] },
      },
      none: null,
    });
    expect(dig(answer.data, 'artifactType', 'properties')).toContainEqual({
      ...{ name: 'odd-name', field: 'oddName', kind: 'string', enum: null, filterable: true, sortable: false },
    });
  });
});
