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

  it('is claimed once', () => {
    const names = createNameClaims();
    expect(names.claim('A', 'one', '/')).toBe('A');
    expect(() => names.claim('A', 'two', '/')).toThrow(expect.objectContaining({ code: 'TYPE_INVALID' }));
  });

  it('is an enum value only where it needs no change', () => {
    expect(isGraphqlEnum(['qcow2', 'raw', '_x'])).toBe(true);
    for (const values of [[], ['x-small'], ['2XL'], ['true'], ['null'], ['__x'], [''], ['a b']]) {
      expect(isGraphqlEnum(values), values.join()).toBe(false);
    }
  });
});
