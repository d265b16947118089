/**
 * A page in an order of several keys, for the orders that have no walk of their own (page-statement.ts): each arm gives its first
 * rows after the marker, whatever index PostgreSQL finds for that, and the page is the first of them.
 */
import type { Order } from '#core/filter.ts';
import { conjunctsOf } from '#core/simplify-filter.ts';
import { type FilterScope, listFilterSql } from './filter-sql.ts';
import { type ListQuery, listArms } from './list-arms.ts';
import { orderKey } from './order-sql.ts';
import { direction } from './page-candidates.ts';
import type { PageReading, PageStatement } from './page-statement.ts';
import type { Viewer } from './visibility-sql.ts';

export interface Sort {
  readonly key: Order['key'] | 'state' | 'sizeBytes' | 'id';
  readonly direction: Order['direction'];
}

interface SortSql {
  /** Over the artifact `a`; never null. */
  readonly sql: string;
  readonly cast: string;
}

/** Missing sizes come first, as other missing values do. */
export function sortSql({ key, direction: way }: Sort): SortSql {
  switch (key) {
    case 'id':
      return { sql: 'a.id', cast: 'uuid' };
    case 'state':
      return { sql: 'a.state', cast: 'text' };
    case 'sizeBytes':
      return { sql: 'coalesce(a.size_bytes, -1)', cast: 'bigint' };
    default: {
      const { sql, cast } = orderKey({ key, direction: way });
      return { sql: sql('a'), cast };
    }
  }
}

/**
 * At most `take` rows after the marker, whose values are those of `sorts` in their order. The last of `sorts` is the id, so that
 * every row has one place.
 */
export function sortedPageStatement(
  query: ListQuery & { readonly sorts: readonly Sort[] },
  viewer: Viewer,
  { take, marker }: { readonly take: number; readonly marker: readonly string[] | null },
  scope: FilterScope,
  reading: PageReading,
): PageStatement {
  const { values } = scope;
  const { arms } = listArms(query, viewer, scope);
  const filter = listFilterSql(conjunctsOf(query.filter), arms, scope);
  const keys = query.sorts.map((sort, index) => ({ ...sortSql(sort), name: `k${index}`, ascending: sort.direction === 'asc' }));
  const after =
    marker === null
      ? ''
      : ` AND ${afterSql(
          keys,
          marker.map((value, index) => values.add(value, keys[index]?.cast ?? 'text')),
        )}`;
  const columns = keys.map(({ sql, name }) => `${sql} AS ${name}`).join(', ');
  const names = keys.map(({ name }) => name).join(', ');
  const within = keys.map(({ sql, ascending }) => `${sql} ${direction(ascending)}`).join(', ');
  const outside = (alias: string): string =>
    keys.map(({ name, ascending }) => `${alias}${name} ${direction(ascending)}`).join(', ');
  const found = arms.map(
    ({ from, where }) => `(SELECT ${columns} FROM ${from} WHERE ${where} AND ${filter}${after} ORDER BY ${within} LIMIT ${take})`,
  );
  const nothing = `SELECT ${keys.map(({ cast, name }) => `NULL::${cast} AS ${name}`).join(', ')} WHERE false`;
  const last = `found.k${keys.length - 1}`;
  const text = `WITH found AS MATERIALIZED (
  SELECT DISTINCT ${names} FROM (${found.join('\n  UNION ALL ') || nothing}) AS u ORDER BY ${outside('')} LIMIT ${take})
SELECT ${reading.columns(last)} FROM found ${reading.join(last, null)} ORDER BY ${outside('found.')}`;
  const finished = values.finish(text);
  return { statement: { text: finished.text }, values: finished.values };
}

interface Key {
  readonly sql: string;
  readonly ascending: boolean;
}

/** What comes after the marker: one comparison of rows where all keys go one way, which an index can begin at. */
function afterSql(keys: readonly Key[], marker: readonly string[]): string {
  const [first] = keys;
  if (first === undefined) return 'true';
  const symbol = (ascending: boolean): string => (ascending ? '>' : '<');
  if (keys.every(({ ascending }) => ascending === first.ascending))
    return `(${keys.map(({ sql }) => sql).join(', ')}) ${symbol(first.ascending)} (${marker.join(', ')})`;
  const cases = keys.map(({ sql, ascending }, index) => {
    const equal = keys.slice(0, index).map((key, place) => `${key.sql} = ${marker[place]}`);
    return `(${[...equal, `${sql} ${symbol(ascending)} ${marker[index]}`].join(' AND ')})`;
  });
  return `(${first.sql} ${symbol(first.ascending)}= ${marker[0]} AND (${cases.join(' OR ')}))`;
}
