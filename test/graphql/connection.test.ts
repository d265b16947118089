import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ask, createTestPlane, dig, type TestPlane } from './test-plane.ts';

let plane: TestPlane;
let ask: Ask;
const count = 7;

interface Page {
  readonly edges: readonly { readonly cursor: string; readonly node: { readonly version: string } }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
}

const list = `query ($first: Int, $after: String, $last: Int, $before: String, $orderBy: GadgetOrder, $filter: GadgetFilter) {
  gadgets(first: $first, after: $after, last: $last, before: $before, orderBy: $orderBy, filter: $filter) {
    edges { cursor node { version } } nodes { version } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`;

async function page(variables: object): Promise<Page> {
  const answer = await ask(list, { orderBy: 'VERSION_ASC', ...variables });
  expect(answer.errors).toEqual([]);
  return dig(answer.data, 'gadgets') as Page;
}

const versions = ({ edges }: Page): string[] => edges.map(({ node }) => node.version);

beforeAll(async () => {
  plane = await createTestPlane();
  ask = plane.as('own');
  for (let major = 1; major <= count; major += 1) {
    const created = await ask(
      `mutation ($version: String!) { createGadget(input: { name: "g", version: $version }) { ... on CreateGadgetPayload { artifact { id } } } }`,
      { version: `${major}.0.0` },
    );
    const id = dig(created.data, 'createGadget', 'artifact', 'id');
    await ask('mutation ($id: ID!) { publishArtifact(input: { id: $id }) { __typename } }', { id });
  }
});
afterAll(() => plane[Symbol.asyncDispose]());

describe('a connection', () => {
  it('is walked forward to its end, each row once', async () => {
    const seen: string[] = [];
    let after: string | null = null;
    for (let pages = 0; pages < count; pages += 1) {
      const current: Page = await page({ first: 3, after });
      seen.push(...versions(current));
      expect(current.pageInfo.hasPreviousPage).toBe(after !== null);
      expect(current.pageInfo.startCursor).toBe(current.edges[0]?.cursor);
      after = current.pageInfo.endCursor;
      if (!current.pageInfo.hasNextPage) break;
    }
    expect(seen).toEqual(Array.from({ length: count }, (_, index) => `${index + 1}.0.0`));
  });

  it('is walked backward in the same order of rows', async () => {
    const end = await page({ last: 2 });
    expect(versions(end)).toEqual(['6.0.0', '7.0.0']);
    expect(end.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
    const before = await page({ last: 2, before: end.pageInfo.startCursor });
    expect(versions(before)).toEqual(['4.0.0', '5.0.0']);
    expect(before.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: true });
  });

  it('answers the nodes of its edges, and a whole page where no size is asked for', async () => {
    const answer = await ask(list, { orderBy: 'VERSION_ASC' });
    const nodes = dig(answer.data, 'gadgets', 'nodes');
    expect(nodes).toEqual((dig(answer.data, 'gadgets', 'edges') as { node: object }[]).map(({ node }) => node));
    expect(nodes).toHaveLength(count);
  });

  it('tells how many there are in all, by one statement more, and by none where nobody asks', async () => {
    let statements: string[] = [];
    const { db } = plane.services;
    const spied = new Proxy(db, {
      get: (target, key) =>
        key === 'query'
          ? (statement: { text: string }, values?: readonly unknown[]) => {
              statements.push(statement.text);
              return target.query(statement, values);
            }
          : Reflect.get(target, key),
    });
    await using counting = await createTestPlane({ services: () => ({ db: spied }) });
    const asked = counting.as('own');
    const counted = await asked('{ gadgets(first: 2) { totalCount again: totalCount nodes { id } } }');
    expect(counted.data).toMatchObject({ gadgets: { totalCount: count, again: count } });
    expect(statements.filter((text) => text.includes('count(*)'))).toHaveLength(1);
    statements = [];
    await asked('{ gadgets(first: 2) { nodes { id } } }');
    expect(statements.filter((text) => text.includes('count(*)'))).toEqual([]);
    const other = await asked('{ gadgets(first: 1, filter: { version: { eq: "3.0.0" } }) { totalCount } }');
    expect(other.data).toEqual({ gadgets: { totalCount: 1 } });
  });

  it('is empty without a cursor where nothing matches', async () => {
    const empty = await page({ filter: { name: { eq: 'nothing' } } });
    expect(empty).toEqual(
      expect.objectContaining({
        edges: [],
        pageInfo: { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null },
      }),
    );
  });

  it.each([
    ['of another order', async () => ({ after: (await page({ first: 1 })).pageInfo.endCursor, orderBy: 'VERSION_DESC' })],
    ['of another filter', async () => ({ after: (await page({ first: 1 })).pageInfo.endCursor, filter: { name: { eq: 'g' } } })],
    ['that was altered', async () => ({ after: `${(await page({ first: 1 })).pageInfo.endCursor}A` })],
    ['that is none', async () => ({ after: 'bm90IGEgY3Vyc29y' })],
    ['that is empty', async () => ({ after: '' })],
  ])('refuses a cursor %s, with a code, a path and a status', async (_name, variables) => {
    const answer = await ask(list, { first: 2, orderBy: 'VERSION_ASC', ...(await variables()) });
    expect(answer.status).toBe(400);
    expect(answer.data).toBeNull();
    expect(answer.errors).toMatchObject([{ path: ['gadgets'], extensions: { code: 'CURSOR_INVALID' } }]);
  });

  it.each([
    ['both directions', { first: 1, last: 1 }],
    ['a negative size', { first: -1 }],
    ['more than a page may have', { first: 101 }],
    ['a cursor of the other direction', { first: 1, before: 'x' }],
  ])('refuses %s', async (_name, variables) => {
    expect(await ask(list, variables)).toMatchObject({ status: 400, errors: [{ extensions: { code: 'INPUT_INVALID' } }] });
  });
});

