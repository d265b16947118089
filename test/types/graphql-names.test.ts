import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSchema, isInterfaceType, isObjectType } from 'graphql';
import { describe, expect, it } from 'vitest';
import { defaultPlural, defaultTypeName, fieldNameProblem, pluralProblem, typeNameProblem } from '#types/graphql-names.ts';

const schema = buildSchema(readFileSync(join(import.meta.dirname, '../../schema.graphql'), 'utf8'));
const artifact = schema.getType('Artifact');
const objects = isInterfaceType(artifact) ? schema.getImplementations(artifact).objects.map(({ name }) => name) : [];
const loaded = objects.filter((name) => name !== 'UnknownTypeArtifact');
const isGenerated = (name: string): boolean => loaded.some((type) => name.includes(type));

describe('names that types may not take', () => {
  it('are all names of the schema itself, and what becomes one by a generated ending', () => {
    const own = Object.keys(schema.getTypeMap()).filter((name) => !name.startsWith('__') && !isGenerated(name));
    const bases = own.flatMap((name) => /^([A-Z].*)(Filter|Order|OrderField|Connection|Edge|Properties)$/.exec(name)?.[1] ?? []);
    expect(loaded.length).toBeGreaterThanOrEqual(4);
    expect(own.length).toBeGreaterThan(40);
    expect([...own, ...bases].filter((name) => typeNameProblem(name) === undefined)).toEqual([]);
  });

  it('are the fields of every artifact and of every filter', () => {
    const fields = isInterfaceType(artifact) ? Object.keys(artifact.getFields()) : [];
    const filter = schema.getType('ArtifactFilter');
    const words = filter !== undefined && 'getFields' in filter ? Object.keys(filter.getFields()) : [];
    expect(fields.length).toBeGreaterThan(20);
    expect([...fields, ...words].filter((field) => fieldNameProblem(field) === undefined)).toEqual([]);
  });

  it('are the fields of Query that no type brought', () => {
    const query = schema.getQueryType();
    const lists = new Set(loaded.map((name) => defaultPlural(name.replace(/(?<!^)[A-Z]/g, '-$&').toLowerCase())));
    const fields = isObjectType(query) ? Object.keys(query.getFields()).filter((field) => !lists.has(field)) : [];
    expect(fields.length).toBeGreaterThan(5);
    expect(fields.filter((field) => pluralProblem(field) === undefined)).toEqual([]);
  });

  it('do not keep ordinary names out', () => {
    const types = ['image', 'firmware', 'heat-template', 'order-book', 'input-device'];
    expect(types.map((type) => typeNameProblem(defaultTypeName(type)) ?? pluralProblem(defaultPlural(type)) ?? 'free')).toEqual(
      types.map(() => 'free'),
    );
    const fields = ['description', 'title', 'size', 'status', 'disk_format'];
    expect(fields.map((field) => fieldNameProblem(field) ?? 'free')).toEqual(fields.map(() => 'free'));
  });
});
