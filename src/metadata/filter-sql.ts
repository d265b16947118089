/** A filter as one SQL predicate over the artifact `a`; whatever it means, it means here. */
import { AppError } from '#base/app-error.ts';
import { isUuid } from '#base/id.ts';
import type { Json } from '#base/json.ts';
import { visibilities } from '#core/artifact.ts';
import type { Filter, FilterField } from '#core/filter.ts';
import { parseRange, type RangeSet } from '#core/range.ts';
import { assertVersion } from '#core/version.ts';
import { receivingSql } from './boot-image-row.ts';
import { compareNumber, compareText, compareTime, isStorableJson, type Operator } from './compare-sql.ts';
import { isLatestSql } from './latest-sql.ts';
import { isDecidedByKey, propertyJson, propertyKey, propertyNumber, propertyText } from './property-sql.ts';
import { assertTextLength, type SqlValues } from './sql-values.ts';

export interface FilterScope {
  readonly values: SqlValues;
  /** Placeholders of the viewer. */
  readonly viewer: { readonly project: string; readonly isAdmin: string };
}

/**
 * The filter of a list, which stands in each of its arms.
 * @throws AppError INPUT_INVALID, VERSION_INVALID, RANGE_INVALID, QUERY_TOO_COMPLEX
 */
export function listFilterSql(conjuncts: readonly Filter[], arms: readonly unknown[], scope: FilterScope): string {
  const text = filterSql({ kind: 'and', of: conjuncts }, scope);
  assertTextLength(arms.length * text.length);
  return text;
}

/** @throws AppError INPUT_INVALID, VERSION_INVALID, RANGE_INVALID */
export function filterSql(filter: Filter, scope: FilterScope): string {
  switch (filter.kind) {
    case 'and': {
      const parts = filter.of.map((part) => filterSql(part, scope)).filter((part) => part !== 'true');
      return parts.length === 0 ? 'true' : `(${parts.join(' AND ')})`;
    }
    case 'or':
      return filter.of.length === 0 ? 'false' : `(${filter.of.map((part) => filterSql(part, scope)).join(' OR ')})`;
    case 'not':
      // A comparison with a missing value is unknown, and unknown is not a match: so its negation is one.
      return `((${filterSql(filter.of, scope)}) IS NOT TRUE)`;
    case 'field':
      return fieldSql(filter.field, filter.operator, filter.value, scope);
    case 'property':
      return propertySql(filter, scope);
    case 'tags':
      return tagsSql(filter, scope);
    case 'versionRange': {
      const sets = parseRange(filter.range).sets.map((set) => rangeSetSql('a', set, scope.values));
      return `(${sets.join(' OR ')})`;
    }
    case 'latest':
      return isLatestSql(scope.viewer);
    case 'blob':
      return `(a.id IN (${blobArtifactsSql(filter, scope.values)}))`;
    case 'receiving':
      return `(${filter.value ? '' : 'NOT '}${receivingSql(scope.values.add(filter.slot, 'text'))})`;
  }
}

/** The artifacts whose slot holds the blob of a digest. */
export function blobArtifactsSql({ slot, algorithm, value }: BlobFilter, values: SqlValues): string {
  const digest = values.add(value.replaceAll('\0', ''), 'text');
  const known =
    algorithm === 'sha256'
      ? `SELECT b.id FROM blob b WHERE b.digest_algorithm = 'sha256' AND b.digest_value = ${digest}`
      : `SELECT d.blob_id FROM blob_digest d WHERE d.algorithm = '${algorithm}' AND d.value = ${digest}`;
  return `SELECT ab.artifact_id FROM artifact_blob ab
    WHERE ab.blob_id IN (${known}) AND ab.slot = ${values.add(slot, 'text')} AND ab.key = ''`;
}

export type BlobFilter = Extract<Filter, { kind: 'blob' }>;

/** A version is in a set when it lies between the bounds and is a release, or its core is one of the set's. */
function rangeSetSql(alias: string, set: RangeSet, values: SqlValues): string {
  const cores = set.prereleaseCores;
  const admitted =
    cores.length === 0
      ? `${alias}.version_is_release`
      : `(${alias}.version_is_release OR ${alias}.version_core = ANY(${values.add(cores, 'text[]')}))`;
  return `(${[...rangeBoundsSql(`${alias}.version_key`, set, values), admitted].join(' AND ')})`;
}

export function rangeBoundsSql(key: string, { low, high }: RangeSet, values: SqlValues): string[] {
  const bounds = [`${key} IS NOT NULL`];
  if (low !== null) bounds.push(`${key} ${low.inclusive ? '>=' : '>'} ${values.add(low.key, 'text')}`);
  if (high !== null) bounds.push(`${key} ${high.inclusive ? '<=' : '<'} ${values.add(high.key, 'text')}`);
  return bounds;
}

function tagsSql({ operator, tags }: Extract<Filter, { kind: 'tags' }>, { values }: FilterScope): string {
  // No stored text holds U+0000, so no row has such a tag; PostgreSQL would refuse the value itself.
  const possible = tags.filter((tag) => !tag.includes('\0'));
  if (operator === 'all' && possible.length < tags.length) return 'false';
  const list = values.add(possible, 'text[]');
  if (operator === 'all') return `(a.tags @> ${list})`;
  return operator === 'any' ? `(a.tags && ${list})` : `(NOT a.tags && ${list})`;
}

