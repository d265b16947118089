/**
 * How a condition reads as walks of an order tree: each a conjunction over columns of one tree, all of them together whatever
 * may match. Where matches are many these find the newest of them, however far down the list they lie.
 */
import type { Json } from '#base/json.ts';
import type { Filter, FilterField, Order } from '#core/filter.ts';
import { compareNumber, compareText, compareTime, isStorable, type Operator } from './compare-sql.ts';
import { widened } from './filter-probes.ts';
import type { FilterScope } from './filter-sql.ts';
import { type Compare, complement, intervals, listed, walksMax } from './interval-walks.ts';
import {
  flagInTree,
  inTree,
  type OrderTree,
  propertyInTree,
  tagsInTree,
  treeName,
  withoutTagName,
  withoutTagSql,
} from './order-trees.ts';
import { type IndexNames, propertyIndexName } from './property-index-definitions.ts';
import { propertyKey, propertyNumber } from './property-sql.ts';
import { type SqlValues, sqlLiteral } from './sql-values.ts';
import { otherVersions, outsideRange, rangeWalks, versionWalks } from './version-walks.ts';

interface TreeScope extends FilterScope {
  readonly indexed: IndexNames;
  /** The type of the list; null: any. */
  readonly type: string | null;
  readonly order: Order;
}

/** Undefined where no tree, or too many walks, would find the matches. */
export function treeWalks(filter: Filter, scope: TreeScope): readonly string[] | undefined {
  const walks = walksOf(filter, scope);
  return walks === undefined || walks.length > walksMax ? undefined : walks;
}

function walksOf(filter: Filter, scope: TreeScope): readonly string[] | undefined {
  switch (filter.kind) {
    case 'field':
      return fieldWalks(filter.field, filter.operator, filter.value, scope);
    case 'property':
      return propertyWalks(filter, scope);
    case 'tags':
      return tagWalks(filter, scope);
    case 'versionRange':
      return has('version', scope) ? rangeWalks(filter.range, scope.values) : undefined;
    case 'or': {
      const parts = filter.of.map((part) => walksOf(part, scope));
      return parts.every((part) => part !== undefined) ? parts.flat() : undefined;
    }
    case 'and':
      return filter.of.map((part) => walksOf(part, scope)).find((walks) => walks !== undefined);
    case 'not':
      return negatedWalks(filter.of, scope);
    case 'latest':
    case 'blob':
    case 'receiving':
      return undefined;
  }
}

function has(tree: OrderTree, { indexed }: TreeScope): boolean {
  return indexed.has(treeName(tree));
}

const scalarTrees: Partial<Record<FilterField, readonly [OrderTree, string]>> = {
  project: ['facts', inTree('a.project')],
  type: ['facts', inTree('a.type')],
  name: ['name', inTree('a.name')],
  typeVersion: ['facts', inTree('a.type_version')],
  createdAt: ['updated', inTree('a.created_at')],
  updatedAt: ['updated', inTree('a.updated_at')],
  publishedAt: ['published', inTree('a.published_at')],
  sizeBytes: ['size', inTree('a.size_bytes')],
};
const flags: Partial<Record<FilterField, string>> = {
  protected: flagInTree('a.protected'),
  deprecated: flagInTree('a.deprecated_at IS NOT NULL'),
  yanked: flagInTree('a.yanked_at IS NOT NULL'),
};

function fieldWalks(field: FilterField, operator: Operator, value: Json, scope: TreeScope): readonly string[] | undefined {
  if ((operator === 'eq' || operator === 'in') && isOfArms(field, scope)) return undefined;
  const scalar = scalarOf(field, scope);
  if (scalar !== undefined) return intervals(scalar.column, operator, value, scalar.compare);
  const flag = flags[field];
  if (flag !== undefined && has('facts', scope)) return flagWalks(flag, operator, value);
  if (field === 'version' && has('version', scope)) return versionWalks(operator, value, scope.values);
  return undefined;
}

/** What a list is of, its arms tell; only by project, indexes of arms know no order but that of creation. */
function isOfArms(field: FilterField, { order }: TreeScope): boolean {
  return field === 'type' || (field === 'project' && order.key === 'createdAt');
}

function scalarOf(field: FilterField, scope: TreeScope): { readonly column: string; readonly compare: Compare } | undefined {
  const [tree, column] = scalarTrees[field] ?? [];
  if (field === 'type' && scope.type !== null) return undefined;
  if (tree === undefined || column === undefined || !has(tree, scope)) return undefined;
  const compare = field.endsWith('At') ? compareTime : field === 'sizeBytes' ? compareSize : compareText;
  return { column, compare: (operator, value) => compare(column, field, operator, value, scope.values) };
}

const compareSize = (column: string, field: string, operator: Operator, value: Json, values: SqlValues): string =>
  compareNumber(column, field, operator, value, values, 'bigint');

