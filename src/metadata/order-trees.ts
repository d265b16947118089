/**
 * Indexes that find the newest (or oldest) rows that match a condition, wherever in the list those lie. A B-tree knows one
 * order; here each branch of a GiST over (what is compared, time) knows the span of both in what is below it, and a search by
 * distance opens the branches by their newest row: a priority search tree. One tree serves own, public and community arms, lists
 * of one type and of all, and both orders by time. They need the extension btree_gist; without it lists are walked.
 */
import { createHash } from 'node:crypto';
import type { Order } from '#core/filter.ts';
import { sqlLiteral } from './sql-values.ts';

export type OrderTree = 'name' | 'version' | 'published' | 'updated' | 'size' | 'facts' | 'tags';

const listed = `state IN ('active', 'deactivated') AND NOT hidden`;
const arm = 'visibility, project, type';
const times = 'created_at, updated_at';

/**
 * The column as only a tree knows it: a planner that misjudges how many rows match cannot prefer a plain index of the column,
 * whose matches it would read and sort.
 */
export function inTree(column: string): string {
  return `greatest(${column}, NULL)`;
}

/** A truth as a number, because GiST knows no truths before PostgreSQL 16. */
export function flagInTree(condition: string): string {
  return `(${condition})::int`;
}

/** Tags as the words of a text, the one kind of set that GiST indexes with what the server brings along. */
export function tagsInTree(alias: string): string {
  return `array_to_tsvector(array_remove(${alias}tags, ''))`;
}

interface TreeIndex {
  readonly name: string;
  /** What follows `CREATE INDEX … ON artifact`. */
  readonly definition: string;
}

export function treeName(tree: OrderTree): string {
  return `tree_${tree}`;
}

const columns: Readonly<Record<OrderTree, string>> = {
  name: `${inTree('name')}, ${times}`,
  version: `(${flagInTree('version_is_release')}), ${inTree('version_key')}, ${times}`,
  published: `${inTree('published_at')}, ${times}`,
  size: `${inTree('size_bytes')}, ${times}`,
  // Twice each: once to be compared, once to be walked.
  updated: `${inTree('updated_at')}, ${inTree('created_at')}, ${times}`,
  facts: `${['project', 'type', 'type_version'].map(inTree).join(', ')}, ${[
    'protected',
    'deprecated_at IS NOT NULL',
    'yanked_at IS NOT NULL',
  ]
    .map((flag) => `(${flagInTree(flag)})`)
    .join(', ')}, ${times}`,
  tags: `(${tagsInTree('')}), ${times}`,
};

export const treeIndexes: readonly TreeIndex[] = Object.entries(columns).map(([tree, definition]) => ({
  name: `tree_${tree}`,
  definition: `USING gist (${arm}, ${definition}) WHERE ${listed}`,
}));

/** The tree of a property of one type; `key` is the expression that its other index has. */
export function propertyTreeDefinition(key: string, ofType: string): string {
  return `USING gist (visibility, project, ${inTree(key)}, ${times}) WHERE ${ofType} AND ${listed}`;
}

/** All properties as words, each its name with its value (the functions are the migrations'): for those that have no tree of their own. */
export function propertiesInTree(alias: string): string {
  return `property_words(${alias}properties)`;
}

/** What matches one of the words; `name` and `values` are texts in SQL. */
export function propertyInTree(alias: string, name: string, values: readonly string[]): string {
  const words = values.map((value) => `property_word(${name}, ${value})`).join(` || ' | ' || `);
  return `${propertiesInTree(alias)} @@ (${words})::tsquery`;
}

export function propertiesTreeDefinition(ofType: string): string {
  return `USING gist (visibility, project, ${propertiesInTree('')}, ${times}) WHERE ${ofType} AND ${listed}`;
}

const withoutPrefix = 'tree_without_';

/** The tree of what does not have a tag that nearly everything has: no index over tags knows that. */
export function withoutTagName(tag: string): string {
  return `${withoutPrefix}${createHash('sha256').update(tag).digest('hex').slice(0, 32)}`;
}

export function isWithoutTag(name: string): boolean {
  return name.startsWith(withoutPrefix);
}

/** A literal, because the planner must see at plan time that the index is of this tag. */
export function withoutTagSql(alias: string, tag: string): string {
  return `NOT ${alias}tags && ARRAY[${sqlLiteral(tag)}]::text[]`;
}

export function withoutTagIndex(tag: string): TreeIndex {
  return { name: withoutTagName(tag), definition: `USING gist (${arm}, ${times}) WHERE ${listed} AND ${withoutTagSql('', tag)}` };
}

/** The times that trees are walked by. */
export function isTreeOrder({ key }: Order): boolean {
  return key === 'createdAt' || key === 'updatedAt';
}

/** The distance that puts the newest first, or the oldest: from a time that no row comes near. */
export function treeDistance(column: string, ascending: boolean): string {
  return `${column} <-> '${ascending ? '1900' : '2200'}-01-01Z'::timestamptz`;
}