describe('the generic list', () => {
  it('answers every type, or one, as objects of their own types', async () => {
    const document = `query ($type: String, $filter: ArtifactFilter) { artifacts(type: $type, filter: $filter, first: 1) {
      nodes { __typename type ... on Gadget { color } } } }`;
    const expected = { artifacts: { nodes: [{ __typename: 'Gadget', type: 'gadget', color: null }] } };
    expect((await ask(document, {})).data).toEqual(expected);
    expect((await ask(document, { type: 'gadget' })).data).toEqual(expected);
    expect((await ask(document, { filter: { type: { in: ['gadget', 'kit'] } } })).data).toEqual(expected);
    expect((await ask(document, { type: 'kit' })).data).toEqual({ artifacts: { nodes: [] } });
  });

  it('filters by a property only where its type is known', async () => {
    const document =
      'query ($type: String, $filter: ArtifactFilter) { artifacts(type: $type, filter: $filter) { nodes { id } } }';
    const filter = { property: [{ name: 'weight', gt: 1 }] };
    expect(await ask(document, { filter })).toMatchObject({
      status: 400,
      errors: [{ extensions: { faults: [{ pointer: '/filter/property/0/type' }] } }],
    });
    expect(await ask(document, { filter, type: 'gadget' })).toMatchObject({ status: 200, data: { artifacts: { nodes: [] } } });
    const typed = { property: [{ type: 'gadget', name: 'weight', gt: 1 }] };
    expect(await ask(document, { filter: typed })).toMatchObject({ status: 200 });
  });

  it('refuses a type that is not loaded', async () => {
    expect(await ask('{ artifacts(type: "nope") { nodes { id } } }')).toMatchObject({
      errors: [{ extensions: { code: 'TYPE_UNKNOWN' } }],
    });
  });

  it('answers a type that is no longer loaded as an object of its own, readable by its JSON', async () => {
    const { db } = plane.services;
    await db.query({
      text: `INSERT INTO artifact (id, project, type, type_version, state, visibility, properties, created_by)
        VALUES ('00000000-0000-4000-8000-00000000dead', 'own', 'gone', '1', 'active', 'private', '{"a":1}', 'test')`,
    });
    const document = '{ artifact(id: "00000000-0000-4000-8000-00000000dead") { __typename properties ... on Gadget { color } } }';
    expect((await ask(document)).data).toEqual({ artifact: { __typename: 'UnknownTypeArtifact', properties: { a: 1 } } });
  });

  it('answers the versions of a family of such a type', async () => {
    const { db } = plane.services;
    const created = await ask(
      'mutation { createGadget(input: { name: "left", version: "1.0.0" }) { ... on CreateGadgetPayload { artifact { id family { id } } } } }',
    );
    const { id, family } = dig(created.data, 'createGadget', 'artifact') as { id: string; family: { id: string } };
    await ask('mutation ($id: ID!) { publishArtifact(input: { id: $id }) { __typename } }', { id });
    await db.query({ text: `UPDATE family SET type = 'gone' WHERE id = $1` }, [family.id]);
    await db.query({ text: `UPDATE artifact SET type = 'gone' WHERE id = $1` }, [id]);
    const answer = await ask(
      'query ($id: ID!) { node(id: $id) { ... on Family { type artifacts(first: 5) { totalCount nodes { __typename id } } } } }',
      { id: family.id },
    );
    expect(answer).toMatchObject({ errors: [] });
    expect(answer.data).toEqual({
      node: { type: 'gone', artifacts: { totalCount: 1, nodes: [{ __typename: 'UnknownTypeArtifact', id }] } },
    });
  });
});