function negatedWalks(filter: Filter, scope: TreeScope): readonly string[] | undefined {
  if (filter.kind === 'field') {
    const scalar = scalarOf(filter.field, scope);
    if (filter.field === 'version' && has('version', scope)) return otherVersions(filter.operator, filter.value, scope.values);
    if (scalar === undefined) return undefined;
    return complement(scalar.column, filter.operator, filter.value, scalar.compare, scope.values);
  }
  if (filter.kind === 'property') {
    // In a list of another type nothing has the property: all of it matches, and no tree is of that.
    if (scope.type !== null && scope.type !== filter.type) return undefined;
    const property = propertyColumn(filter, scope);
    if (property === undefined) return undefined;
    const { column, compare, value } = property;
    const left =
      filter.operator === 'exists'
        ? [`${column} IS ${filter.value === false ? 'NOT ' : ''}NULL`]
        : complement(column, filter.operator, value, compare, scope.values);
    const others = ofOtherTypes(filter.type, scope);
    return left && others && [...left.map((walk) => `${property.ofType} AND ${walk}`), ...others];
  }
  if (filter.kind === 'versionRange' && has('version', scope)) return outsideRange(filter.range, scope.values);
  if (filter.kind === 'tags' && filter.operator === 'all') {
    const without = filter.tags.map((tag) => withoutTag(tag, scope));
    return without.length > 0 && without.every((walk) => walk !== undefined) ? without : undefined;
  }
  return undefined;
}

/** What is of another type has no property of this one. Undefined where no tree knows types, as while trees are being built. */
function ofOtherTypes(type: string, scope: TreeScope): readonly string[] | undefined {
  return scope.type === null ? fieldWalks('type', 'ne', type, scope) : [];
}

function flagWalks(flag: string, operator: Operator, value: Json): readonly string[] | undefined {
  if (operator !== 'eq' && operator !== 'in' && operator !== 'ne') return undefined;
  const wanted = listed(value).filter((item) => typeof item === 'boolean');
  return [...new Set(wanted)].map((item) => `${flag} = ${item === (operator !== 'ne') ? 1 : 0}`);
}

/** PostgreSQL refuses a query with a word of so many bytes. */
const wordBytesMax = 2_047;

function tagWalks({ operator, tags }: Extract<Filter, { kind: 'tags' }>, scope: TreeScope): readonly string[] | undefined {
  if (operator === 'none') {
    const known = tags.map((tag) => withoutTag(tag, scope)).find((walk) => walk !== undefined);
    return known === undefined ? undefined : [known];
  }
  const words = tags.filter((tag) => tag !== '' && isStorable(tag) && Buffer.byteLength(tag) < wordBytesMax);
  if (words.length < tags.length || words.length === 0 || !has('tags', scope)) return undefined;
  const quoted = words.map((tag) => `'${tag.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`);
  return [`${tagsInTree('a.')} @@ ${scope.values.add(quoted.join(operator === 'all' ? ' & ' : ' | '), 'tsquery')}`];
}

function withoutTag(tag: string, { indexed }: TreeScope): string | undefined {
  return isStorable(tag) && indexed.has(withoutTagName(tag)) ? withoutTagSql('a.', tag) : undefined;
}

type PropertyFilter = Extract<Filter, { kind: 'property' }>;

function propertyWalks(filter: PropertyFilter, scope: TreeScope): readonly string[] | undefined {
  const property = propertyColumn(filter, scope);
  if (property === undefined) return anyPropertyWalk(filter, scope);
  const { column, compare, value, ofType } = property;
  const walks = intervals(column, filter.operator, filter.operator === 'exists' ? filter.value : value, compare);
  return walks?.map((walk) => `${ofType} AND ${walk}`);
}

/** The tree of all properties knows texts and truths, by equality. */
function anyPropertyWalk({ type, property, value, valueKind, operator }: PropertyFilter, { indexed, values }: TreeScope) {
  const isText = valueKind === 'string' || valueKind === 'boolean';
  const isEquality = operator === 'eq' || operator === 'in';
  if (!isText || !isEquality || !isStorable(property) || !indexed.has(propertyIndexName(type, '', 'any-tree'))) return undefined;
  const texts = listed(toText(value)).filter((text) => typeof text === 'string' && isStorable(text));
  if (texts.length === 0) return undefined;
  const words = texts.map((text) => values.add(text, 'text'));
  return [`a.type = ${sqlLiteral(type)} AND ${propertyInTree('a.', values.add(property, 'text'), words)}`];
}

function propertyColumn({ type, property, value, valueKind, operator }: PropertyFilter, { indexed, values }: TreeScope) {
  if (!isStorable(property)) return undefined;
  const ofType = `a.type = ${sqlLiteral(type)}`;
  const hasTexts = indexed.has(propertyIndexName(type, property, 'text-tree'));
  // Whatever is there has a text, not only what is one.
  if (hasTexts && (valueKind === 'string' || valueKind === 'boolean' || operator === 'exists')) {
    const column = inTree(propertyKey('a', property));
    const compare: Compare = (operator, to) => compareText(column, property, ...widened(operator, to), values);
    return { ofType, column, compare, value: toText(value) };
  }
  if ((valueKind === 'integer' || valueKind === 'number') && indexed.has(propertyIndexName(type, property, 'number-tree'))) {
    const column = inTree(propertyNumber('a', property));
    const compare: Compare = (operator, to) => compareNumber(column, property, operator, to, values);
    return { ofType, column, compare, value };
  }
  return undefined;
}

function toText(value: Json): Json {
  if (Array.isArray(value)) return value.map(toText);
  return typeof value === 'boolean' ? String(value) : value;
}
