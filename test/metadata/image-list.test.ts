import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { idOfImageText, imageTextSeparator } from '#core/image-text.ts';
import type { Sql, Statement } from '#metadata/database.ts';
import {
  findMarker,
  type ImageListRequest,
  type ImagePage,
  imagePageStatement,
  listImages,
  listPlainImages,
  type ReadyPage,
  type Sort,
} from '#metadata/image-list-records.ts';
import type { ListQuery } from '#metadata/list-arms.ts';
import { type PlainPageRequest, plainPage } from '#metadata/plain-image-page.ts';
import { ensurePropertyIndexes } from '#metadata/property-indexes.ts';
import type { Viewer } from '#metadata/visibility-sql.ts';
import { prepareImages } from '#ops/prepare-images.ts';
import { readImageFilters } from '#rest/images/image-filters.ts';
import { imageType } from '#rest/images/image-type.ts';
import { createTestDatabase, type TestDatabase } from '#test/support/database.ts';
import { explain, explainShared } from '#test/support/rows-read.ts';
import { loadTypes } from '#types/load-types.ts';
import { createImages, imageFilters, imageProjects } from '../../bench/image-dataset.ts';

const viewers = [...Object.values(imageProjects), 'stranger'].map((project) => ({ project, isAdmin: false }));
const newest: readonly Sort[] = [
  { key: 'createdAt', direction: 'desc' },
  { key: 'id', direction: 'desc' },
];
// Where there are no trees, as on another server than the embedded one, the beginning is not looked at apart.
const matchedByAll =
  process.env['VITRINE_TEST_DATABASE_URL'] === undefined ? ['size_min=1000', 'container_format=bare', 'tag=bench'] : [];
let test: TestDatabase;
let rowsMax: number;

beforeAll(async () => {
  test = await createTestDatabase();
  await fill(test);
  await using registry = await loadTypes({ folders: [join(import.meta.dirname, '../../artifact-types')] });
  const { properties, extraKind } = registry.get('image');
  const types = [{ type: 'image', properties, hasExtra: extraKind !== null }];
  await ensurePropertyIndexes({ url: test.url, types, signal: AbortSignal.timeout(120_000) });
  await test.db.query({ text: 'VACUUM (ANALYZE)' });
  const version = "SELECT current_setting('server_version_num')::int AS number";
  const [server] = await test.db.query<{ readonly number: number }>({ text: version });
  // Older releases of PostgreSQL collect further before they walk.
  rowsMax = (server?.number ?? 0) >= 180_000 ? 450 : 1_000;
}, 180_000);
afterAll(() => test[Symbol.asyncDispose]());

async function fill({ db }: TestDatabase): Promise<void> {
  await db.query({ text: `INSERT INTO store (name, store_id, kind) VALUES ('default', gen_random_uuid(), 'filesystem')` });
  await createImages(db, 10_000);
}

function requestOf(changes: Partial<ImageListRequest> & Partial<ListQuery> = {}): ImageListRequest {
  return {
    ...{ type: 'image', slot: 'data', filter: null, sorts: newest, limit: 25, marker: null },
    ...{ includeHidden: false, includeDrafts: true, everyProject: false },
    ...changes,
  };
}

function plainRequest(after: string | null, limit: number): PlainPageRequest {
  const flags = { includeHidden: false, includeDrafts: true, everyProject: false };
  return { type: 'image', slot: 'data', order: { key: 'createdAt', direction: 'desc' }, limit, after, ...flags };
}

function imagesOf(page: ReadyPage | ImagePage): ImagePage['images'] {
  return 'texts' in page ? page.texts.split(imageTextSeparator) : page.images;
}

function idOf(image: ImagePage['images'][number]): string {
  return typeof image === 'string' ? idOfImageText(image) : image.id;
}

async function markerOf(viewer: Viewer, id: string): Promise<readonly string[] | null> {
  return (await findMarker(test.db, viewer, { id, type: 'image', sorts: newest })) ?? null;
}

