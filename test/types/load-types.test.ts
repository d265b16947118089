import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AppError, type Fault } from '#base/app-error.ts';
import type { JsonObject } from '#base/json.ts';
import { loadTypes } from '#types/load-types.ts';
import type { ArtifactType, TypeRegistry } from '#types/type-registry.ts';
import { createTypesFolder, jsonSchema, type TypeOptions, type TypesFolder } from './type-folder.ts';

async function faultsOf(folders: readonly string[]): Promise<readonly Fault[]> {
  try {
    await using registry = await loadTypes({ folders });
    throw new Error(`loaded ${[...registry.types.keys()].join()}`);
  } catch (error) {
    if (error instanceof AppError && error.code === 'TYPE_INVALID') return error.faults;
    throw error;
  }
}

async function pointersOf(folder: TypesFolder): Promise<string[]> {
  const faults = await faultsOf([folder.path]);
  return faults.map(({ pointer }) => pointer.replace(`${folder.path}/`, ''));
}

async function loadOne(options: TypeOptions): Promise<ArtifactType> {
  using folder = createTypesFolder();
  folder.writeType('thing', options);
  await using registry = await loadTypes({ folders: [folder.path] });
  return registry.get('thing');
}

describe('the types of this repository', () => {
  it('load, the example only when it is named', async () => {
    const here = join(import.meta.dirname, '../../artifact-types');
    await using registry = await loadTypes({ folders: [here] });
    expect([...registry.types.keys()]).toEqual(['bundle', 'heat-environment', 'heat-template', 'image']);
    await using both = await loadTypes({ folders: [here, join(here, '_example')] });
    expect([...both.types.keys()]).toContain('example');
  });

  it('are unknown by any other name', async () => {
    await using registry: TypeRegistry = await loadTypes({ folders: [] });
    expect(() => registry.get('image')).toThrowError(expect.objectContaining({ code: 'TYPE_UNKNOWN' }));
  });
});

describe('finding type folders', () => {
  it('takes packages named vitrine-type-* of the folder it is told to look in', async () => {
    using folder = createTypesFolder();
    folder.writeType('node_modules/vitrine-type-thing', { manifest: { type: 'thing' } });
    folder.writeType('node_modules/other', { manifest: { type: 'other' } });
    await using registry = await loadTypes({ folders: [], packagesOf: folder.path });
    expect([...registry.types.keys()]).toEqual(['thing']);
  });

  it('follows links, skips names with _ or ., and loads a folder named twice once', async () => {
    using folder = createTypesFolder();
    using elsewhere = createTypesFolder();
    symlinkSync(elsewhere.writeType('linked'), join(folder.path, 'linked'));
    folder.writeType('_draft', { manifest: { type: 'draft' } });
    mkdirSync(join(folder.path, '.git'));
    await using registry = await loadTypes({ folders: [folder.path, folder.path] });
    expect([...registry.types.keys()]).toEqual(['linked']);
  });

  it('reports a folder that is not there', async () => {
    expect(await faultsOf(['/nowhere/at/all'])).toEqual([{ pointer: '/nowhere/at/all#', message: 'there is no such folder' }]);
  });
});

