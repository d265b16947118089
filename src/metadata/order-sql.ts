/** What a list can be ordered by, as SQL. Ties fall to the id, so that every row has one place. */
import { AppError } from '#base/app-error.ts';
import type { Order } from '#core/filter.ts';
import { propertyOrder } from './property-sql.ts';

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
