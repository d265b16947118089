import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Json } from '#base/json.ts';
import type { Filter, FilterField, FilterOperator, Order } from '#core/filter.ts';
import type { Sql } from '#metadata/database.ts';
import { countArtifacts } from '#metadata/list-count.ts';
import { type ListRequest, listArtifacts } from '#metadata/list-records.ts';
import { ensurePropertyIndexes } from '#metadata/property-indexes.ts';
import { createTestDatabase, type TestDatabase } from '#test/support/database.ts';
import { indexedTypes } from '#test/support/list-filters.ts';
import { createDataset } from '../../bench/dataset.ts';

const newest: Order = { key: 'createdAt', direction: 'desc' };
const nobody = '00000000-0000-4000-8000-000000000000';
const big = { project: 'big', isAdmin: false };
let test: TestDatabase;

beforeAll(async () => {
  test = await createTestDatabase();
  await fill(test);
}, 180_000);
afterAll(() => test[Symbol.asyncDispose]());

async function fill({ db, url }: TestDatabase): Promise<void> {
  await createDataset(db, { artifacts: 2_000 });
  await ensurePropertyIndexes({ url, types: indexedTypes, signal: AbortSignal.timeout(120_000) });
  await db.query({ text: 'VACUUM (ANALYZE)' });
}

function field(name: FilterField, operator: FilterOperator, value: Json): Filter {
  return { kind: 'field', field: name, operator, value };
}

function and(...of: readonly Filter[]): Filter {
  return { kind: 'and', of };
}

function numbered(count: number, text: string): string[] {
  return Array.from({ length: count }, (_, index) => `${text}${index}`);
}

/** What is asked of a database that is really asked. */
function listening({ db }: TestDatabase): Sql & { readonly reads: Sql; readonly texts: string[]; readonly pipelined: string[] } {
  const texts: string[] = [];
  const pipelined: string[] = [];
  return {
    ...{ texts, pipelined },
    query: (statement, values) => {
      texts.push(statement.text);
      return db.query(statement, values);
    },
    reads: {
      query: (statement, values) => {
        pipelined.push(statement.text);
        return db.reads.query(statement, values);
      },
    },
  };
}

async function idsOf(sql: Sql, filter: Filter | null, changes: Partial<ListRequest> = {}, viewer = big): Promise<string[]> {
  const request = { type: null, filter, order: newest, includeHidden: false, ...changes };
  const page = await listArtifacts(sql, viewer, request, { limit: 100, direction: 'forward', cursor: null });
  return page.rows.map(({ artifact }) => artifact.id);
}

/** Written apart from the arms of lists. */
async function expectedIds(condition: string): Promise<string[]> {
  const text = `SELECT a.id FROM artifact a WHERE a.state IN ('active', 'deactivated') AND NOT a.hidden
    AND (a.project = 'big' OR a.visibility = 'public') AND ${condition} ORDER BY a.created_at DESC, a.id DESC LIMIT 100`;
  const ids = (await test.db.query<{ id: string }>({ text })).map(({ id }) => id);
  expect(ids.length).toBeGreaterThan(0);
  return ids;
}