describe('a folder that is not right', () => {
  it.each([
    ['a key that stands twice', '{"type": "twice", "type": "t", "title": "T", "current": "1", "versions": {"1": {}}}', '/type'],
    ['an inherited name', '{"__proto__": {}, "type": "t"}', '/__proto__'],
    ['endless nesting', `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`, `${'/a'.repeat(64)}`],
    ['a number that would change', '{"type": "t", "title": 12345678901234567890}', '/title'],
    ['half a surrogate pair', '{"type": "\\ud800"}', '/type'],
  ])('has a manifest with %s', async (_what, text, pointer) => {
    using folder = createTypesFolder();
    folder.write('t/manifest.json', text);
    folder.write('t/schemas/1.json', jsonSchema({}));
    expect(await pointersOf(folder)).toEqual([`t/manifest.json#${pointer}`]);
  });

  it('has a JSON Schema with a key that stands twice, or one that is no text', async () => {
    using folder = createTypesFolder();
    folder.writeType('t', { versions: { 1: {}, 2: {} } });
    folder.write('t/schemas/1.json', '{"type": "object", "type": "object"}');
    writeFileSync(folder.write('t/schemas/2.json', ''), Buffer.from('7b22ff227d', 'hex'));
    expect(await pointersOf(folder)).toEqual(['t/schemas/1.json#/type', 't/schemas/2.json#']);
  });

  it.each([
    [{ extra: 1 }, '1 fault in 1 type folder:'],
    [{ extra: 1, slots: 2 }, '2 faults in 1 type folder:'],
  ])('is counted in words that fit: %j', async (manifest, words) => {
    using folder = createTypesFolder();
    folder.writeType('t', { manifest });
    await expect(loadTypes({ folders: [folder.path] })).rejects.toThrow(words);
  });

  it('is reported with every fault of every file of every folder at once', async () => {
    using folder = createTypesFolder();
    folder.write('a/manifest.json', '{"type": ');
    folder.write('b/README.md', 'nothing else');
    folder.writeType('c', { manifest: { current: '7', type: 'C!', extra: 1 } });
    folder.writeType('d', { versions: { 1: { 'no name': { type: 'string' }, x: { type: 'text' } }, 2: {} } });
    folder.write('d/schemas/9.json', jsonSchema({}));
    folder.writeType('e', { hooks: 'export default { validat() {} };' });
    folder.writeType('f', { hooks: 'export const x = ;' });
    expect(await pointersOf(folder)).toEqual([
      'a/manifest.json#/type',
      'b/manifest.json#',
      'c/manifest.json#/extra',
      'c/manifest.json#/type',
      'd/schemas/1.json#/properties/no name',
      'd/schemas/1.json#/properties/x/type',
      'd/schemas/9.json#',
      'e/hooks.ts#',
      'f/hooks.ts#',
    ]);
  });

  it.each<[string, JsonObject, string]>([
    ['a current version that is not there', { current: '2' }, '/current'],
    ['a slot of unknown kind', { versions: { 1: { slots: { s: { kind: 'many' } } } } }, '/versions/1/slots/s/kind'],
    [
      'a slot named like a prototype',
      { versions: { 1: { slots: { constructor: { kind: 'one' } } } } },
      '/versions/1/slots/constructor',
    ],
    ['a slot name that is no path segment', { versions: { 1: { slots: { 'a/b': { kind: 'one' } } } } }, '/versions/1/slots/a~1b'],
    [
      'a media type without subtype',
      { versions: { 1: { slots: { s: { kind: 'one', mediaTypes: ['text'] } } } } },
      '/versions/1/slots/s/mediaTypes/0',
    ],
    [
      'entries of a slot of one',
      { versions: { 1: { slots: { s: { kind: 'one', maxEntries: 3 } } } } },
      '/versions/1/slots/s/maxEntries',
    ],
    [
      'a dependency on nothing',
      { versions: { 1: { dependencies: { d: { targets: [] } } } } },
      '/versions/1/dependencies/d/targets',
    ],
    [
      'more required than allowed',
      { versions: { 1: { dependencies: { d: { targets: ['x'], min: 3, max: 2 } } } } },
      '/versions/1/dependencies/d/min',
    ],
    ['a version that is no version', { versions: { v1: {} }, current: 'v1' }, '/current'],
    ['a name of the schema itself', { graphql: { typeName: 'Artifact' } }, '/graphql/typeName'],
    ['a name that is generated for another type', { graphql: { typeName: 'ImageFilter' } }, '/graphql/typeName'],
    ['a list that Query has', { graphql: { plural: 'artifacts' } }, '/graphql/plural'],
    ['a field of no property', { graphql: { fields: { nothing: 'x' } } }, '/graphql/fields/nothing'],
  ])('has a fault for %s', async (_, manifest, pointer) => {
    using folder = createTypesFolder();
    folder.writeType('thing', { manifest });
    expect(await pointersOf(folder)).toContain(`thing/manifest.json#${pointer}`);
  });

  it('has a fault where two versions are one', async () => {
    using folder = createTypesFolder();
    folder.writeType('thing', { versions: { 1: {}, '1.0': {} } });
    expect(await pointersOf(folder)).toEqual(['thing/manifest.json#/versions/1.0']);
  });

  it('names the other folder where two claim one type, one GraphQL name or one list', async () => {
    using folder = createTypesFolder();
    folder.writeType('one', { manifest: { type: 'same', graphql: { typeName: 'A', plural: 'as' } } });
    folder.writeType('two', { manifest: { type: 'same', graphql: { typeName: 'A', plural: 'as' } } });
    const faults = await faultsOf([folder.path]);
    expect(faults.map(({ pointer }) => pointer.split('#')[1])).toEqual(['/type', '/graphql/typeName', '/graphql/plural']);
    expect(faults[0]?.message).toContain(`one (${folder.path}/one)`);
  });

  it('has a fault where a file stands in place of a folder', async () => {
    using folder = createTypesFolder();
    folder.write('thing/manifest.json', { type: 'thing', title: 'Thing', current: '1', versions: { 1: {} } });
    folder.write('thing/schemas', 'a file');
    expect(await pointersOf(folder)).toEqual(['thing/schemas/1.json#']);
    const file = folder.write('file', '');
    expect(await faultsOf([file])).toEqual([{ pointer: `${file}#`, message: 'there is no such folder' }]);
  });

  it('has a fault for two hooks files', async () => {
    using folder = createTypesFolder();
    folder.writeType('thing', { hooks: 'export default {};' });
    folder.write('thing/hooks.js', 'export default {};');
    expect(await pointersOf(folder)).toEqual(['thing/hooks.js#']);
  });
});