describe('the statement of a page of images, among 10,000', () => {
  it('reads little more than the page at any depth, whatever the caller sees', async () => {
    for (const viewer of viewers) {
      let marker: readonly string[] | null = null;
      for (let depth = 0; depth < 4; depth += 1) {
        const { statement, values } = await imagePageStatement(test.db, viewer, requestOf({ marker }));
        const { plan, rowsRead } = await explain(test.db, statement, values);
        expect(plan['Actual Rows']).toBeLessThanOrEqual(26);
        expect(rowsRead, `${viewer.project} ${depth}`).toBeLessThanOrEqual(250);
        const images = imagesOf(await listImages(test.db, viewer, requestOf({ limit: 500, marker })));
        const last = images.at(-1);
        if (last === undefined) break;
        marker = await markerOf(viewer, idOf(last));
      }
    }
  });

  it('reads as little where it finds its marker itself', async () => {
    for (const viewer of viewers) {
      let after: string | null = null;
      for (let depth = 0; depth < 4; depth += 1) {
        const { statement, values } = plainPage(viewer, plainRequest(after, 25));
        const { rowsRead } = await explain(test.db, statement, values);
        expect(rowsRead, `${viewer.project} ${depth}`).toBeLessThanOrEqual(250);
        const images = imagesOf(await listPlainImages(test.db, viewer, plainRequest(after, 500)));
        const marker: readonly string[] | null = after === null ? null : await markerOf(viewer, after);
        expect(images).toEqual(imagesOf(await listImages(test.db, viewer, requestOf({ limit: 500, marker }))));
        const last = images.at(-1);
        if (last === undefined) break;
        after = idOf(last);
      }
    }
  });

  it('is ready text up to its limit, whatever comes after, and nothing behind a marker that is not there', async () => {
    await using own = await createTestDatabase();
    await own.db.query({ text: `INSERT INTO store (name, store_id, kind) VALUES ('default', gen_random_uuid(), 'filesystem')` });
    await createImages(own.db, 10);
    const run = { signal: AbortSignal.timeout(60_000), progress: () => Promise.resolve() };
    await prepareImages({ db: own.db, settings: { imageType } }, {}, run);
    const [viewer] = viewers;
    if (viewer === undefined) throw new Error('nobody looks');
    const whole = await listPlainImages(own.db, viewer, plainRequest(null, 20));
    const lines = imagesOf(whole).map(String);
    expect(whole).toEqual({ texts: lines.join(imageTextSeparator), last: undefined });
    const third = idOf(lines[2] ?? '');
    await own.db.query({ text: 'DELETE FROM image_text WHERE artifact_id = $1' }, [third]);
    const ready = { texts: lines.slice(0, 2).join(imageTextSeparator), last: lines[1] };
    expect(await listPlainImages(own.db, viewer, plainRequest(null, 2))).toEqual(ready);
    const mixed = await listPlainImages(own.db, viewer, plainRequest(null, 3));
    expect(imagesOf(mixed)).toEqual([...lines.slice(0, 2), expect.objectContaining({ id: third })]);
    expect(mixed).toHaveProperty('hasMore', true);
    // Behind the last there is a page, without an image; behind nothing there is none: both are empty.
    for (const after of [idOf(lines.at(-1) ?? ''), '00000000-0000-0000-0000-000000000000'])
      expect(await listPlainImages(own.db, viewer, plainRequest(after, 2))).toEqual({ images: [], hasMore: false });
  });

  it('is the same without a filter whatever indexes there are, so that a text once made is right for good', async () => {
    await using bare = await createTestDatabase();
    for (const viewer of viewers) {
      const [before, after] = await Promise.all([bare, test].map(({ db }) => imagePageStatement(db, viewer, requestOf())));
      expect(after).toEqual(before);
    }
  });

  it('asks once, not with each page, what the planner expects of a condition', async () => {
    const asked: string[] = [];
    const counting: Sql = {
      query: (statement, values) => {
        asked.push(statement.text);
        return test.db.query(statement, values);
      },
    };
    for (const query of ['free=f5', 'free=f5', 'free=f6']) {
      const { filter } = readImageFilters(new URLSearchParams(query), 'big');
      await imagePageStatement(counting, { project: 'big', isAdmin: false }, requestOf({ filter }));
    }
    expect(asked.filter((text) => text.startsWith('EXPLAIN'))).toHaveLength(2);
  });

  it('keeps plans of the limits that clients have, not of any number that a caller thinks of', async () => {
    const kept: string[] = [];
    const watched = {
      query: test.db.query,
      reads: test.db.reads,
      lists: {
        query: <Row extends object>({ name, text }: Statement, values?: readonly unknown[]) => {
          kept.push(name ?? '');
          return test.db.lists.query<Row>(name === undefined ? { text } : { name, text }, values);
        },
      },
    };
    const { filter } = readImageFilters(new URLSearchParams('name=none'), 'big');
    for (const limit of [3, 25, 26]) await listImages(watched, { project: 'big', isAdmin: false }, requestOf({ filter, limit }));
    expect(kept).toEqual([expect.stringMatching(/^image-list /)]);
  });

  it('is as short for an administrator, who sees every project', async () => {
    const viewer = { project: 'ops', isAdmin: true };
    const { statement, values } = await imagePageStatement(test.db, viewer, requestOf({ everyProject: true }));
    expect((await explain(test.db, statement, values)).rowsRead).toBeLessThanOrEqual(250);
  });

  it.each(['asc', 'desc'] as const)('is as short by size, %s, where all of one size are many', async (direction) => {
    const sorts = (['sizeBytes', 'createdAt', 'id'] as const).map((key): Sort => ({ key, direction }));
    for (const viewer of viewers) {
      let marker: readonly string[] | null = null;
      for (let depth = 0; depth < 3; depth += 1) {
        const { statement, values } = await imagePageStatement(test.db, viewer, requestOf({ sorts, marker }));
        const { plan, rowsRead } = await explain(test.db, statement, values);
        expect(plan['Actual Rows']).toBeLessThanOrEqual(26);
        expect(rowsRead, `${viewer.project} ${depth}`).toBeLessThanOrEqual(250);
        const last = imagesOf(await listImages(test.db, viewer, requestOf({ sorts, limit: 500, marker }))).at(-1);
        if (last === undefined) break;
        marker = (await findMarker(test.db, viewer, { id: idOf(last), type: 'image', sorts })) ?? null;
      }
    }
  });

  it('walks what is hidden past no tombstone, for an administrator too', async () => {
    await using other = await createTestDatabase();
    await fill(other);
    // Of what was ever hidden little is left, and that is the oldest.
    const text = `UPDATE artifact SET hidden = true, state = CASE WHEN created_at < '2026-01-01T00:30:00Z' THEN 'active' ELSE 'deleted' END
      WHERE created_at < '2026-01-01T00:30:00Z' OR get_byte(uuid_send(id), 0) % 4 = 0`;
    await other.db.query({ text });
    await other.db.query({ text: 'VACUUM (ANALYZE)' });
    const { filter } = readImageFilters(new URLSearchParams('os_hidden=true'), 'big');
    for (const isAdmin of [false, true]) {
      const request = requestOf({ filter, everyProject: isAdmin });
      const { statement, values } = await imagePageStatement(other.db, { project: 'big', isAdmin }, request);
      const { plan, rowsRead } = await explain(other.db, statement, values);
      expect(plan['Actual Rows']).toBe(26);
      expect(rowsRead).toBeLessThanOrEqual(450);
    }
  });

  it.each(imageFilters)('reads few rows and gives at most first + 1: %s', async (query) => {
    for (const viewer of viewers) {
      const { filter, memberStatuses } = readImageFilters(new URLSearchParams(query), viewer.project);
      const request = requestOf({ filter, memberStatuses });
      const { statement, values } = await imagePageStatement(test.db, viewer, request);
      const { plan, rowsRead } = await explain(test.db, statement, values);
      expect(plan['Actual Rows']).toBeLessThanOrEqual(26);
      expect(rowsRead, viewer.project).toBeLessThanOrEqual(rowsMax);
    }
  });

  it.each(imageFilters)('gives the very rows that the plain order of all gives: %s', async (query) => {
    for (const viewer of viewers) {
      const { filter, memberStatuses } = readImageFilters(new URLSearchParams(query), viewer.project);
      const images = imagesOf(await listImages(test.db, viewer, requestOf({ filter, memberStatuses, limit: 40 })));
      // An order without a walk of its own is found by other statements.
      const sorts: readonly Sort[] = [...newest.slice(0, 1), { key: 'name', direction: 'asc' }, ...newest.slice(1)];
      const sorted = await listImages(test.db, viewer, requestOf({ filter, memberStatuses, sorts, limit: 40 }));
      expect(images).toEqual(imagesOf(sorted));
    }
  });

  it.each(matchedByAll)('lies in the beginning of the list, where everything matches: %s', async (query) => {
    const { filter } = readImageFilters(new URLSearchParams(query), 'big');
    const { statement, values } = await imagePageStatement(test.db, { project: 'big', isAdmin: false }, requestOf({ filter }));
    expect((await explain(test.db, statement, values)).rowsRead).toBeLessThanOrEqual(100);
  });

  it.each(['size_min=1000', 'size_min=1008', 'size_min=1032', 'size_max=1032', 'free=f5'])(
    'gives page after page what the plain order gives, whether the beginning is enough or not: %s',
    async (query) => {
      for (const viewer of viewers) {
        const { filter } = readImageFilters(new URLSearchParams(query), viewer.project);
        const whole = imagesOf(await listImages(test.db, viewer, requestOf({ limit: 200 })));
        const filtered = imagesOf(await listImages(test.db, viewer, requestOf({ filter, limit: 200 }))).map(idOf);
        let marker: readonly string[] | null = null;
        const paged: string[] = [];
        for (let depth = 0; depth < 8; depth += 1) {
          const page = imagesOf(await listImages(test.db, viewer, requestOf({ filter, limit: 25, marker }))).map(idOf);
          paged.push(...page);
          if (page.length < 25) break;
          marker = await markerOf(viewer, page.at(-1) ?? '');
        }
        expect(paged).toEqual(filtered.slice(0, 200));
        const known = new Set(filtered);
        const kept = whole.map(idOf).filter((id) => known.has(id));
        expect(filtered.slice(0, kept.length)).toEqual(kept);
      }
    },
  );

  it('reads no memberships that have nothing to do with the filter, however many there are', async () => {
    await using other = await createTestDatabase();
    await fill(other);
    for (const text of [
      `UPDATE artifact SET visibility = 'shared' WHERE created_at < '2026-01-01T10:00:00Z'`,
      `INSERT INTO member (artifact_id, project, status, type, artifact_created_at)
        SELECT id, 'guest', 'accepted', type, created_at FROM artifact WHERE visibility = 'shared'`,
      // Most projects have few, so that few are what the planner expects.
      `INSERT INTO member (artifact_id, project, status, type, artifact_created_at)
        SELECT artifact_id, 'guest-' || n, status, type, artifact_created_at
        FROM (SELECT *, row_number() OVER () AS n FROM member WHERE project = 'guest' LIMIT 500) AS m`,
      'VACUUM (ANALYZE)',
    ])
      await other.db.query({ text });
    const viewer = { project: 'guest', isAdmin: false };
    const { filter } = readImageFilters(new URLSearchParams('updated_at=lt:2026-01-01T00:03:00Z'), 'guest');
    const { statement, values } = await imagePageStatement(other.db, viewer, requestOf({ filter }));
    expect((await explainShared(other.db, statement, values)).rowsRead).toBeLessThanOrEqual(450);
  });

  it.each(matchedByAll)('is empty, and no error, where the filter leaves nothing that could be listed: %s', async (query) => {
    const viewer = { project: 'stranger', isAdmin: false };
    const { filter } = readImageFilters(new URLSearchParams(`owner=big&visibility=private&${query}`), 'stranger');
    expect(imagesOf(await listImages(test.db, viewer, requestOf({ filter })))).toEqual([]);
  });
});
