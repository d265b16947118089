import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ask, createTestPlane, dig, type TestPlane } from './test-plane.ts';

let plane: TestPlane;
let ask: Ask;

beforeAll(async () => {
  plane = await createTestPlane();
  ask = plane.as('own');
});
afterAll(() => plane[Symbol.asyncDispose]());

const createGadget = `mutation ($input: CreateGadgetInput!) {
  createGadget(input: $input) {
    __typename
    ... on CreateGadgetPayload { artifact { id ...fields } }
    ... on Error { code message }
    ... on ValidationError { faults { pointer message } }
  }
}
fragment fields on Gadget { color size_class oddName weight ratio active parts extra extraProperties { key value } properties }`;

const publish = `mutation ($id: ID!) { publishArtifact(input: { id: $id }) {
  __typename ... on ArtifactPayload { artifact { id state revision } } ... on Error { code message } } }`;

async function create(input: object): Promise<string> {
  const answer = await ask(createGadget, { input });
  return String(dig(answer.data, 'createGadget', 'artifact', 'id'));
}

async function createPublished(input: object): Promise<string> {
  const id = await create(input);
  expect((await ask(publish, { id })).data).toMatchObject({ publishArtifact: { artifact: { id, state: 'active' } } });
  return id;
}

describe('the object of a type', () => {
  it('has a field for every property, under GraphQL names, with the values as they are', async () => {
    const properties = {
      color: 'red',
      size_class: 'x-small',
      oddName: 'odd',
      weight: 5_000_000_000,
      ratio: 0.5,
      active: true,
      parts: ['a', 'b'],
      extra: { deep: [1, { er: null }] },
    };
    const answer = await ask(createGadget, { input: { properties, extraProperties: [{ key: 'maker', value: 'me' }] } });
    const { oddName, ...named } = properties;
    expect(dig(answer.data, 'createGadget', 'artifact')).toMatchObject({
      ...properties,
      extraProperties: [{ key: 'maker', value: 'me' }],
      properties: { ...named, 'odd-name': oddName, maker: 'me' },
    });
  });

  it('answers null for what a draft does not have yet', async () => {
    const answer = await ask(createGadget, { input: {} });
    expect(dig(answer.data, 'createGadget', 'artifact')).toMatchObject({
      color: null,
      weight: null,
      parts: null,
      extraProperties: [],
    });
  });

  it('gives further properties by their keys only', async () => {
    const extraProperties = ['b', 'a', 'toString'].map((key) => ({ key, value: key }));
    const id = await create({ properties: { color: 'red' }, extraProperties });
    const document = `query ($id: ID!, $keys: [String!]) { artifact(id: $id) { ... on Gadget { extraProperties(keys: $keys) { key } } } }`;
    const some = await ask(document, { id, keys: ['b', 'color', 'constructor', 'none'] });
    expect(some.data).toEqual({ artifact: { extraProperties: [{ key: 'b' }] } });
    const all = await ask(document, { id });
    expect(all.data).toEqual({ artifact: { extraProperties: [{ key: 'a' }, { key: 'b' }, { key: 'toString' }] } });
  });

  it('has an enum where the values are GraphQL names, and text where they are not', async () => {
    const answer = await ask(`{ __type(name: "Gadget") { fields { name type { kind name } } } }`);
    const fields = dig(answer.data, '__type', 'fields') as { name: string; type: { kind: string; name: string } }[];
    const typeOf = (name: string) => fields.find((field) => field.name === name)?.type;
    expect(typeOf('color')).toEqual({ kind: 'ENUM', name: 'GadgetColor' });
    expect(typeOf('size_class')).toEqual({ kind: 'SCALAR', name: 'String' });
    expect(typeOf('weight')).toEqual({ kind: 'SCALAR', name: 'Long' });
    expect(typeOf('extra')).toEqual({ kind: 'SCALAR', name: 'JSON' });
  });
});