describe('nodes', () => {
  it('answers as many as were asked for, in their order, null for what is not there', async () => {
    const { edges } = dig((await ask('{ gadgets(first: 2) { edges { node { id family { id } } } } }')).data, 'gadgets') as {
      edges: { node: { id: string; family: { id: string } } }[];
    };
    const [one, two] = edges.map(({ node }) => node);
    const ids = [two?.id, 'no id', one?.id, '00000000-0000-4000-8000-000000000000', one?.family.id, one?.id.toUpperCase()];
    const answer = await ask('query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }', { ids });
    expect(dig(answer.data, 'nodes')).toEqual([
      { __typename: 'Gadget', id: two?.id },
      null,
      { __typename: 'Gadget', id: one?.id },
      null,
      { __typename: 'Family', id: one?.family.id },
      { __typename: 'Gadget', id: one?.id },
    ]);
    const single = await ask('query ($id: ID!) { node(id: $id) { __typename id } }', { id: one?.family.id });
    expect(single.data).toEqual({ node: { __typename: 'Family', id: one?.family.id } });
  });

  it('reads artifacts and families together, however many', async () => {
    const { nodes } = dig((await ask('{ gadgets { nodes { id family { id } } } }')).data, 'gadgets') as {
      nodes: { id: string; family: { id: string } }[];
    };
    const made = nodes.flatMap(({ id, family }) => [id, family.id]);
    const ids = [...new Set(made)];
    expect(ids.length).toBeGreaterThan(4);
    let statements = 0;
    const { db } = plane.services;
    const spied = new Proxy(db, {
      get: (target, key) =>
        key === 'query'
          ? (...args: Parameters<typeof db.query>) => {
              statements += 1;
              return target.query(...args);
            }
          : Reflect.get(target, key),
    });
    await using counting = await createTestPlane({ services: () => ({ db: spied }) });
    const asked = counting.as('own');
    const document = 'query ($ids: [ID!]!) { nodes(ids: $ids) { id ... on Gadget { family { name } } } }';
    const answer = await asked(document, { ids });
    expect((dig(answer.data, 'nodes') as { id: string }[]).map(({ id }) => id)).toEqual(ids);
    const many = statements;
    statements = 0;
    await asked('{ artifacts { nodes { family { name } } } }');
    expect(many).toBe(2);
    // The list itself may go another way.
    expect(statements).toBeLessThanOrEqual(2);
  });

  it('is bounded', async () => {
    const ids = Array.from({ length: 101 }, () => 'x');
    expect(await ask('query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', { ids })).toMatchObject({ status: 400 });
  });
});