describe('a JSON Schema outside the subset', () => {
  it.each<[string, JsonObject, string]>([
    ['references', { a: { $ref: '#/x' } }, '/properties/a/$ref'],
    ['a default', { a: { type: 'string', default: 'x' } }, '/properties/a/default'],
    ['an annotation nobody knows', { a: { type: 'string', 'x-mutabel': true } }, '/properties/a/x-mutabel'],
    ['an annotation that is no truth value', { a: { type: 'string', 'x-mutable': 'yes' } }, '/properties/a/x-mutable'],
    ['keywords of another type', { a: { type: 'integer', maxLength: 3 } }, '/properties/a/maxLength'],
    ['several types', { a: { type: ['string', 'null'] } }, '/properties/a/type'],
    ['a pattern that does not compile', { a: { type: 'string', pattern: '(' } }, '/properties/a/pattern'],
    [
      'a pattern deep inside',
      { a: { type: 'object', properties: { 'b/c': { type: 'array', items: { type: 'string', pattern: '[' } } } } },
      '/properties/a/properties/b~1c/items/pattern',
    ],
    ['a format nobody checks', { a: { type: 'string', format: 'colour' } }, '/properties/a/format'],
    ['sorting by a list', { a: { type: 'array', items: { type: 'string' }, 'x-sortable': true } }, '/properties/a/x-sortable'],
    ['filtering by JSON', { a: { type: 'object', 'x-filterable': true } }, '/properties/a/x-filterable'],
    [
      'a mutable property that only hooks write',
      { a: { type: 'string', 'x-mutable': true, 'x-system-written': true } },
      '/properties/a/x-mutable',
    ],
    ['a property named like a prototype', JSON.parse('{"__proto__": {"type": "string"}}') as JsonObject, '/properties/__proto__'],
    ...Object.getOwnPropertyNames(Object.prototype).flatMap((name): [string, JsonObject, string][] => [
      [`a property ${name}`, Object.fromEntries([[name, { type: 'string' }]]), `/properties/${name}`],
      [
        `a nested property ${name}`,
        { a: { type: 'object', properties: Object.fromEntries([[name, { type: 'string' }]]) } },
        `/properties/a/properties/${name}`,
      ],
    ]),
  ])('is refused for %s', async (_, properties, pointer) => {
    using folder = createTypesFolder();
    folder.writeType('thing', { versions: { 1: properties } });
    expect(await pointersOf(folder)).toContain(`thing/schemas/1.json#${pointer}`);
  });

  it.each<[string, JsonObject, string]>([
    ['open', { additionalProperties: true }, '/additionalProperties'],
    ['silent about further properties', { additionalProperties: undefined as unknown as null }, '/additionalProperties'],
    ['with further properties of a shape', { additionalProperties: { type: 'object' } }, '/additionalProperties/type'],
    [
      'with bounds on further properties of any kind',
      { additionalProperties: { maxLength: 3 } },
      '/additionalProperties/maxLength',
    ],
    ['of another draft', { $schema: 'http://json-schema.org/draft-07/schema#' }, '/$schema'],
    ['requiring what is no property', { required: ['b'] }, '/required/0'],
  ])('is refused when it is %s', async (_, more, pointer) => {
    using folder = createTypesFolder();
    folder.writeType('thing');
    folder.write('thing/schemas/1.json', jsonSchema({}, more));
    expect(await pointersOf(folder)).toEqual([`thing/schemas/1.json#${pointer}`]);
  });

  it('is refused when it requires what only hooks write', async () => {
    using folder = createTypesFolder();
    folder.writeType('thing');
    folder.write('thing/schemas/1.json', jsonSchema({ a: { type: 'string', 'x-system-written': true } }, { required: ['a'] }));
    expect(await pointersOf(folder)).toEqual(['thing/schemas/1.json#/required/0']);
  });
});

