import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { propertiesInTree, propertyInTree } from '#metadata/order-trees.ts';
import { createTestDatabase, type TestDatabase } from '#test/support/database.ts';

let test: TestDatabase;

beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test[Symbol.asyncDispose]());

async function matches(properties: object, name: string, ...values: readonly string[]): Promise<boolean> {
  const places = values.map((_, index) => `$${index + 3}::text`);
  const text = `SELECT ${propertyInTree('a.', '$2::text', places)} AS found FROM (SELECT $1::jsonb AS properties) AS a`;
  const [row] = await test.db.query<{ readonly found: boolean }>({ text }, [JSON.stringify(properties), name, ...values]);
  return row?.found === true;
}

describe('the words of all properties', () => {
  it('are those of each name with its value, as text', async () => {
    const properties = { distro: 'debian', signed: true, size: 12, nested: { a: 'b' } };
    expect(await matches(properties, 'distro', 'debian')).toBe(true);
    expect(await matches(properties, 'signed', 'true')).toBe(true);
    expect(await matches(properties, 'size', '12')).toBe(true);
    expect(await matches(properties, 'distro', 'fedora')).toBe(false);
    expect(await matches(properties, 'other', 'debian')).toBe(false);
    expect(await matches(properties, 'a', 'b')).toBe(false);
  });

  it('match where one of several values does', async () => {
    expect(await matches({ distro: 'debian' }, 'distro', 'fedora', 'debian')).toBe(true);
    expect(await matches({ distro: 'debian' }, 'distro', 'fedora', 'ubuntu')).toBe(false);
  });

  it('are there for any text, however long, and whatever is in it', async () => {
    for (const value of ['', ' ', "it's", '\\', 'a & !b | (c:*)', '🌍', 'x'.repeat(1_000_000)])
      expect(await matches({ [value.slice(0, 10)]: value }, value.slice(0, 10), value)).toBe(true);
  });

  it('are none where nothing is, or null', async () => {
    const text = `SELECT ${propertiesInTree('a.')} = '' AS none FROM (SELECT $1::jsonb AS properties) AS a`;
    for (const properties of ['{}', '{"a": null}']) expect(await test.db.query({ text }, [properties])).toEqual([{ none: true }]);
  });
});
