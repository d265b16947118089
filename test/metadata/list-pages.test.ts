import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Filter, Order } from '#core/filter.ts';
import { versionKey } from '#core/version.ts';
import { filterSql } from '#metadata/filter-sql.ts';
import { listArtifacts } from '#metadata/list-records.ts';
import { orderKey } from '#metadata/order-sql.ts';
import { ensurePropertyIndexes } from '#metadata/property-indexes.ts';
import { createSqlValues } from '#metadata/sql-values.ts';
import { createTestDatabase, type TestDatabase } from '#test/support/database.ts';

const projects = ['p1', 'p2', 'p3'];
const names = ['alpha', 'alp', 'beta', 'béta', 'gamma%', '', null];
const tags = ['x', 'y', 'z'];
const types = ['image', 'bundle'];
let test: TestDatabase;

beforeAll(async () => {
  test = await createTestDatabase();
  await fillAtRandom(test, 600);
  await ensurePropertyIndexes({
    url: test.url,
    signal: AbortSignal.timeout(30_000),
    types: [
      {
        type: 'image',
        hasExtra: true,
        properties: [
          { name: 'os', kind: 'string', filterable: true, sortable: true },
          { name: 'ram', kind: 'integer', filterable: true, sortable: true },
          // A text in one version of the type, a number in the next.
          { name: 'grade', kind: 'string', filterable: true, sortable: false },
          { name: 'grade', kind: 'integer', filterable: true, sortable: false },
        ],
      },
    ],
  });
});
afterAll(async () => {
  await test[Symbol.asyncDispose]();
});

