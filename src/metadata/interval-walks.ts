/**
 * How a condition on one column reads as intervals of it, or as what those leave: each is one walk of a tree. Apart from the
 * reading of whole conditions (tree-walks.ts), because it knows of a column only how that is compared, no tree and no filter.
 */
import type { Json } from '#base/json.ts';
import { isStorable, isStorableJson, type Operator, prefixBounds } from './compare-sql.ts';
import type { SqlValues } from './sql-values.ts';

/** The column compared with a value. */
export type Compare = (operator: Operator, value: Json) => string;

/** What an operator leaves over, among what has a value. */
export const opposites: Partial<Record<Operator, Operator>> = { lt: 'gte', lte: 'gt', gt: 'lte', gte: 'lt', eq: 'ne', ne: 'eq' };

/** Each walk costs a page's rows, and each arm of the list has all of them. */
export const walksMax = 8;

/** One interval of the column for each side of an inequality, and each value of a set; undefined where everything is unlike the value. */
export function intervals(column: string, operator: Operator, value: Json, compare: Compare): readonly string[] | undefined {
  if (operator === 'in') return [...new Set(listed(value))].map((one) => compare('eq', one));
  if (operator === 'exists') return [`${column} IS ${value === false ? '' : 'NOT '}NULL`];
  if (operator !== 'ne') return [compare(operator, value)];
  if (!isStorableJson(value)) return undefined;
  return [compare('lt', value), compare('gt', value), `${column} IS NULL`];
}

/** What is left of a column without an interval of it: also what has no value, which compares with nothing. */
export function complement(column: string, operator: Operator, value: Json, compare: Compare, values: SqlValues) {
  const opposite = opposites[operator];
  if (opposite === 'ne' || opposite === 'eq') return intervals(column, opposite, value, compare);
  if (opposite !== undefined) return [compare(opposite, value), `${column} IS NULL`];
  if (operator === 'prefix' && typeof value === 'string' && isStorable(value)) {
    const [low, high] = prefixBounds(column, value, values);
    return [low, high].flatMap((bound) => (bound === undefined ? [] : [`(NOT ${bound})`])).concat(`${column} IS NULL`);
  }
  if (operator === 'in') return between(column, listed(value), compare);
  return undefined;
}

/** The gaps between the values of a set. */
function between(column: string, list: readonly Json[], compare: Compare): readonly string[] | undefined {
  const sorted = list.every((item) => typeof item === 'number')
    ? [...new Set(list)].sort((left, right) => left - right)
    : [...new Set(list.filter((item) => typeof item === 'string' && isStorable(item)).map(String))].sort((left, right) =>
        Buffer.compare(Buffer.from(left), Buffer.from(right)),
      );
  const [first] = sorted;
  const last = sorted.at(-1);
  if (first === undefined || last === undefined || sorted.length >= walksMax) return undefined;
  const gaps = sorted.slice(1).map((next, index) => `(${compare('gt', sorted[index] ?? null)} AND ${compare('lt', next)})`);
  return [compare('lt', first), ...gaps, compare('gt', last), `${column} IS NULL`];
}

/** The values of a set, or the one that is none. */
export function listed(value: Json): readonly Json[] {
  return Array.isArray(value) ? value : [value];
}
