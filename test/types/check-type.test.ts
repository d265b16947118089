import { describe, expect, it } from 'vitest';
import type { Json } from '#base/json.ts';
import { checkType } from '#types/check-type.ts';
import { createTypesFolder } from './type-folder.ts';

const hooks = `import { fault } from 'vitrine/sdk';
export default {
  validate: ({ properties }) => (properties.a === 'hook' ? [fault('/properties/a', 'no')] : []),
  inspectBlob: (blob) => (blob.path === 'bad' ? [fault('/slots/s/bad', 'no')] : []),
  derive: ({ blobs }) => ({ n: blobs.length }),
  beforePublish: ({ properties }) => (properties.n > 2 ? [fault('/properties/n', 'too many')] : []),
};`;

/** What the kit finds of one fixture of a type with all four hooks. */
async function problemOf(name: string, fixture: Json): Promise<string | null | undefined> {
  using folder = createTypesFolder();
  const path = folder.writeType('thing', {
    manifest: {
      versions: {
        1: { slots: { s: { kind: 'map', maxEntries: 4, maxBytes: 10 } }, dependencies: { d: { targets: ['thing'], max: 1 } } },
      },
    },
    versions: { 1: { a: { type: 'string' }, n: { type: 'integer', 'x-system-written': true } } },
    hooks,
  });
  folder.write('thing/fixtures/data/x/y.txt', 'abc');
  folder.write(`thing/fixtures/${name}`, fixture);
  const { fixtures } = await checkType(path);
  return fixtures.find((result) => result.name === name)?.problem;
}

const text = (content: string) => ({ text: content });

describe('the conformance kit', () => {
  it.each<[string, Json]>([
    ['valid-a.json', { properties: { a: 'x' }, slots: { s: { 'p/q': text('1'), b: { base64: 'AAE=' } } }, derived: { n: 2 } }],
    ['valid-folder.json', { slots: { s: 'data/' }, derived: { n: 1 } }],
    [
      'valid-file.json',
      { slots: { s: { f: { file: 'data/x/y.txt' } } }, dependencies: [{ slot: 'd', alias: 'x', targetType: 'thing' }] },
    ],
    ['invalid-schema.json', { properties: { a: 1, b: 1 }, faults: ['/properties/b', '/properties/a'] }],
    ['invalid-hook.json', { properties: { a: 'hook' }, faults: ['/properties/a'] }],
    ['invalid-blob.json', { slots: { s: { bad: text('1'), good: text('1') } }, faults: ['/slots/s/bad'] }],
    ['invalid-derived.json', { slots: { s: { a: text(''), b: text(''), c: text('') } }, faults: ['/properties/n'] }],
    ['invalid-size.json', { slots: { s: { 'a/b': text('12345678901') } }, faults: ['/slots/s/a~1b'] }],
    [
      'invalid-count.json',
      { slots: { s: { a: text(''), b: text(''), c: text(''), d: text(''), e: text('') } }, faults: ['/slots/s'] },
    ],
    ['invalid-link.json', { dependencies: [{ slot: 'd', alias: 'x', targetType: 'other' }], faults: ['/dependencies/x'] }],
    [
      'invalid-links.json',
      {
        dependencies: [
          { slot: 'd', alias: 'x' },
          { slot: 'd', alias: 'y' },
          { slot: 'e', alias: 'z' },
        ],
        faults: ['/dependencies', '/dependencies/z'],
      },
    ],
  ])('is content with %s when the type treats it so', async (name, fixture) => {
    expect(await problemOf(name, fixture)).toBeNull();
  });

  it.each<[string, Json, string]>([
    ['valid-a.json', { properties: { a: 1 } }, 'should be accepted: /properties/a must be string'],
    ['valid-a.json', { derived: { n: 1 } }, 'derives {"n":0}'],
    ['invalid-a.json', { faults: ['/properties/a'] }, 'has faults at []'],
    [
      'invalid-a.json',
      { properties: { a: 1, b: 1 }, faults: ['/properties/a'] },
      'has faults at ["/properties/a","/properties/b"]',
    ],
    ['invalid-a.json', { properties: { a: 1 } }, 'lists no "faults"'],
    ['other.json', {}, 'is named neither'],
    ['valid-a.json', [], 'is not a JSON object'],
    ['valid-a.json', { typeVersion: '9' }, 'the type has no version 9'],
    ['valid-a.json', { slots: { s: { a: { file: 'lost.txt' } } } }, 'ENOENT'],
  ])('is not content with %s %j', async (name, fixture, expected) => {
    expect(await problemOf(name, fixture)).toContain(expected);
  });

  it('asks for a README and for good and bad fixtures', async () => {
    using folder = createTypesFolder();
    const path = folder.writeType('thing');
    const { ok, type, faults } = await checkType(path);
    expect({ ok, type }).toEqual({ ok: false, type: 'thing' });
    expect(faults.map(({ pointer, message }) => `${pointer.replace(path, '')} ${message}`)).toEqual([
      '/README.md# is missing',
      '/fixtures# has no valid-*.json',
      '/fixtures# has no invalid-*.json',
    ]);
  });

  it('reports why a folder does not load, or that it is none', async () => {
    using folder = createTypesFolder();
    const path = folder.writeType('thing', { manifest: { current: '2' } });
    expect(await checkType(path)).toMatchObject({
      ok: false,
      type: null,
      faults: [{ pointer: `${path}/manifest.json#/current` }],
    });
    expect(await checkType(folder.path)).toMatchObject({
      ok: false,
      type: null,
      faults: [{ pointer: `${folder.path}/manifest.json#` }],
    });
  });
});
