/** What a list can be ordered by, as SQL. Ties fall to the id, so that every row has one place. */
import { AppError } from '#base/app-error.ts';
import type { Filter, Order } from '#core/filter.ts';
import { parseRange } from '#core/range.ts';
import { compareText, compareTime, type Operator } from './compare-sql.ts';
import { rangeBoundsSql, versionKeys } from './filter-sql.ts';
import { propertyOrder } from './property-sql.ts';
import type { SqlValues } from './sql-values.ts';

export interface OrderKey {
  /** The expression over the artifact under `alias`; never null. */
  readonly sql: (alias: string) => string;
  /** The expression over an accepted membership, where it has a copy. */
  readonly memberSql: string | null;
  readonly cast: 'timestamptz' | 'text' | 'numeric';
  /** Distinguishes statements of different orders in their names. */
  readonly label: string;
}

/** @throws AppError INPUT_INVALID for a property that has no order */
export function orderKey({ key }: Order): OrderKey {
  switch (key) {
    case 'createdAt':
      return {
        sql: (alias) => `${alias}.created_at`,
        memberSql: 'm.artifact_created_at',
        cast: 'timestamptz',
        label: 'created',
      };
    case 'updatedAt':
      return { sql: (alias) => `${alias}.updated_at`, memberSql: null, cast: 'timestamptz', label: 'updated' };
    case 'name':
      return { sql: (alias) => `coalesce(${alias}.name, '')`, memberSql: null, cast: 'text', label: 'name' };
    case 'version':
      return { sql: (alias) => `coalesce(${alias}.version_key, '')`, memberSql: null, cast: 'text', label: 'version' };
    default: {
      const { property, valueKind } = key;
      const order = propertyOrder('a', property, valueKind);
      if (order === undefined) {
        throw new AppError('INPUT_INVALID', `A list cannot be ordered by the property ${property}: it is a ${valueKind}.`);
      }
      return {
        sql: (alias) => propertyOrder(alias, property, valueKind)?.sql ?? order.sql,
        memberSql: null,
        cast: order.cast === 'numeric' ? 'numeric' : 'text',
        label: `property:${property}`,
      };
    }
  }
}

const intervals: ReadonlySet<Operator> = new Set(['eq', 'lt', 'lte', 'gt', 'gte', 'prefix']);

/**
 * A condition on what the list is ordered by bounds its walk: no other way is needed to find the matches. Undefined where the
 * matches are no single stretch of the order; what it gives is necessary for the condition, not always enough.
 */
export function orderBoundSql(part: Filter, { key }: Order, values: SqlValues): string | undefined {
  if (part.kind === 'versionRange') {
    const [set, ...more] = key === 'version' ? parseRange(part.range).sets : [];
    if (set === undefined || more.length > 0) return undefined;
    return rangeBoundsSql(`coalesce(a.version_key, '')`, set, values).join(' AND ');
  }
  if (part.kind !== 'field' || part.field !== key || !intervals.has(part.operator)) return undefined;
  const { operator, value } = part;
  switch (part.field) {
    case 'createdAt':
      return compareTime('a.created_at', part.field, operator, value, values);
    case 'updatedAt':
      return compareTime('a.updated_at', part.field, operator, value, values);
    case 'name':
      return compareText(`coalesce(a.name, '')`, part.field, operator, value, values);
    case 'version':
      if (operator === 'prefix') return undefined;
      return compareText(`coalesce(a.version_key, '')`, part.field, operator, versionKeys(operator, value), values);
    default:
      return undefined;
  }
}
