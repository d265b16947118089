import { buildSchema, isInputObjectType, isInterfaceType } from 'graphql';
import { describe, expect, it } from 'vitest';
import { createNameClaims, isGraphqlEnum, toPascal, toScreaming } from '#graphql/generated-names.ts';
import { printSchema } from '#graphql/graphql-plane.ts';
import { createTypesFolder } from '#test/types/type-folder.ts';
import { fieldNameProblem, pluralProblem, typeNameProblem } from '#types/graphql-names.ts';
import { loadTypes } from '#types/load-types.ts';

describe('the names a type may take', () => {
  it('are none of the schema itself', async () => {
    await using none = await loadTypes({ folders: [] });
    const schema = buildSchema(printSchema(none));
    const fieldsOf = (name: string): string[] => {
      const type = schema.getType(name);
      return isInterfaceType(type) || isInputObjectType(type) ? Object.keys(type.getFields()) : [];
    };
    const types = Object.keys(schema.getTypeMap()).filter((name) => !name.startsWith('__'));
    expect(types.length).toBeGreaterThan(60);
    expect(types.filter((name) => typeNameProblem(name) === undefined)).toEqual([]);
    const fields = [...fieldsOf('Artifact'), ...fieldsOf('ArtifactFilter')];
    expect(fields.filter((name) => fieldNameProblem(name) === undefined)).toEqual([]);
    const queries = Object.keys(schema.getQueryType()?.getFields() ?? {});
    expect(queries.filter((name) => pluralProblem(name) === undefined)).toEqual([]);
  });

  it('are none that another type generates', async () => {
    using folder = createTypesFolder();
    const color = { type: 'string', enum: ['red'], description: 'A colour.' };
    folder.writeType('lamp', { versions: { 1: { color } } });
    folder.writeType('lamp-color');
    await using types = await loadTypes({ folders: [folder.path] });
    expect(() => printSchema(types)).toThrow(/"lamp-color" generates the GraphQL name "LampColor"/);
  });

  it('are none that the same type, or the schema, has already', async () => {
    using folder = createTypesFolder();
    await using none = await loadTypes({ folders: [] });
    const own = Object.keys(buildSchema(printSchema(none)).getTypeMap());
    // Every name of the schema as a type and an enum of it: `PageInfo` is the `info` of a type `page`.
    const split = own.flatMap((name) => {
      const [, typeName = '', property = ''] = /^([A-Z][a-z]+)([A-Z].*)$/.exec(name) ?? [];
      return typeNameProblem(typeName) === undefined && property !== '' ? [[typeName, property] as const] : [];
    });
    expect(split.map((parts) => parts.join(''))).toEqual(expect.arrayContaining(['PageInfo', 'DateTime', 'ViewerCan']));
    const generated = ['connection', 'edge', 'filter', 'order', 'properties'].map((property) => ['Gadget', property] as const);
    for (const [typeName, name] of [...split, ...generated]) {
      const property = name.charAt(0).toLowerCase() + name.slice(1);
      const enumOf = { [property]: { type: 'string', enum: ['wired'], description: 'One of these.' } };
      const fields =
        fieldNameProblem(property) === undefined ? {} : { [property]: name.replace(/^./, (first) => first.toUpperCase()) };
      const manifest = { type: 'gadget', graphql: { typeName, fields } };
      const path = folder.writeType('gadget', { manifest, versions: { 1: enumOf } });
      await using types = await loadTypes({ folders: [path] });
      const faults = [{ pointer: `${path}/manifest.json#/graphql/fields/${property}`, message: expect.any(String) }];
      expect(() => printSchema(types), typeName + name).toThrow(expect.objectContaining({ code: 'TYPE_INVALID', faults }));
    }
  });

  it('give a sortable property no order that is there already', async () => {
    using folder = createTypesFolder();
    const created_at = { type: 'string', description: 'Another time.', maxLength: 30, 'x-filterable': true, 'x-sortable': true };
    folder.writeType('lamp', { versions: { 1: { created_at } } });
    await using types = await loadTypes({ folders: [folder.path] });
    expect(() => printSchema(types)).toThrow(/CREATED_AT/);
  });
});

describe('a generated name', () => {
  it('is built from words of either style', () => {
    expect(['disk_format', 'minRam', 'x'].map(toPascal)).toEqual(['DiskFormat', 'MinRam', 'X']);
    expect(['disk_format', 'minRam', 'x2y'].map(toScreaming)).toEqual(['DISK_FORMAT', 'MIN_RAM', 'X2Y']);
  });

  it('is claimed once', async () => {
    using folder = createTypesFolder();
    const names = createNameClaims(['Own']);
    folder.writeType('one');
    folder.writeType('two');
    await using types = await loadTypes({ folders: [folder.path] });
    const [one, two] = [types.get('one'), types.get('two')];
    expect(names.claim('A', one, '/a')).toBe('A');
    const taken = (message: string) =>
      expect.objectContaining({ code: 'TYPE_INVALID', message: expect.stringContaining(message) });
    expect(() => names.claim('A', one, '/b')).toThrow(taken('The type "one" generates the GraphQL name "A", twice'));
    expect(() => names.claim('A', two, '/a')).toThrow(taken('as the type "one" does'));
    expect(() => names.claim('Own', two, '/a')).toThrow(taken('as the schema itself does'));
  });

  it('is an enum value only where it needs no change', () => {
    expect(isGraphqlEnum(['qcow2', 'raw', '_x'])).toBe(true);
    for (const values of [[], ['x-small'], ['2XL'], ['true'], ['null'], ['__x'], [''], ['a b']]) {
      expect(isGraphqlEnum(values), values.join()).toBe(false);
    }
  });
});