describe('the typed inputs', () => {
  it('point at faults under the names the caller wrote', async () => {
    const answer = await ask(createGadget, { input: { properties: { oddName: 'much too long', ports: 10 } } });
    const faults = [{ pointer: '/properties/oddName' }, { pointer: '/properties/ports' }];
    expect(answer.data).toMatchObject({
      createGadget: { __typename: 'ValidationError', code: 'PROPERTIES_INVALID', faults },
    });
  });

  it('refuse a named property among the further ones, and one that is given twice', async () => {
    const extraProperties = ['color', 'maker', 'maker'].map((key) => ({ key, value: 'red' }));
    const answer = await ask(createGadget, { input: { extraProperties } });
    const faults = [{ pointer: '/extraProperties/0/key' }, { pointer: '/extraProperties/2/key' }];
    expect(answer.data).toMatchObject({ createGadget: { __typename: 'ValidationError', faults } });
  });

  it('merge an update, remove by null, and replace when asked to', async () => {
    const id = await create({ properties: { color: 'red', weight: 1 }, extraProperties: [{ key: 'a', value: 'a' }] });
    const update = `mutation ($input: UpdateGadgetInput!) { updateGadget(input: $input) {
      __typename ... on UpdateGadgetPayload { artifact { properties } } ... on Error { code message } } }`;
    const merged = await ask(update, { input: { id, properties: { color: null, ratio: 2 } } });
    expect(merged.data).toMatchObject({ updateGadget: { artifact: { properties: { weight: 1, ratio: 2, a: 'a' } } } });
    expect(dig(merged.data, 'updateGadget', 'artifact', 'properties')).not.toHaveProperty('color');
    const replaced = await ask(update, { input: { id, replaceProperties: true, properties: { color: 'green' } } });
    expect(dig(replaced.data, 'updateGadget', 'artifact', 'properties')).toEqual({ color: 'green' });
  });

  it('leave a property of a JSON literal as it is where its variable was not given', async () => {
    const id = await create({ properties: { color: 'red', weight: 1 } });
    const document = `mutation ($id: ID!, $color: JSON, $weight: JSON) {
      updateArtifact(input: { id: $id, properties: { color: $color, weight: $weight } }) { ... on ArtifactPayload { artifact { properties } } } }`;
    const propertiesAfter = async (variables: object) =>
      dig((await ask(document, { id, ...variables })).data, 'updateArtifact', 'artifact', 'properties');
    expect(await propertiesAfter({ weight: 2 })).toEqual({ color: 'red', weight: 2 });
    expect(await propertiesAfter({ color: null })).toEqual({ weight: 2 });
  });

  it('take an artifact of another type for one that does not exist', async () => {
    const kit = await ask('mutation { createArtifact(input: { type: "kit" }) { ... on ArtifactPayload { artifact { id } } } }');
    const id = dig(kit.data, 'createArtifact', 'artifact', 'id');
    const answer = await ask(
      'mutation ($id: ID!) { updateGadget(input: { id: $id, properties: { color: red } }) { ... on Error { code } } }',
      { id },
    );
    expect(answer.data).toEqual({ updateGadget: { code: 'ARTIFACT_NOT_FOUND' } });
  });
});