describe('pages of a list', () => {
  it('give, one after the other and in both directions, exactly the rows of the plain predicate', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          viewer,
          filter: fc.option(filters()),
          order,
          limit: fc.integer({ min: 1, max: 40 }),
          type,
          includeHidden: fc.boolean(),
          few: fc.constantFrom(0, 3, 1000),
        }),
        async (input) => {
          const expected = await plainList(input);
          expect(await pageThrough(input, 'forward', expected.length)).toEqual(expected);
          expect((await pageThrough(input, 'backward', expected.length)).toReversed()).toEqual(expected);
        },
      ),
      { numRuns: 150 },
    );
  }, 240_000);

  it('say truthfully whether rows lie before and after', async () => {
    await fc.assert(
      fc.asyncProperty(viewer, order, fc.integer({ min: 1, max: 30 }), async (by, by2, limit) => {
        const request = { type: null, filter: null, order: by2, includeHidden: false };
        const all = await plainList({ viewer: by, filter: null, order: by2, type: null, includeHidden: false });
        const first = await listArtifacts(test.db, by, request, { limit, direction: 'forward', cursor: null });
        expect(first.hasBefore).toBe(false);
        expect(first.hasMore).toBe(all.length > limit);
        const cursor = first.rows.at(-1)?.cursor;
        if (cursor === undefined) return;
        const next = await listArtifacts(test.db, by, request, { limit, direction: 'forward', cursor });
        expect(next.hasBefore).toBe(true);
        expect(next.rows.length).toBe(Math.max(0, Math.min(limit, all.length - limit)));
        const back = await listArtifacts(test.db, by, request, { limit, direction: 'backward', cursor });
        expect(back.hasMore).toBe(false);
        expect(back.hasBefore).toBe(true);
        expect(back.rows.map(({ artifact }) => artifact.id)).toEqual(all.slice(0, first.rows.length - 1));
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});

describe('a list by a property whose kind changed', () => {
  it.each([
    ['string', 'eq', 'a'],
    ['string', 'in', ['a', 'b']],
    ['integer', 'eq', 1],
    ['integer', 'in', [1, 2]],
    ['integer', 'gte', 2],
    ['integer', 'exists', true],
    ['string', 'exists', true],
  ] as const)('has what holds as %s: %s %j', async (valueKind, operator, value) => {
    const filter: Filter = { kind: 'property', type: 'image', property: 'grade', valueKind, operator, value };
    const order: Order = { key: 'createdAt', direction: 'asc' };
    for (const few of [0, 1000]) {
      const input = { ...{ viewer: { project: 'p1', isAdmin: false }, filter, order, type: 'image' }, includeHidden: false, few };
      const expected = await plainList(input);
      expect(expected.length).toBeGreaterThan(0);
      expect(await pageThrough({ ...input, limit: 10 }, 'forward', expected.length)).toEqual(expected);
    }
  });
});

interface Listing {
  readonly viewer: { readonly project: string; readonly isAdmin: boolean };
  readonly filter: Filter | null;
  readonly order: Order;
  readonly type: string | null;
  readonly includeHidden: boolean;
}

async function pageThrough(
  input: Listing & { readonly limit: number },
  direction: 'forward' | 'backward',
  most: number,
): Promise<string[]> {
  const ids: string[] = [];
  for (let cursor: readonly [string, string] | null = null; ids.length <= most; ) {
    const page = await listArtifacts(test.db, input.viewer, input, { limit: input.limit, direction, cursor });
    const rows = direction === 'forward' ? page.rows : page.rows.toReversed();
    ids.push(...rows.map(({ artifact }) => artifact.id));
    cursor = rows.at(-1)?.cursor ?? null;
    if (!page.hasMore || cursor === null) break;
  }
  return ids;
}

/** The same list by one OR over everything, written apart from the arms. */
async function plainList({ viewer: by, filter, order: by2, type: of, includeHidden }: Listing): Promise<string[]> {
  const values = createSqlValues();
  const project = values.add(by.project, 'text');
  const mentions = (field: string): boolean => JSON.stringify(filter ?? {}).includes(`"field":"${field}"`);
  const named = by.isAdmin ? namedProjects(filter) : [];
  const text = `SELECT a.id FROM artifact a WHERE
    ${of === null ? 'true' : `a.type = ${values.add(of, 'text')}`}
    AND ${mentions('state') ? `a.state <> 'deleted'` : `a.state IN ('active', 'deactivated')`}
    AND ${includeHidden || mentions('hidden') ? 'true' : 'NOT a.hidden'}
    AND (a.project = ${project} OR a.project = ANY(${values.add(named, 'text[]')}) OR (a.state <> 'draft' AND (a.visibility = 'public'
      ${mentions('visibility') && JSON.stringify(filter).includes('community') ? `OR a.visibility = 'community'` : ''}
      OR (a.visibility = 'shared' AND EXISTS (SELECT 1 FROM member m WHERE m.artifact_id = a.id AND m.project = ${project} AND m.status = 'accepted')))))
    AND ${filter === null ? 'true' : filterSql(filter, { values, viewer: { project, isAdmin: values.add(by.isAdmin, 'boolean') } })}
    ORDER BY ${orderKey(by2).sql('a')} ${by2.direction}, a.id ${by2.direction}`;
  const { text: finished, values: list } = values.finish(text);
  return (await test.db.query<{ id: string }>({ text: finished }, list)).map(({ id }) => id);
}

/** What a conjunction fixes the project to: for those an administrator lists everything. */
function namedProjects(filter: Filter | null): string[] {
  const parts = filter?.kind === 'and' ? filter.of : filter === null ? [] : [filter];
  const sets = parts.flatMap((part) =>
    part.kind === 'and'
      ? [namedProjects(part)].filter((set) => set.length > 0)
      : part.kind === 'field' && part.field === 'project' && (part.operator === 'eq' || part.operator === 'in')
        ? [(Array.isArray(part.value) ? part.value : [part.value]).map(String)]
        : [],
  );
  return sets.length === 0 ? [] : sets.reduce((left, right) => left.filter((project) => right.includes(project)));
}

const viewer = fc.record({ project: fc.constantFrom(...projects, 'stranger'), isAdmin: fc.constant(false) });
const type = fc.constantFrom(null, 'image', 'bundle');
const order: fc.Arbitrary<Order> = fc.record({
  key: fc.constantFrom<Order['key']>(
    'createdAt',
    'updatedAt',
    'name',
    'version',
    { property: 'os', valueKind: 'string' },
    { property: 'ram', valueKind: 'integer' },
  ),
  direction: fc.constantFrom('asc', 'desc'),
});

function filters(): fc.Arbitrary<Filter> {
  const field = (name: string, operators: readonly string[], values: readonly unknown[]): fc.Arbitrary<Filter> =>
    fc
      .record({
        operator: fc.constantFrom(...operators),
        value: fc.constantFrom(...values),
        many: fc.uniqueArray(fc.constantFrom(...values)),
      })
      .map(
        ({ operator, value, many }) =>
          ({
            kind: 'field',
            field: name,
            operator,
            value: operator === 'in' ? many : operator === 'exists' ? value !== values[0] : value,
          }) as Filter,
      );
  const compare = ['eq', 'ne', 'in', 'lt', 'lte', 'gt', 'gte', 'prefix', 'exists'];
  const times = ['2026-01-01T00:00:10.000Z', '2026-01-01T00:03:00.000Z', '2026-01-01T00:07:30.500Z'];
  const property = (
    name: string,
    valueKind: string,
    operators: readonly string[],
    values: readonly unknown[],
  ): fc.Arbitrary<Filter> =>
    fc
      .record({
        operator: fc.constantFrom(...operators),
        value: fc.constantFrom(...values),
        many: fc.uniqueArray(fc.constantFrom(...values)),
      })
      .map(
        ({ operator, value, many }) =>
          ({
            kind: 'property',
            type: 'image',
            property: name,
            valueKind,
            operator,
            value: operator === 'in' || operator === 'hasAny' ? many : operator === 'exists' ? value !== values[0] : value,
          }) as Filter,
      );
  const leaf = fc.oneof(
    field('name', compare, ['alp', 'alpha', 'b', 'gamma%', 'béta', '']),
    field('version', ['eq', 'ne', 'in', 'lt', 'lte', 'gt', 'gte', 'exists'], ['1.0.0', '1.2.0', '1.3.0-rc.1', '2.0.0']),
    field('version', ['prefix'], ['1.', '2', '']),
    field('state', ['eq', 'ne', 'in'], ['draft', 'active', 'deactivated', 'deleted']),
    field('visibility', ['eq', 'ne', 'in'], ['private', 'shared', 'public', 'community']),
    field('project', ['eq', 'ne', 'in'], projects),
    field('type', ['eq', 'ne', 'in'], types),
    field('typeVersion', ['eq', 'prefix'], ['1', '2']),
    field('createdAt', ['eq', 'ne', 'in', 'lt', 'lte', 'gt', 'gte'], times),
    field('updatedAt', ['lt', 'gte'], times),
    field('publishedAt', ['lt', 'gte', 'exists'], times),
    field('protected', ['eq', 'ne'], [true, false]),
    field('hidden', ['eq', 'ne'], [true, false]),
    field('deprecated', ['eq', 'ne'], [true, false]),
    field('yanked', ['eq', 'ne'], [true, false]),
    property('os', 'string', compare, ['debian', 'deb', 'fedora', 'a'.repeat(300), 'a'.repeat(200)]),
    property('ram', 'integer', ['eq', 'ne', 'in', 'lt', 'lte', 'gt', 'gte', 'exists'], [0, 3, 5.5, 7]),
    property('free', 'string', compare, ['f1', 'f2', 'f']),
    property('grade', 'string', compare, ['a', 'b']),
    property('grade', 'integer', ['eq', 'ne', 'in', 'lt', 'lte', 'gt', 'gte', 'exists'], [1, 2]),
    fc.record({
      kind: fc.constant('tags' as const),
      operator: fc.constantFrom('all', 'any', 'none'),
      tags: fc.uniqueArray(fc.constantFrom(...tags)),
    }),
    fc.constantFrom('*', '^1', '>=1.3.0-a <2', '1.2.0 || >=2', '<1').map((range) => ({ kind: 'versionRange' as const, range })),
    fc.constant({ kind: 'latest' as const }),
  );
  return fc.letrec<{ tree: Filter }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 2, withCrossShrink: true },
      leaf,
      fc.record({ kind: fc.constantFrom('and', 'or'), of: fc.array(tie('tree'), { minLength: 0, maxLength: 3 }) }),
      fc.record({ kind: fc.constant('not' as const), of: tie('tree') }),
    ),
  })).tree;
}