describe('names in GraphQL', () => {
  it.each([
    ['the property itself', { a_b: { type: 'string' } }, {}, 'a_b'],
    ['what the manifest maps it to', { 'a-b': { type: 'string' } }, { 'a-b': 'aB' }, 'aB'],
  ])('are %s', async (_, properties, fields, expected) => {
    const type = await loadOne({ versions: { 1: properties }, manifest: { graphql: { fields } } });
    expect(type.properties.map(({ field }) => field)).toEqual([expected]);
  });

  it.each([
    ['no GraphQL name', { 'a-b': { type: 'string' } }, '/graphql/fields/a-b'],
    ['one of introspection', { __a: { type: 'string' } }, '/graphql/fields/__a'],
    ['a field every artifact has', { tags: { type: 'string' } }, '/graphql/fields/tags'],
  ])('are refused without a mapping where one is %s', async (_, properties, pointer) => {
    using folder = createTypesFolder();
    folder.writeType('thing', { versions: { 1: properties } });
    expect(await pointersOf(folder)).toEqual([`thing/manifest.json#${pointer}`]);
  });

  it('are refused where two properties would be one field', async () => {
    using folder = createTypesFolder();
    folder.writeType('thing', {
      versions: { 1: { a: { type: 'string' }, 'b!': { type: 'string' } } },
      manifest: { graphql: { fields: { 'b!': 'a' } } },
    });
    expect(await pointersOf(folder)).toEqual(['thing/manifest.json#/graphql/fields/b!']);
  });

  it('follow from the type’s name, in singular and plural', async () => {
    using folder = createTypesFolder();
    for (const name of ['heat-thing', 'policy', 'box', 'day']) folder.writeType(name);
    await using registry = await loadTypes({ folders: [folder.path] });
    expect([...registry.types.values()].map(({ manifest }) => [manifest.graphql.typeName, manifest.graphql.plural])).toEqual([
      ['Box', 'boxes'],
      ['Day', 'days'],
      ['HeatThing', 'heatThings'],
      ['Policy', 'policies'],
    ]);
  });
});

describe('properties over several versions', () => {
  const versions = {
    '1': { size: { type: 'string' }, kept: { type: 'string', enum: ['a'] } },
    '2': {
      size: { type: 'integer', 'x-filterable': true },
      kept: { type: 'string', enum: ['a', 'b'] },
      added: { type: 'boolean' },
    },
  };

  it('must be named for both versions where the kind changed', async () => {
    using folder = createTypesFolder();
    folder.writeType('thing', { versions, manifest: { graphql: { fields: { 'size@2': 'size' } } } });
    expect(await pointersOf(folder)).toEqual(['thing/manifest.json#/graphql/fields/size@1']);
  });

  it('are two fields then, each of its versions', async () => {
    const type = await loadOne({ versions, manifest: { graphql: { fields: { 'size@1': 'sizeText', 'size@2': 'size' } } } });
    expect(type.properties.map(({ name, field, kind, versions: of, required }) => ({ name, field, kind, of, required }))).toEqual(
      [
        { name: 'size', field: 'sizeText', kind: 'string', of: ['1'], required: false },
        { name: 'size', field: 'size', kind: 'integer', of: ['2'], required: false },
        { name: 'kept', field: 'kept', kind: 'string', of: ['1', '2'], required: false },
        { name: 'added', field: 'added', kind: 'boolean', of: ['2'], required: false },
      ],
    );
    expect(type.properties.find(({ name }) => name === 'kept')?.enum).toEqual(['a', 'b']);
    expect(type.current.version).toBe('2');
  });

  it('have the kinds that GraphQL can show, and json for the rest', async () => {
    const type = await loadOne({
      versions: {
        1: {
          s: { type: 'string', format: 'uri' },
          i: { type: 'integer' },
          n: { type: 'number' },
          b: { type: 'boolean' },
          l: { type: 'array', items: { type: 'string' } },
          numbers: { type: 'array', items: { type: 'number' } },
          o: { type: 'object', additionalProperties: false, properties: { x: true } },
          any: {},
        },
      },
    });
    expect(Object.fromEntries(type.properties.map(({ name, kind }) => [name, kind]))).toEqual({
      s: 'string',
      i: 'integer',
      n: 'number',
      b: 'boolean',
      l: 'string-list',
      numbers: 'json',
      o: 'json',
      any: 'json',
    });
  });
});

