import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Artifact } from '#core/artifact.ts';
import type { Filter, FilterField, FilterOperator, Order, PageRequest } from '#core/filter.ts';
import type { OpContext } from '#ops/context.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { deleteArtifact } from '#ops/delete-artifact.ts';
import { type ListArtifactsInput, listArtifacts } from '#ops/list-artifacts.ts';
import { updateArtifact } from '#ops/update-artifact.ts';
import { actAs, createTestNode, type Node, outcome, publishKit } from '#test/support/operations.ts';

let node: Node;
let own: OpContext;
let other: OpContext;
let stranger: OpContext;
const kits: Artifact[] = [];
const newest: Order = { key: 'createdAt', direction: 'desc' };

beforeAll(async () => {
  node = await createTestNode();
  own = actAs(node.services, 'own');
  other = actAs(node.services, 'other');
  stranger = actAs(node.services, 'stranger');
  for (let i = 0; i < 7; i += 1)
    kits.push(await publishKit(own, { name: `kit-${i}`, tags: [`t${i % 2}`, 'all'], properties: { title: `T${i}` } }));
});
afterAll(() => node[Symbol.asyncDispose]());

function list(context: OpContext, page: PageRequest, input: Partial<ListArtifactsInput> = {}) {
  return listArtifacts(context, { type: null, filter: null, orderBy: newest, page, ...input });
}

async function names(context: OpContext, input: Partial<ListArtifactsInput> = {}): Promise<(string | null)[]> {
  const page = await list(context, { first: 50 }, input);
  // Of whatever list: the count is that of its rows.
  expect(await page.countAll()).toBe(page.edges.length);
  return page.edges.map(({ node: found }) => found.name);
}

function field(name: FilterField, operator: FilterOperator, value: Extract<Filter, { kind: 'field' }>['value']): Filter {
  return { kind: 'field', field: name, operator, value };
}

describe('the count of a list', () => {
  it('is of all its rows, whatever the page', async () => {
    const filter: Filter = { kind: 'tags', operator: 'all', tags: ['t0'] };
    const page = await list(own, { first: 2 }, { filter });
    expect([page.edges.length, await page.countAll()]).toEqual([2, 4]);
    const after = page.edges[1]?.cursor;
    expect(await (await list(own, { first: 2, after }, { filter })).countAll()).toBe(4);
    expect(await (await list(stranger, { first: 2 }, { filter })).countAll()).toBe(0);
  });
});

describe('cursors', () => {
  it('go on where the page ended, in both directions, also when the row they name is gone', async () => {
    const draft = await createArtifact(own, { type: 'kit', name: 'short-lived' });
    const filter = field('state', 'in', ['draft', 'active']);
    const first = await list(own, { first: 1 }, { filter });
    expect(first.edges.map(({ node: found }) => found.id)).toEqual([draft.id]);
    await deleteArtifact(own, { id: draft.id });
    const after = first.edges[0]?.cursor;
    const next = await list(own, { first: 3, after }, { filter });
    expect(next.edges.map(({ node: found }) => found.name)).toEqual(['kit-6', 'kit-5', 'kit-4']);
    expect(next).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
    const before = next.edges[2]?.cursor;
    const back = await list(own, { last: 2, before }, { filter });
    expect(back.edges.map(({ node: found }) => found.name)).toEqual(['kit-6', 'kit-5']);
    expect(back).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
    const nothing = await list(own, { last: 5, before: next.edges[0]?.cursor }, { filter });
    expect(nothing).toMatchObject({ edges: [], hasNextPage: true, hasPreviousPage: false });
  });

  it('are refused by any other list, and when they were touched', async () => {
    const after = (await list(own, { first: 1 })).edges[0]?.cursor ?? '';
    const lists: Partial<ListArtifactsInput>[] = [
      { type: 'kit' },
      { filter: field('name', 'eq', 'kit-1') },
      { orderBy: { key: 'createdAt', direction: 'asc' } },
      { orderBy: { key: 'name', direction: 'desc' } },
      { includeHidden: true },
    ];
    for (const input of lists) expect(await outcome(list(own, { first: 1, after }, input))).toBe('CURSOR_INVALID');
    for (const text of ['', 'x', `${after}A`, after.slice(1), after.toUpperCase()]) {
      expect(await outcome(list(own, { first: 1, after: text }))).toBe('CURSOR_INVALID');
    }
    expect(await outcome(list(own, { first: 1, after }))).toBe('ok');
  });

  it('need exactly one of first and last, within the limit', async () => {
    for (const page of [{}, { first: 1, last: 1 }, { first: -1 }, { first: 101 }, { first: 1, before: 'x' }]) {
      expect(await outcome(list(own, page))).toBe('INPUT_INVALID');
    }
    expect(await list(own, { first: 0 })).toMatchObject({ edges: [], hasNextPage: true, hasPreviousPage: false });
  });
});