async function fillAtRandom({ db }: TestDatabase, count: number): Promise<void> {
  const pick = <Value>(values: readonly Value[]): Value => values[Math.floor(Math.random() * values.length)] as Value;
  const versions: (readonly [string, string, string, boolean])[] = [0, 1, 2].flatMap((major) =>
    [0, 1, 2, 3].flatMap((minor) =>
      ['', 'rc.1'].map(
        (pre) =>
          [
            `${major}.${minor}.0${pre === '' ? '' : `-${pre}`}`,
            versionKey(String(major), String(minor), '0', pre === '' ? [] : pre.split('.')),
            `${major}.${minor}.0`,
            pre === '',
          ] as const,
      ),
    ),
  );
  for (let i = 0; i < count; i += 1) {
    const [project, of, name, state] = [
      pick(projects),
      pick(types),
      pick(names),
      pick(['draft', 'active', 'active', 'active', 'deactivated', 'deleted']),
    ];
    const version = name === null || Math.random() < 0.2 ? null : pick(versions);
    if (name !== null)
      await db.query(
        {
          text: `INSERT INTO family (id, project, type, name) VALUES (md5($1 || $2 || $3)::uuid, $1, $2, $3) ON CONFLICT DO NOTHING`,
        },
        [project, of, name],
      );
    await db.query(
      {
        text: `INSERT INTO artifact (id, project, type, type_version, family_id, name, version, version_key, version_core, version_is_release, state,
          visibility, hidden, protected, deprecated_at, yanked_at, properties, tags, created_by, created_at, updated_at, published_at)
        VALUES (gen_random_uuid(), $1, $2, $3, CASE WHEN $4::text IS NULL THEN NULL ELSE md5($1 || $2 || $4)::uuid END, $4, $5, $6, $7, $8, $9, $10, $11, $12,
          CASE WHEN $13 THEN now() END, CASE WHEN $14 THEN now() END, $15, $16, 'test', '2026-01-01Z'::timestamptz + $17 * interval '1 millisecond',
          '2026-01-01Z'::timestamptz + $18 * interval '1 microsecond', CASE WHEN $19 THEN '2026-01-01Z'::timestamptz + $17 * interval '1 millisecond' END)
        ON CONFLICT DO NOTHING`,
      },
      [
        project,
        of,
        pick(['1', '2']),
        name,
        ...(version ?? [null, null, null, null]),
        state,
        pick(['private', 'shared', 'community', 'public']),
        Math.random() < 0.2,
        Math.random() < 0.2,
        Math.random() < 0.3,
        Math.random() < 0.3,
        JSON.stringify({
          ...(Math.random() < 0.8 ? { os: pick(['debian', 'fedora', 'a'.repeat(300), 'a'.repeat(250)]) } : {}),
          ...(Math.random() < 0.8 ? { ram: pick([0, 1, 3, 5, 7]) } : {}),
          ...(Math.random() < 0.8 ? { grade: pick(['a', 'b', 1, 2]) } : {}),
          ...(Math.random() < 0.5 ? { free: pick(['f1', 'f2', 'g']) } : {}),
        }),
        tags.filter(() => Math.random() < 0.4),
        Math.floor(Math.random() * 600) * 1000,
        Math.floor(Math.random() * 1000),
        Math.random() < 0.7,
      ],
    );
  }
  await db.query({
    text: `INSERT INTO member (artifact_id, project, status, type, artifact_created_at)
    SELECT a.id, p, (ARRAY['pending', 'accepted', 'accepted', 'rejected'])[1 + floor(random() * 4)::int], a.type, a.created_at
    FROM artifact a CROSS JOIN unnest(ARRAY['p1', 'p2', 'p3', 'stranger']) AS p WHERE a.visibility = 'shared' AND p <> a.project AND random() < 0.5`,
  });
  await db.query({ text: 'ANALYZE' });
}