describe('the statements of a list', () => {
  it.each([false, true])(
    'stay short where many projects, types and values are named, by an administrator: %s',
    async (isAdmin) => {
      const sql = listening(test);
      const viewer = { project: 'big', isAdmin };
      const filter = and(
        field('project', 'in', ['other', 'big', ...numbered(198, 'nobody-')]),
        field('visibility', 'in', ['public', 'community']),
        field('type', 'in', ['image', 'bundle', ...numbered(6, 'type-')]),
        field('name', 'in', ['family-1', 'family-5', ...numbered(6, 'none-')]),
      );
      const condition = `a.project IN ('other', 'big') AND a.visibility IN ('public', 'community') AND a.type IN ('image', 'bundle')
        AND a.name IN ('family-1', 'family-5')`;
      const text = `SELECT a.id FROM artifact a WHERE a.state IN ('active', 'deactivated') AND NOT a.hidden AND ${condition}
        ORDER BY a.created_at DESC, a.id DESC`;
      const expected = (await test.db.query<{ id: string }>({ text })).map(({ id }) => id);
      expect(expected.length).toBeGreaterThan(0);
      expect(await idsOf(sql, filter, {}, viewer)).toEqual(expected.slice(0, 100));
      expect(await countArtifacts(sql, viewer, { type: null, filter, includeHidden: false })).toBe(expected.length);
      expect(Math.max(...sql.texts.map(({ length }) => length))).toBeLessThan(200_000);
    },
  );

  it('stay short where much is asked of what many values find, and few plans are asked for', async () => {
    const sql = listening(test);
    const ranges = Array.from({ length: 97 }, (_, patch): Filter => ({ kind: 'versionRange', range: `>=0.0.${patch} <9` }));
    const filter = and(field('name', 'in', ['family-1', ...numbered(63, 'none-')]), ...ranges);
    expect(await idsOf(sql, filter)).toEqual(await expectedIds(`a.name = 'family-1'`));
    expect(Math.max(...sql.texts.map(({ length }) => length))).toBeLessThan(200_000);
    expect(sql.texts.filter((text) => text.startsWith('EXPLAIN')).length).toBeLessThanOrEqual(8);
  });

  it('are no pipelined reads where no index has the order', async () => {
    const sql = listening(test);
    const order: Order = { key: 'name', direction: 'asc' };
    for (const includeHidden of [false, true]) {
      const request = { type: null, filter: null, order, includeHidden };
      await listArtifacts(sql, big, request, { limit: 25, direction: 'forward', cursor: null });
    }
    expect(sql.pipelined).toHaveLength(1);
  });
});

describe('a condition that no index can be asked about', () => {
  it.each(['a'.repeat(2_046), 'a'.repeat(2_047), 'é'.repeat(1_024)])('finds nothing by a long tag', async (tag) => {
    const tags: Filter = { kind: 'tags', operator: 'any', tags: [tag] };
    for (const filter of [tags, and(field('id', 'eq', nobody), tags)]) expect(await idsOf(test.db, filter)).toEqual([]);
    const either: Filter = { kind: 'tags', operator: 'any', tags: [tag, 'rare'] };
    expect(await idsOf(test.db, and(field('protected', 'eq', false), either))).toEqual(
      await expectedIds(`NOT a.protected AND a.tags @> '{rare}'`),
    );
  });

  it('is everything where it is unlike a text that no value can be', async () => {
    const everything = await expectedIds('true');
    const ofImages = await expectedIds(`a.type = 'image'`);
    const none: Filter = {
      kind: 'property',
      type: 'image',
      property: 'os_distro',
      valueKind: 'string',
      operator: 'eq',
      value: '\0',
    };
    for (const filter of [field('name', 'eq', '\0'), field('name', 'in', ['\0']), none]) {
      expect(await idsOf(test.db, { kind: 'not', of: filter })).toEqual(everything);
      expect(await idsOf(test.db, filter)).toEqual([]);
    }
    expect(await idsOf(test.db, { ...none, operator: 'ne' }, { type: 'image' })).toEqual(ofImages);
  });

  it('finds a list as the one value that it is, and texts that look like an escape', async () => {
    const ids = (await expectedIds(`a.type = 'image' AND a.project = 'big'`)).slice(0, 3);
    for (const [index, ports] of [[1, 2], 'a\\u0000', { deep: 'a\\u0000' }].entries()) {
      const text = `UPDATE artifact SET properties = properties || jsonb_build_object('ports', $2::jsonb) WHERE id = $1`;
      await test.db.query({ text }, [ids[index], JSON.stringify(ports)]);
      const is = (operator: FilterOperator, value: Json): Filter => ({
        ...{ kind: 'property', type: 'image', property: 'ports', valueKind: 'json' },
        ...{ operator, value },
      });
      expect(await idsOf(test.db, is('eq', ports))).toEqual([ids[index]]);
      expect(await idsOf(test.db, is('in', [ports, '\0', { deep: ['\0'] }]))).toEqual([ids[index]]);
    }
  });

  it('finds what is of other types while no tree knows types', async () => {
    await using building = await createTestDatabase();
    await fill(building);
    await building.db.query({ text: 'DROP INDEX IF EXISTS tree_facts' });
    const none: Filter = {
      kind: 'property',
      type: 'image',
      property: 'os_distro',
      valueKind: 'string',
      operator: 'eq',
      value: 'x',
    };
    expect(await idsOf(building.db, { kind: 'not', of: none })).toEqual(await expectedIds('true'));
  });
});