describe('what is listed', () => {
  it('is the own, without drafts, hidden and deleted ones unless asked for, and nothing of a stranger', async () => {
    const hidden = await publishKit(own, { name: 'hidden' });
    await updateArtifact(own, { id: hidden.id, hidden: true });
    await createArtifact(own, { type: 'kit', name: 'a-draft' });
    expect(await names(own)).not.toContain('hidden');
    expect(await names(own)).not.toContain('a-draft');
    expect(await names(own, { includeHidden: true })).toContain('hidden');
    expect(await names(own, { filter: field('hidden', 'eq', true) })).toEqual(['hidden']);
    expect(await names(own, { filter: field('state', 'eq', 'draft') })).toEqual(['a-draft']);
    expect(await names(own, { filter: field('state', 'eq', 'deleted') })).toEqual([]);
    expect(await names(stranger)).toEqual([]);
    expect(await names(stranger, { includeHidden: true, filter: { kind: 'not', of: field('state', 'eq', 'x') } })).toEqual([]);
  });

  it('has community artifacts only where the filter names them, and everything of a named project for administrators', async () => {
    await publishKit(other, { name: 'for-all', visibility: 'community' });
    await publishKit(other, { name: 'for-none' });
    expect(await names(stranger)).toEqual([]);
    expect(await names(stranger, { filter: field('visibility', 'eq', 'community') })).toEqual(['for-all']);
    const admin = actAs(node.services, 'stranger', 'admin');
    expect(await names(admin)).toEqual([]);
    expect(await names(admin, { filter: field('project', 'eq', 'other') })).toEqual(['for-none', 'for-all']);
    expect(await names(stranger, { filter: field('project', 'eq', 'other') })).toEqual([]);
  });
});