describe('the digest of a type version', () => {
  const digest = async (options: TypeOptions): Promise<string> => (await loadOne(options)).current.digest;
  const slots = { s: { kind: 'one' } };

  it('changes with JSON Schema, slots and dependency rules, and with nothing else', async () => {
    const plain = await digest({ manifest: { versions: { 1: { slots } } } });
    expect(plain).toMatch(/^[0-9a-f]{64}$/);
    expect(
      await digest({ manifest: { versions: { 1: { draft: true, slots } }, title: 'Other' }, hooks: 'export default {};' }),
    ).toBe(plain);
    const others = [
      await digest({ versions: { 1: { a: { type: 'string' } } }, manifest: { versions: { 1: { slots } } } }),
      await digest({ manifest: { versions: { 1: { slots: { s: { kind: 'one', required: true } } } } } }),
      await digest({ manifest: { versions: { 1: { slots, dependencies: { d: { targets: ['x'] } } } } } }),
    ];
    expect(new Set([plain, ...others]).size).toBe(4);
  });

  it('does not see the order of keys or white space', async () => {
    const read = async (text: string): Promise<string> => {
      using folder = createTypesFolder();
      folder.writeType('thing');
      folder.write('thing/schemas/1.json', text);
      await using registry = await loadTypes({ folders: [folder.path] });
      return registry.get('thing').current.digest;
    };
    const members = Object.entries(jsonSchema({ a: { type: 'string', maxLength: 1 } }));
    const forward = JSON.stringify(Object.fromEntries(members));
    const backward = JSON.stringify(Object.fromEntries(members.toReversed()), null, 4);
    expect(await read(backward)).toBe(await read(forward));
  });
});

describe('the Heat projection of a manifest', () => {
  const slots = { t: { kind: 'one' }, f: { kind: 'map' } };

  it('is the role and slot it names, or none', async () => {
    const manifest = { versions: { 1: { slots } }, projections: { heat: { role: 'environment', slot: 't' } } };
    expect((await loadOne({ manifest })).manifest.projections).toEqual({
      heat: { role: 'environment', slot: 't', environmentFiles: null },
    });
    expect((await loadOne({})).manifest.projections).toEqual({ heat: null });
  });

  it.each([
    ['a slot that is not there', { role: 'template', slot: 'x' }, '/projections/heat/slot'],
    ['a slot of many', { role: 'template', slot: 'f' }, '/projections/heat/slot'],
    ['an unknown role', { role: 'stack', slot: 't' }, '/projections/heat/role'],
  ])('is refused for %s', async (_, heat, pointer) => {
    using folder = createTypesFolder();
    folder.writeType('thing', { manifest: { versions: { 1: { slots } }, projections: { heat } } });
    expect(await pointersOf(folder)).toEqual([`thing/manifest.json#${pointer}`]);
  });
});

describe('the defaults of a manifest', () => {
  it('are those the guide documents', async () => {
    const type = await loadOne({
      manifest: {
        versions: { 1: { slots: { one: { kind: 'one' }, many: { kind: 'map' } }, dependencies: { d: { targets: ['x'] } } } },
      },
    });
    expect(type.current.rule).toEqual({
      draft: false,
      slots: {
        one: { kind: 'one', description: '', required: false, mediaTypes: [], maxBytes: null, maxEntries: 1, text: false },
        many: { kind: 'map', description: '', required: false, mediaTypes: [], maxBytes: null, maxEntries: 1000, text: false },
      },
      dependencies: { d: { description: '', targets: ['x'], min: 0, max: null, singleton: false } },
    });
  });
});
