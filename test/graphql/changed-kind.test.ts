import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Filter } from '#core/filter.ts';
import { createGraphqlPlane, defaultGraphqlLimits } from '#graphql/graphql-plane.ts';
import { compareProperty } from '#graphql/property-filter.ts';
import { driverOf } from '#metadata/filter-probes.ts';
import { ensurePropertyIndexes } from '#metadata/metadata.ts';
import { listScope } from '#metadata/page-statement.ts';
import { propertyIndexName } from '#metadata/property-index-definitions.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { createCaller } from '#policy/policy.ts';
import { actAs, createTestNode } from '#test/support/operations.ts';
import { createTypesFolder } from '#test/types/type-folder.ts';
import { loadTypes } from '#types/load-types.ts';
import { postRequest, testRequestId } from './test-plane.ts';

const marks = { 'x-filterable': true, 'x-sortable': true };
const versions = { 1: { size: { type: 'string', ...marks } }, 2: { size: { type: 'integer', minimum: 0, ...marks } } };
const graphql = { fields: { 'size@1': 'sizeText', 'size@2': 'size' } };

const stack = new AsyncDisposableStack();
let ask: (document: string, variables: object) => Promise<unknown>;

/** Two artifacts of version 1, whose size is text, and two of version 2, whose size is a number; and one of each without. */
beforeAll(async () => {
  const node = stack.use(await createTestNode());
  const registryOf = async (current: '1' | '2') => {
    const folder = stack.use(createTypesFolder());
    folder.writeType('crate', { versions, manifest: { current, graphql } });
    return stack.use(await loadTypes({ folders: [folder.path] }));
  };
  const old = node.with({ types: await registryOf('1') });
  for (const properties of [{ size: '5' }, { size: 'big' }, {}])
    await createArtifact(actAs(old, 'own'), { type: 'crate', properties });
  const types = await registryOf('2');
  const services = node.with({ types });
  for (const properties of [{ size: 5 }, { size: 7 }, {}])
    await createArtifact(actAs(services, 'own'), { type: 'crate', properties });
  const indexed = [...types.types.values()].map(({ properties }) => ({ type: 'crate', properties, hasExtra: false }));
  await ensurePropertyIndexes({ url: node.databaseUrl, types: indexed, signal: AbortSignal.timeout(120_000) });
  const options = { services, types, limits: defaultGraphqlLimits, graphiql: false, introspection: true };
  const plane = createGraphqlPlane(options);
  const caller = createCaller('user', 'own', ['member', 'reader']);
  ask = async (query, variables) => {
    const facts = { caller, requestId: testRequestId, sourceAddress: '192.0.2.1', signal: AbortSignal.timeout(60_000) };
    return (await plane.fetch(postRequest({ query, variables }), facts)).json();
  };
}, 180_000);
afterAll(() => stack.disposeAsync());

describe('a property whose kind changed', () => {
  const list = `query ($filter: CrateFilter) { crates(filter: $filter) { totalCount nodes { sizeText size } } }`;
  const sizes = async (filter: object): Promise<unknown> => {
    const answer = (await ask(list, { filter: { state: { eq: 'draft' }, ...filter } })) as {
      readonly data?: {
        readonly crates: { readonly totalCount: number; readonly nodes: { sizeText: unknown; size: unknown }[] };
      };
    };
    const { crates } = answer.data ?? {};
    if (crates === undefined) return answer;
    expect(crates.totalCount).toBe(crates.nodes.length);
    return crates.nodes
      .map(({ sizeText, size }) => sizeText ?? size)
      .toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  };

  it.each([
    ['the text, equal', { sizeText: { eq: '5' } }, ['5']],
    ['the text, by prefix', { sizeText: { prefix: '' } }, ['5', 'big']],
    ['the number, equal', { size: { eq: 5 } }, [5]],
    ['the number, of a set', { size: { in: [5, 7] } }, [5, 7]],
    ['the number, in a range', { size: { gt: 5 } }, [7]],
    ['the text, there', { sizeText: { exists: true } }, ['5', 'big']],
    ['the number, there', { size: { exists: true } }, [5, 7]],
    ['the number, not there', { size: { exists: false } }, ['5', 'big', null, null]],
    ['its own name and a text', { property: [{ name: 'size', eq: '5' }] }, ['5']],
    ['its own name and a number', { property: [{ name: 'size', gte: 6 }] }, [7]],
    ['its own name, there in any version', { property: [{ name: 'size', exists: true }] }, ['5', 'big', 5, 7]],
    ['its own name, there in none', { property: [{ name: 'size', exists: false }] }, [null, null]],
  ])('is found by %s', async (_name, filter, expected) => {
    expect(await sizes(filter)).toEqual(expected);
  });

  it('is found by its own index, also where it is one condition of several', () => {
    const compared = { name: 'size', kind: 'integer', versions: ['2.0.0'] } as const;
    const filter: Filter = { kind: 'or', of: [compareProperty('crate', compared, 'eq', 5)] };
    const viewer = { project: 'own', isAdmin: false };
    const indexed = new Set([propertyIndexName('crate', 'size', 'number')]);
    const driver = driverOf(filter, listScope(viewer, { type: null, filter }), indexed);
    expect(driver?.probes.map(({ order }) => order)).toEqual([expect.stringContaining("'size'")]);
  });

  it('is not compared with what no version of it holds', async () => {
    const answer = await sizes({ property: [{ name: 'size', eq: true }] });
    expect(answer).toMatchObject({ errors: [{ extensions: { faults: [{ pointer: '/filter/property/0/eq' }] } }] });
  });

  it.each([
    ['sizeText', { sizeText: 'x' }],
    ['size', { size: -1 }],
  ])('is pointed at as %s where that was written', async (field, properties) => {
    const create = `mutation ($input: CreateCrateInput!) { createCrate(input: $input) { ... on ValidationError { faults { pointer } } } }`;
    const answer = await ask(create, { input: { properties } });
    expect(answer).toMatchObject({ data: { createCrate: { faults: [{ pointer: `/properties/${field}` }] } } });
  });

  it.each([
    ['a value beside a null', { size: 3, sizeText: null }, { artifact: { size: 3 } }],
    ['a null beside a value', { size: null, sizeText: 'x' }, { faults: [{ pointer: '/properties/sizeText' }] }],
    ['two values', { size: 3, sizeText: 'x' }, { faults: [{ pointer: '/properties/size' }] }],
  ])('is written by %s', async (_name, properties, expected) => {
    const create = `mutation ($input: CreateCrateInput!) { createCrate(input: $input) {
      ... on CreateCratePayload { artifact { size } } ... on ValidationError { faults { pointer } } } }`;
    expect(await ask(create, { input: { properties } })).toMatchObject({ data: { createCrate: expected } });
  });
});
