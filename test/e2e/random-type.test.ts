import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startVitrine, type VitrineProcess } from '#test/support/vitrine-process.ts';
import { type InventedProperty, type InventedType, inventType, stringProperty } from './random-type.ts';

interface TypeRef {
  readonly name: string | null;
  readonly kind: string;
  readonly ofType: TypeRef | null;
}
interface Field {
  readonly name: string;
  readonly type: TypeRef;
  readonly args?: readonly Field[];
}
interface FullType {
  readonly name: string;
  readonly kind: string;
  readonly fields: readonly Field[] | null;
  readonly inputFields: readonly Field[] | null;
  readonly enumValues: readonly { readonly name: string }[] | null;
}
type Answer = { readonly data?: Record<string, never>; readonly errors?: readonly { readonly message: string }[] };

const introspection = `{ __schema { queryType { name } mutationType { name } types { name kind
  fields { name type { ...T } args { name type { ...T } } } inputFields { name type { ...T } } enumValues { name } } } }
  fragment T on __Type { name kind ofType { name kind ofType { name kind ofType { name kind ofType { name kind } } } } }`;

describe('a type that was invented in this run, in a folder outside the repository', () => {
  let folder: string;
  let vitrine: VitrineProcess;
  let invented: InventedType;
  let types: Map<string, FullType>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vitrine-types-'));
    invented = await inventType(folder);
    vitrine = await startVitrine({ env: { VITRINE_TYPES_FOLDERS: JSON.stringify([folder]) } });
    const { data } = (await graphql(introspection)) as unknown as { data: { __schema: { types: FullType[] } } };
    types = new Map(data.__schema.types.map((type) => [type.name, type]));
  });

  afterAll(async () => {
    await vitrine[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  async function graphql(query: string, variables: object = {}): Promise<Answer> {
    const body = JSON.stringify({ query, variables });
    const response = await fetch(`${vitrine.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    expect(response.status).toBeLessThan(500);
    return (await response.json()) as Answer;
  }

  const baseName = (type: TypeRef): string => (type.ofType === null ? (type.name ?? '') : baseName(type.ofType));

  function fieldOf(type: string, field: string): Field {
    const found = [...(types.get(type)?.fields ?? []), ...(types.get(type)?.inputFields ?? [])].find(
      ({ name }) => name === field,
    );
    if (found === undefined) throw new Error(`${type} has no field ${field}`);
    return found;
  }

  /** The list of the type, found by what it answers. */
  function listField(): Field {
    const found = types.get('Query')?.fields?.find(({ type }) => baseName(type) === `${invented.typeName}Connection`);
    if (found === undefined) throw new Error('no list of the type');
    return found;
  }

  function propertiesOf(pick: (property: InventedProperty) => unknown): Record<string, unknown> {
    return Object.fromEntries(invented.properties.map((property) => [property.name, pick(property)]));
  }

  async function create(
    input: object,
  ): Promise<{ __typename: string; code?: string; faults?: { pointer: string; message: string }[]; artifact?: { id: string } }> {
    const mutation = `create${invented.typeName}`;
    const inputType = baseName(fieldOf('Mutation', mutation).args?.[0]?.type ?? { name: '', kind: '', ofType: null });
    const { data, errors } = await graphql(
      `mutation ($input: ${inputType}!) { ${mutation}(input: $input) { __typename ... on Create${invented.typeName}Payload { artifact { id } } ... on ValidationError { code faults { pointer message } } } }`,
      { input },
    );
    expect(errors).toBeUndefined();
    return (data as unknown as Record<string, Awaited<ReturnType<typeof create>>>)[mutation] as Awaited<
      ReturnType<typeof create>
    >;
  }

  async function publish(input: object, bytes: string): Promise<string> {
    const made = await create(input);
    const id = made.artifact?.id ?? '';
    const put = await fetch(`${vitrine.url}/api/v1/artifacts/${id}/slots/${invented.oneSlot}`, { method: 'PUT', body: bytes });
    expect(put.status).toBe(201);
    const { data } = await graphql(
      'mutation ($id: ID!) { publishArtifact(input: { id: $id }) { __typename ... on Error { message } } }',
      { id },
    );
    expect(data).toEqual({ publishArtifact: { __typename: 'ArtifactPayload' } });
    return id;
  }

  it('has its six properties as typed fields', () => {
    const expected = { string: 'String', integer: 'Long', number: 'Float', boolean: 'Boolean', 'string-list': 'String' } as const;
    for (const { name, kind, value } of invented.properties) {
      const type = baseName(fieldOf(invented.typeName, name).type);
      if (kind === 'enum') expect(types.get(type)?.enumValues?.map((each) => each.name)).toContain(value);
      else expect(type, name).toBe(expected[kind]);
    }
  });

  it('is created, published, and found by a filter on each property; the other value finds nothing', async () => {
    const properties = propertiesOf(({ value }) => value);
    const id = await publish({ name: 'first', version: '1.0.0', properties }, 'bytes');
    const list = listField();
    const filterType = baseName(list.args?.find(({ name }) => name === 'filter')?.type ?? list.type);
    for (const { name, kind, value, other } of invented.properties) {
      const operator = kind === 'string-list' ? 'hasAny' : 'eq';
      fieldOf(baseName(fieldOf(filterType, name).type), operator);
      for (const [sought, found] of [
        [value, [id]],
        [other, []],
      ] as const) {
        const query = `query ($filter: ${filterType}) { ${list.name}(filter: $filter, first: 5) { edges { node { id ${name} } } } }`;
        const { data, errors } = await graphql(query, { filter: { [name]: { [operator]: sought } } });
        expect(errors, name).toBeUndefined();
        const { edges } = (data as unknown as Record<string, { edges: { node: Record<string, unknown> }[] }>)[list.name] ?? {
          edges: [],
        };
        expect(
          edges.map(({ node }) => node['id']),
          `${name} ${operator}`,
        ).toEqual(found);
        if (found.length > 0) expect(edges[0]?.node[name]).toEqual(value);
      }
    }
  });

  it('pins its dependency, and its map slot takes files by path', async () => {
    const properties = propertiesOf(({ other }) => other);
    const dependencies = [{ slot: invented.dependencySlot, alias: 'before', ref: `${invented.type}/first@^1` }];
    const made = await create({ name: 'second', version: '0.1.0', properties, dependencies });
    const id = made.artifact?.id ?? '';
    const slots = `${vitrine.url}/api/v1/artifacts/${id}/slots`;
    expect((await fetch(`${slots}/${invented.oneSlot}`, { method: 'PUT', body: 'x' })).status).toBe(201);
    expect((await fetch(`${slots}/${invented.mapSlot}/a/b.txt`, { method: 'PUT', body: 'deep' })).status).toBe(201);
    await graphql('mutation ($id: ID!) { publishArtifact(input: { id: $id }) { __typename } }', { id });
    const { data } = await graphql(
      'query ($id: ID!) { artifact(id: $id) { state dependencies { alias resolved { version } } blobs { path } } }',
      { id },
    );
    expect(data).toEqual({
      artifact: {
        state: 'active',
        dependencies: [{ alias: 'before', resolved: { version: '1.0.0' } }],
        blobs: expect.arrayContaining([{ path: 'a/b.txt' }, { path: invented.oneSlot }]),
      },
    });
    expect(await (await fetch(`${slots}/${invented.mapSlot}/a/b.txt`)).text()).toBe('deep');
  });

  it('answers its hook’s fault with a pointer, and stores nothing', async () => {
    const { name } = stringProperty(invented);
    const properties = { ...propertiesOf(({ value }) => value), [name]: invented.forbidden };
    const made = await create({ name: 'refused', version: '1.0.0', properties });
    expect(made).toMatchObject({ __typename: 'ValidationError', code: 'PROPERTIES_INVALID' });
    expect(made.faults?.map(({ message }) => message).join()).toContain(invented.forbidden);
    const { data } = await graphql(`{ artifacts(filter: { name: { eq: "refused" } }) { edges { node { id } } } }`);
    expect(data).toEqual({ artifacts: { edges: [] } });
  });

  it('refuses a filter it does not have when the document is validated', async () => {
    const { errors } = await graphql(
      `{ ${listField().name}(filter: { nosuchproperty: { eq: "x" } }) { edges { node { id } } } }`,
    );
    expect(errors?.[0]?.message).toContain('nosuchproperty');
  });
}, 60_000);
