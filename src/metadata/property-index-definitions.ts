/**
 * Which indexes the properties of a type need, by what each of them can answer, and how those are called. Apart from the making of
 * them (property-indexes.ts), because a page asks for the names while it never makes an index.
 */
import { createHash } from 'node:crypto';
import type { FilterValueKind } from '#core/filter.ts';
import { propertiesTreeDefinition, propertyTreeDefinition } from './order-trees.ts';
import { propertyJson, propertyKey, propertyNumber, propertyOrder } from './property-sql.ts';
import { sqlLiteral } from './sql-values.ts';

/** A property as far as its indexes depend on it. */
interface IndexableProperty {
  readonly name: string;
  readonly kind: FilterValueKind;
  readonly filterable: boolean;
  readonly sortable: boolean;
}

export interface IndexableType {
  readonly type: string;
  readonly properties: readonly IndexableProperty[];
  /** The type takes further properties, and lists may be filtered by them. */
  readonly hasExtra: boolean;
}

/** The names of the indexes that exist and are valid. */
export type IndexNames = ReadonlySet<string>;

/** What an index of a property can answer: texts and booleans, numbers, membership in a list, any property by equality. */
export type IndexShape =
  | 'text'
  | 'number'
  | 'list'
  | 'any'
  | 'own-order'
  | 'public-order'
  | 'text-tree'
  | 'number-tree'
  | 'any-tree';

/** By digest, because types and properties may have longer names than an index can. */
export function propertyIndexName(type: string, property: string, shape: IndexShape): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([type, property, shape]))
    .digest('hex');
  return `property_${digest.slice(0, 32)}`;
}

interface PropertyIndex {
  readonly name: string;
  /** What follows `CREATE INDEX CONCURRENTLY IF NOT EXISTS name ON artifact`. */
  readonly definition: string;
  /** The expression to keep statistics of: the planner takes none from a partial index. */
  readonly statistics: string | null;
}

export function propertyIndexes({ type, properties, hasExtra }: IndexableType, withTrees: boolean): readonly PropertyIndex[] {
  const ofType = `type = ${sqlLiteral(type)}`;
  const indexes = properties.flatMap((property) => [
    ...(property.filterable ? filterIndexes(type, property, ofType) : []),
    ...(property.filterable && withTrees ? filterTrees(type, property, ofType) : []),
    ...(property.sortable ? orderIndexes(type, property, ofType) : []),
  ]);
  if (hasExtra) {
    indexes.push({
      name: propertyIndexName(type, '', 'any'),
      definition: `USING gin (properties) WHERE ${ofType}`,
      statistics: null,
    });
  }
  if (hasExtra && withTrees) {
    indexes.push({
      name: propertyIndexName(type, '', 'any-tree'),
      definition: propertiesTreeDefinition(ofType),
      statistics: null,
    });
  }
  // One property may have a kind for each version of its type.
  return [...new Map(indexes.map((index) => [index.name, index])).values()];
}

function filterIndexes(type: string, { name, kind }: IndexableProperty, ofType: string): readonly PropertyIndex[] {
  const ordered = (shape: IndexShape, key: string): PropertyIndex => ({
    name: propertyIndexName(type, name, shape),
    definition: `(${key}, id) WHERE ${ofType}`,
    statistics: key,
  });
  switch (kind) {
    case 'string':
    case 'boolean':
      return [ordered('text', propertyKey('artifact', name))];
    case 'integer':
    case 'number':
      return [ordered('number', propertyNumber('artifact', name))];
    case 'string-list': {
      const list = propertyJson('artifact', name);
      const definition = `USING gin (${list}) WHERE ${ofType}`;
      return [{ name: propertyIndexName(type, name, 'list'), definition, statistics: list }];
    }
    case 'json':
      return [];
  }
}

function filterTrees(type: string, { name, kind }: IndexableProperty, ofType: string): readonly PropertyIndex[] {
  const tree = (shape: IndexShape, key: string): PropertyIndex => ({
    name: propertyIndexName(type, name, shape),
    definition: propertyTreeDefinition(key, ofType),
    statistics: null,
  });
  switch (kind) {
    case 'string':
    case 'boolean':
      return [tree('text-tree', propertyKey('artifact', name))];
    case 'integer':
    case 'number':
      return [tree('number-tree', propertyNumber('artifact', name))];
    case 'string-list':
    case 'json':
      return [];
  }
}

function orderIndexes(type: string, { name, kind }: IndexableProperty, ofType: string): readonly PropertyIndex[] {
  const order = propertyOrder('artifact', name, kind);
  if (order === undefined) return [];
  const listed = `state IN ('active', 'deactivated') AND NOT hidden`;
  return [
    {
      name: propertyIndexName(type, name, 'own-order'),
      definition: `(project, (${order.sql}), id) WHERE ${ofType} AND ${listed}`,
      statistics: null,
    },
    {
      name: propertyIndexName(type, name, 'public-order'),
      definition: `((${order.sql}), id) WHERE ${ofType} AND visibility = 'public' AND ${listed}`,
      statistics: null,
    },
  ];
}