describe('the list of a type', () => {
  const list = `query ($filter: GadgetFilter, $orderBy: GadgetOrder) { gadgets(filter: $filter, orderBy: $orderBy) { nodes { weight } } }`;
  const weights = async (filter: object, orderBy = 'WEIGHT_ASC'): Promise<unknown> => {
    const answer = await ask(list, { filter: { and: [{ project: { eq: 'own' } }, filter] }, orderBy });
    expect(answer.errors).toEqual([]);
    return (dig(answer.data, 'gadgets', 'nodes') as { weight: number }[]).map(({ weight }) => weight);
  };

  beforeAll(async () => {
    const base = { name: 'listed', visibility: 'private' };
    const rows = [
      { color: 'red', size_class: 'x-small', oddName: 'ab', ratio: 0.5, active: true, parts: ['p', 'q'] },
      { color: 'green', size_class: '2XL', oddName: 'abc', ratio: 1.5, active: false, parts: ['q'] },
      { color: 'green', ratio: 2.5 },
    ];
    for (const [index, properties] of rows.entries()) {
      await createPublished({
        ...base,
        version: `${index + 1}.0.0`,
        tags: index === 0 ? ['first'] : [],
        properties: { ...properties, weight: (index + 1) * 10_000_000_000 },
        extraProperties: index === 2 ? [{ key: 'maker', value: 'acme' }] : [],
      });
    }
  });
  const [first, second, third] = [10_000_000_000, 20_000_000_000, 30_000_000_000];

  it.each([
    ['equality of an enum', { color: { eq: 'green' } }, [second, third]],
    ['a set of an enum', { color: { in: ['red', 'green'] } }, [first, second, third]],
    ['equality of text that is no GraphQL name', { size_class: { eq: '2XL' } }, [second]],
    ['a prefix', { oddName: { prefix: 'ab' } }, [first, second]],
    ['a range over 32 bits', { weight: { gt: first, lte: second } }, [second]],
    ['a number', { ratio: { gte: 1.5 } }, [second, third]],
    ['a claim', { active: { eq: false } }, [second]],
    ['a member of a list', { parts: { has: 'q' } }, [first, second]],
    ['any member of a list', { parts: { hasAny: ['p', 'z'] } }, [first]],
    ['existence', { parts: { exists: false } }, [third]],
    ['a further property by name', { property: [{ name: 'maker', eq: 'acme' }] }, [third]],
    ['a named property by name', { property: [{ name: 'odd-name', prefix: 'abc' }] }, [second]],
    ['tags', { tags: { all: ['first'] } }, [first]],
    ['a version range', { versionRange: '>=2' }, [second, third]],
    ['the latest', { latest: true }, [third]],
    ['logic', { or: [{ color: { eq: 'red' } }, { not: { parts: { exists: true } } }] }, [first, third]],
    ['nothing of a set', { color: { in: [] } }, []],
  ])('filters by %s', async (_name, filter, expected) => {
    expect(await weights({ and: [{ weight: { exists: true } }, filter] })).toEqual(expected);
  });

  it('orders by a sortable property, and not by another', async () => {
    expect(await weights({ weight: { exists: true } }, 'WEIGHT_DESC')).toEqual([third, second, first]);
    const answer = await ask(list, { orderBy: 'COLOR_ASC' });
    expect(answer).toMatchObject({ status: 400, errors: [{ extensions: { code: 'INPUT_INVALID' } }] });
  });

  it.each([
    ['an unknown field', { nope: { eq: 1 } }],
    ['a property that is not filterable', { secret: { eq: 'x' } }],
    ['an operator of another kind', { color: { prefix: 'r' } }],
    ['a value of another kind', { weight: { eq: 'ten' } }],
    ['a fraction where whole numbers are', { weight: { eq: 1.5 } }],
    ['a number beyond 2^53', { weight: { eq: 1e21 } }],
    ['an empty filter inside of logic', { not: {} }],
    ['a logic of nothing', { or: [] }],
    ['a comparison with null', { color: { eq: null } }],
    ['a property by name that is not filterable', { property: [{ name: 'secret', eq: 'x' }] }],
    ['a property by name with a value of another kind', { property: [{ name: 'weight', eq: 'x' }] }],
    ['a property by name with an operator of another kind', { property: [{ name: 'weight', prefix: 'x' }] }],
    ['a property of another type', { property: [{ type: 'kit', name: 'title', eq: 'x' }] }],
  ])('refuses %s, before it asks the database', async (_name, filter) => {
    const answer = await ask(list, { filter });
    expect(answer).toMatchObject({ status: 400, errors: [{ extensions: { code: 'INPUT_INVALID' } }] });
    expect(answer.data ?? null).toBeNull();
  });

  it('refuses logic that is nested too deeply', async () => {
    let filter: object = { color: { eq: 'red' } };
    for (let depth = 0; depth < 12; depth += 1) filter = { not: filter };
    expect(await ask(list, { filter })).toMatchObject({ status: 400 });
  });
});