const textColumns: Partial<Record<FilterField, string>> = {
  project: 'a.project',
  type: 'a.type',
  typeVersion: 'a.type_version',
  name: 'a.name',
  state: 'a.state',
  visibility: 'a.visibility',
};

const timeColumns: Partial<Record<FilterField, string>> = {
  createdAt: 'a.created_at',
  updatedAt: 'a.updated_at',
  publishedAt: 'a.published_at',
};

const flagColumns: Partial<Record<FilterField, string>> = {
  protected: 'a.protected',
  hidden: 'a.hidden',
  deprecated: '(a.deprecated_at IS NOT NULL)',
  yanked: '(a.yanked_at IS NOT NULL)',
};

function fieldSql(field: FilterField, operator: Operator, value: Json, { values }: FilterScope): string {
  if (field === 'visibility' && operator === 'in' && isEveryVisibility(value)) return 'true';
  const text = textColumns[field];
  if (text !== undefined) return compareText(text, field, operator, value, values);
  const time = timeColumns[field];
  if (time !== undefined) return compareTime(time, field, operator, value, values);
  const flag = flagColumns[field];
  if (flag !== undefined) return compareText(`${flag}::text`, field, operator, flagText(value), values);
  switch (field) {
    case 'id':
      return operator === 'eq' || operator === 'in'
        ? idSql(value, values)
        : compareText('a.id::text', field, operator, value, values);
    case 'sizeBytes':
      return compareNumber('a.size_bytes', field, operator, value, values, 'bigint');
    case 'digest':
      return compareText(`(a.digest_algorithm || ':' || a.digest_value)`, field, operator, value, values);
    default:
      return versionSql(operator, value, values);
  }
}

/** Named only to have community artifacts listed too. */
function isEveryVisibility(value: Json): boolean {
  return Array.isArray(value) && visibilities.every((visibility) => value.includes(visibility));
}

/** What is no UUID is nobody's id. */
function idSql(value: Json, values: SqlValues): string {
  const ids = (Array.isArray(value) ? value : [value]).filter((id) => typeof id === 'string' && isUuid(id));
  return ids.length === 0 ? 'false' : `(a.id = ANY(${values.add(ids, 'uuid[]')}))`;
}

/** Compared by precedence, build metadata aside; a prefix is of the text. */
function versionSql(operator: Operator, value: Json, values: SqlValues): string {
  if (operator === 'prefix') return compareText('a.version', 'version', operator, value, values);
  return compareText('a.version_key', 'version', operator, versionKeys(operator, value), values);
}

/** The values of a version comparison as keys. @throws AppError VERSION_INVALID */
export function versionKeys(operator: Operator, value: Json): Json {
  if (operator === 'exists') return value;
  const toKey = (text: Json): string => assertVersion(typeof text === 'string' ? text : JSON.stringify(text)).key;
  return Array.isArray(value) ? value.map(toKey) : toKey(value);
}

function flagText(value: Json): Json {
  if (Array.isArray(value)) return value.map((item) => String(item));
  return typeof value === 'boolean' ? String(value) : value;
}

function propertySql(filter: Extract<Filter, { kind: 'property' }>, { values }: FilterScope): string {
  const { property, operator, value, valueKind } = filter;
  if (property.includes('\0')) return 'false';
  const json = propertyJson('a', property);
  const ofType = `a.type = ${values.add(filter.type, 'text')}`;
  if (operator === 'exists') return `(${ofType} AND ${json} IS ${value === false ? '' : 'NOT '}NULL)`;
  return `(${ofType} AND ${compare()})`;

  function compare(): string {
    switch (valueKind) {
      case 'string':
      case 'boolean': {
        const texts = valueKind === 'boolean' ? flagText(value) : value;
        const isShort = (Array.isArray(texts) ? texts : [texts]).every(
          (text) => typeof text === 'string' && isDecidedByKey(text),
        );
        const column = isShort ? propertyKey('a', property) : propertyText('a', property);
        return compareText(column, property, operator, texts, values);
      }
      case 'integer':
      case 'number':
        return compareNumber(propertyNumber('a', property), property, operator, value, values);
      case 'string-list':
        return compareList(json, property, operator, value, values);
      case 'json':
        return compareJson(json, property, operator, value, values);
    }
  }
}

function compareList(json: string, property: string, operator: Operator, value: Json, values: SqlValues): string {
  if (operator !== 'has' && operator !== 'hasAny') return compareJson(json, property, operator, value, values);
  const wanted = (operator === 'has' ? [value] : Array.isArray(value) ? value : [value]).filter(
    (item) => typeof item === 'string' && !item.includes('\0'),
  );
  return wanted.length === 0 ? 'false' : `(${json} ?| ${values.add(wanted, 'text[]')})`;
}

function compareJson(json: string, property: string, operator: Operator, value: Json, values: SqlValues): string {
  const items = operator === 'in' && Array.isArray(value) ? value : [value];
  const texts = items.filter(isStorableJson).map((item) => JSON.stringify(item));
  if (operator === 'ne') return texts.length === 0 ? 'true' : `(${json} IS DISTINCT FROM ${values.add(texts[0], 'jsonb')})`;
  if (operator !== 'eq' && operator !== 'in') {
    throw new AppError('INPUT_INVALID', `The property ${property} cannot be compared by ${operator}.`);
  }
  return texts.length === 0 ? 'false' : `(${json} = ANY(${values.add(texts, 'jsonb[]')}))`;
}