describe('filters', () => {
  it('narrow by tags, properties, versions and logic', async () => {
    const title = (operator: FilterOperator, value: string): Filter => ({
      ...{ kind: 'property', type: 'kit', property: 'title', valueKind: 'string', operator, value },
    });
    expect(await names(own, { filter: { kind: 'tags', operator: 'all', tags: ['all', 't1'] } })).toEqual([
      'kit-5',
      'kit-3',
      'kit-1',
    ]);
    expect(await names(own, { filter: title('eq', 'T3') })).toEqual(['kit-3']);
    expect(await names(own, { filter: { kind: 'or', of: [title('eq', 'T3'), field('name', 'eq', 'kit-0')] } })).toEqual([
      'kit-3',
      'kit-0',
    ]);
    expect(await names(own, { filter: { kind: 'and', of: [title('prefix', 'T'), field('name', 'gte', 'kit-5')] } })).toEqual([
      'kit-6',
      'kit-5',
    ]);
    expect(await names(own, { filter: { kind: 'versionRange', range: '>=2' } })).toEqual([]);
    expect(
      await names(own, { type: 'kit', orderBy: { key: 'name', direction: 'asc' }, filter: field('name', 'prefix', 'kit-') }),
    ).toEqual(kits.map(({ name }) => name));
  });

  it('take no wildcard, quote or control character for anything but itself', async () => {
    for (const text of [
      'kit-%',
      'kit-_',
      `kit-'`,
      '\\',
      '$1',
      'kit-\u0000',
      '\ud800',
      '\u{10ffff}',
      `'; DROP TABLE artifact; --`,
    ]) {
      for (const operator of ['eq', 'prefix'] as const) {
        expect(await names(own, { filter: field('name', operator, text) })).toEqual([]);
        const filter: Filter = {
          ...{ kind: 'property', type: 'kit', property: text, valueKind: 'string', operator, value: text },
        };
        expect(await names(own, { filter })).toEqual([]);
      }
      expect(await names(own, { filter: { kind: 'tags', operator: 'any', tags: [text] } })).toEqual([]);
    }
  });

  it('are refused when they mean nothing or ask for too much', async () => {
    const deep = Array.from({ length: 12 }).reduce<Filter>((of) => ({ kind: 'not', of }), field('name', 'eq', 'x'));
    const wide: Filter = { kind: 'or', of: Array.from({ length: 101 }, () => field('name', 'eq', 'x')) };
    const manySets: Filter = { kind: 'versionRange', range: Array.from({ length: 51 }, (_, major) => `^${major}`).join(' || ') };
    const manyDays = Array.from({ length: 200 }, (_, day) => new Date(day * 86_400_000).toISOString());
    const manyDates: Filter = { kind: 'and', of: Array.from({ length: 99 }, () => field('createdAt', 'in', manyDays)) };
    const codes = await Promise.all(
      [
        ...[{ kind: 'and', of: [manySets, manySets] } as const, manyDates],
        ...[deep, wide, field('name', 'in', Array.from({ length: 201 }, String))],
        ...[field('name', 'eq', 1), field('name', 'has', 'x'), field('createdAt', 'gt', 'yesterday')],
        ...[field('version', 'eq', 'v1'), { kind: 'versionRange', range: 'not a range' } as const],
      ].map((filter) => outcome(list(own, { first: 1 }, { filter }))),
    );
    expect(codes).toEqual([
      ...['QUERY_TOO_COMPLEX', 'QUERY_TOO_COMPLEX', 'QUERY_TOO_COMPLEX', 'QUERY_TOO_COMPLEX', 'QUERY_TOO_COMPLEX'],
      ...['INPUT_INVALID', 'INPUT_INVALID', 'INPUT_INVALID', 'VERSION_INVALID', 'RANGE_INVALID'],
    ]);
    expect(await outcome(list(own, { first: 1 }, { filter: manySets }))).toBe('ok');
    expect(await outcome(list(own, { first: 1 }, { type: 'nothing' }))).toBe('TYPE_UNKNOWN');
  });
});

// The last, because everybody lists what is public.
describe('the latest of each family', () => {
  it('is for administrators of what they have listed: all versions of a named project, others by visibility', async () => {
    const owner = actAs(node.services, 'ladder');
    const publisher = actAs(node.services, 'ladder', 'admin');
    const admin = actAs(node.services, 'staff', 'admin');
    await publishKit(publisher, { name: 'rung', version: '1.0.0', visibility: 'public' });
    await publishKit(owner, { name: 'rung', version: '2.0.0', visibility: 'private' });
    const latest = async (context: OpContext, ...more: Filter[]) => {
      const filter: Filter = { kind: 'and', of: [{ kind: 'latest' }, field('name', 'eq', 'rung'), ...more] };
      const page = await list(context, { first: 5 }, { filter });
      expect(await page.countAll()).toBe(page.edges.length);
      return page.edges.map(({ node: found }) => found.version);
    };
    expect(await latest(stranger)).toEqual(['1.0.0']);
    expect(await latest(owner)).toEqual(['2.0.0']);
    expect(await latest(admin)).toEqual(['1.0.0']);
    expect(await latest(admin, field('project', 'eq', 'ladder'))).toEqual(['2.0.0']);
  });
});
