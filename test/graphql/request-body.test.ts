import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestPlane, postRequest, type TestPlane } from './test-plane.ts';

let plane: TestPlane;

beforeAll(async () => {
  plane = await createTestPlane();
});
afterAll(() => plane[Symbol.asyncDispose]());

const get = (search: string) => plane.send(new Request(`http://127.0.0.1/graphql?${search}`));
const malformed = { status: 400, errors: [{ extensions: { code: 'REQUEST_MALFORMED' } }] };

describe('the parameters of a GET', () => {
  it.each([
    'query={__typename}&variables=[',
    'query={__typename}&variables=[]',
    'query={__typename}&variables=1',
    'query={__typename}&extensions=x',
    'query={__typename}&variables={"a":1e999}',
    'query={__typename}&variables={"a":1,"a":2}',
    'query={__typename}&variables={"__proto__":{}}',
    `query={__typename}&variables=${'['.repeat(5_000)}`,
    'query={__typename}&query={other}',
  ])('are read as strictly as a body: %s', async (search) => {
    expect(await get(search)).toMatchObject(malformed);
  });

  it('say what a body says', async () => {
    const variables = encodeURIComponent('{"name":"gadget"}');
    const query = encodeURIComponent('query Q($name: String!) { artifactType(name: $name) { name } }');
    const answer = await get(`query=${query}&variables=${variables}&operationName=Q`);
    expect(answer.data).toEqual({ artifactType: { name: 'gadget' } });
    expect(await get('query={__typename}&variables=null&extensions={}')).toMatchObject({ data: { __typename: 'Query' } });
  });
});

describe('a document of brackets', () => {
  it.each([
    ['lists', `{ artifactType(name: ${'['.repeat(1_400)}${']'.repeat(1_400)}) { name } }`],
    ['objects', `{ gadgets(filter: ${'{ not: '.repeat(700)}{}${'}'.repeat(700)}) { nodes { id } } }`],
    ['selections', `${'{ a '.repeat(900)}${'}'.repeat(900)}`],
    ['lists that never close', `{ artifactType(name: ${'['.repeat(2_900)}`],
    ['types', `query ($a: ${'['.repeat(1_400)}Int${']'.repeat(1_400)}) { __typename }`],
  ])('is refused before anything walks down into it: %s', async (_name, document) => {
    expect(await plane.as('own')(document)).toMatchObject({
      status: 400,
      errors: [{ extensions: { code: 'QUERY_TOO_COMPLEX' } }],
    });
  });

  it('may have many of them beside each other, and any in text', async () => {
    const wide = `{ artifactType(name: "${'['.repeat(500)}") { name } ${'__typename @include(if: true) '.repeat(200)} }`;
    expect(await plane.as('own')(wide)).toMatchObject({ status: 200 });
    const text = `{ artifactType(name: """${'{'.repeat(500)}""") { name } }`;
    expect(await plane.as('own')(text)).toMatchObject({ data: { artifactType: null } });
  });
});

describe('what is asked of the transport', () => {
  it('is refused when the body is compressed: nobody bounds what it unfolds to', async () => {
    const answer = await plane.send(postRequest({ query: '{ __typename }' }, { 'content-encoding': 'gzip' }));
    expect(answer).toMatchObject({ status: 415, errors: [{ extensions: { code: 'MEDIA_TYPE_UNSUPPORTED' } }] });
  });

  it('is refused with a code when no answer would be acceptable', async () => {
    const answer = await plane.send(postRequest({ query: '{ __typename }' }, { accept: 'image/png' }));
    expect(answer).toMatchObject({ status: 406, errors: [{ extensions: { code: 'MEDIA_TYPE_UNSUPPORTED' } }] });
  });
});
