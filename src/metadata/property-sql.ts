/** A property of the JSONB column as a SQL expression; the very same text stands in its indexes, or they would not be used. */
import type { FilterValueKind } from '#core/filter.ts';
import { sqlLiteral } from './sql-values.ts';

/**
 * An index entry must fit a third of a page, and texts may be long: indexes, and orders, see this many characters. A
 * predicate over the prefix finds candidates, the whole value decides.
 */
export const indexedCharacters = 200;

/** Comparing with so short a text, the indexed beginning decides as the whole would: and only of that are there statistics. */
export function isDecidedByKey(text: string): boolean {
  return [...text].length < indexedCharacters;
}

/** The value as text: strings bare, booleans `true` and `false`. Null where the property is missing. */
export function propertyText(alias: string, property: string): string {
  return `(${alias}.properties ->> ${sqlLiteral(property)})`;
}

/** The value's JSON. */
export function propertyJson(alias: string, property: string): string {
  return `(${alias}.properties -> ${sqlLiteral(property)})`;
}

/** The beginning of the text, bytewise ordered. */
export function propertyKey(alias: string, property: string): string {
  return `(left(${alias}.properties ->> ${sqlLiteral(property)}, ${indexedCharacters}) COLLATE "C")`;
}

/** The value as a number; null for what is none. */
export function propertyNumber(alias: string, property: string): string {
  const name = sqlLiteral(property);
  return `(CASE WHEN jsonb_typeof(${alias}.properties -> ${name}) = 'number' THEN (${alias}.properties -> ${name})::numeric END)`;
}

/** What a list is ordered by; missing values come first. Undefined for kinds that have no order. */
export function propertyOrder(alias: string, property: string, kind: FilterValueKind): { sql: string; cast: string } | undefined {
  switch (kind) {
    case 'string':
    case 'boolean':
      return { sql: `coalesce(${propertyKey(alias, property)}, '')`, cast: 'text' };
    case 'integer':
    case 'number':
      return { sql: `coalesce(${propertyNumber(alias, property)}, '-Infinity'::numeric)`, cast: 'numeric' };
    case 'string-list':
    case 'json':
      return undefined;
  }
}
