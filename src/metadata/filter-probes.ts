/**
 * Which index can find the rows of one condition. A probe reads the matches of a condition in index order, so that it can stop
 * after a few: the page statement asks first whether there are few, and only then collects them all.
 */
import { isUuid } from '#base/id.ts';
import type { Json } from '#base/json.ts';
import type { Filter, FilterField } from '#core/filter.ts';
import { parseRange } from '#core/range.ts';
import { parseVersion } from '#core/version.ts';
import {
  compareNumber,
  compareText,
  compareTime,
  isStorable,
  isStorableJson,
  type Operator,
  prefixBounds,
} from './compare-sql.ts';
import { blobArtifactsSql, type FilterScope, rangeBoundsSql, versionKeys } from './filter-sql.ts';
import { type IndexNames, propertyIndexName } from './property-index-definitions.ts';
import { indexedCharacters, propertyJson, propertyKey, propertyNumber } from './property-sql.ts';
import { type SqlValues, sqlLiteral } from './sql-values.ts';

/** A part of a condition's matches: necessary, not sufficient; `order` is that of an index that begins with what `where` compares. */
interface Probe {
  readonly where: string;
  /** Null where only an unordered index fits (GIN): such a probe cannot stop early. */
  readonly order: string | null;
}

/** All matches of one condition, in one or several disjoint or overlapping parts. */
export interface Driver {
  readonly kind: 'rows' | 'families';
  readonly probes: readonly Probe[];
}

const probesMax = 64;

/** Undefined where no index helps: the list is then walked in its order. */
export function driverOf(filter: Filter, scope: FilterScope, indexed: IndexNames): Driver | undefined {
  if (filter.kind === 'latest') return { kind: 'families', probes: [] };
  const probes = probesOf(filter, scope, indexed);
  return probes === undefined || probes.length > probesMax ? undefined : { kind: 'rows', probes };
}

function probesOf(filter: Filter, scope: FilterScope, indexed: IndexNames): readonly Probe[] | undefined {
  switch (filter.kind) {
    case 'field':
      return fieldProbes(filter.field, filter.operator, filter.value, scope.values);
    case 'property':
      return propertyProbes(filter, scope.values, indexed);
    case 'tags':
      return tagProbes(filter, scope.values);
    case 'versionRange':
      return rangeProbes(filter.range, scope.values);
    case 'blob':
      // No index has this order, but whatever has the same bytes is seldom many.
      return [{ where: `a.id IN (${blobArtifactsSql(filter, scope.values)})`, order: 'a.id' }];
    case 'or': {
      const parts = filter.of.map((part) => probesOf(part, scope, indexed));
      return parts.every((part) => part !== undefined) ? parts.flat() : undefined;
    }
    case 'and': {
      // Any one part of a conjunction is necessary for it.
      for (const part of filter.of) {
        const probes = probesOf(part, scope, indexed);
        if (probes !== undefined) return probes;
      }
      return undefined;
    }
    default:
      return undefined;
  }
}

/** Columns with an index of (column, id). */
const columns: Partial<Record<FilterField, string>> = {
  typeVersion: 'a.type_version',
  name: 'a.name',
};
const timeColumns: Partial<Record<FilterField, string>> = {
  createdAt: 'a.created_at',
  updatedAt: 'a.updated_at',
  publishedAt: 'a.published_at',
};

function fieldProbes(field: FilterField, operator: Operator, value: Json, values: SqlValues): readonly Probe[] | undefined {
  const time = timeColumns[field];
  if (time !== undefined) return timeProbes(time, field, operator, value, values);
  const column = columns[field];
  if (column !== undefined)
    return scalarProbes(column, operator, value, (part, to) => compareText(column, field, part, to, values));
  switch (field) {
    case 'id': {
      const ids = listed(value).filter((id) => typeof id === 'string' && isUuid(id));
      if (operator !== 'eq' && operator !== 'in') return undefined;
      return [{ where: `a.id = ANY(${values.add(ids, 'uuid[]')})`, order: 'a.id' }];
    }
    case 'digest': {
      if (operator !== 'eq' && operator !== 'in') return undefined;
      const hex = listed(value).map((digest) => (typeof digest === 'string' ? (digest.split(':')[1] ?? '') : ''));
      return hex.map((one) => probe('a.digest_value', `a.digest_value = ${values.add(one.replaceAll('\0', ''), 'text')}`));
    }
    case 'sizeBytes':
      return scalarProbes('a.size_bytes', operator, value, (part, to) =>
        compareNumber('a.size_bytes', field, part, to, values, 'bigint'),
      );
    case 'protected':
    case 'hidden':
      return flagProbes(operator, value, (flag) => probe(`a.${field}`, `a.${field} = ${flag}`));
    case 'deprecated':
    case 'yanked':
      return flagProbes(operator, value, (flag) => probe(`a.${field}_at`, `a.${field}_at IS ${flag ? 'NOT ' : ''}NULL`));
    case 'version':
      return versionProbes(operator, value, values);
    default:
      return undefined;
  }
}

function probe(column: string, where: string): Probe {
  return { where, order: `${column}, a.id` };
}

/** A set becomes one probe for each value, an inequality one for each side of it. */
function scalarProbes(
  column: string,
  operator: Operator,
  value: Json,
  compare: (operator: Operator, value: Json) => string,
): readonly Probe[] | undefined {
  if (operator === 'in') return [...new Set(listed(value))].map((one) => probe(column, compare('eq', one)));
  if (operator !== 'ne') return [probe(column, compare(operator, value))];
  // Everything is unlike it, and nothing lies on either side.
  if (!isStorableJson(value)) return undefined;
  return [probe(column, compare('lt', value)), probe(column, compare('gt', value)), probe(column, `${column} IS NULL`)];
}

function timeProbes(
  column: string,
  field: string,
  operator: Operator,
  value: Json,
  values: SqlValues,
): readonly Probe[] | undefined {
  return scalarProbes(column, operator, value, (part, to) => compareTime(column, field, part, to, values));
}

function flagProbes(operator: Operator, value: Json, of: (flag: boolean) => Probe): readonly Probe[] | undefined {
  const wanted = listed(value).filter((flag) => typeof flag === 'boolean');
  if (operator === 'eq' || operator === 'in') return [...new Set(wanted)].map(of);
  return operator === 'ne' ? wanted.map((flag) => of(!flag)) : undefined;
}

/** Releases and prereleases have an index walk each: (version_is_release, version_key, id). */
function versionProbes(operator: Operator, value: Json, values: SqlValues): readonly Probe[] | undefined {
  if (operator === 'prefix') {
    const bounds = typeof value === 'string' && isStorable(value) ? prefixBounds('a.version', value, values) : ['false'];
    return [probe('a.version', bounds.join(' AND '))];
  }
  if (operator === 'exists') return undefined;
  const keys = versionKeys(operator, value);
  const side = (release: boolean, part: Operator, key: Json): Probe => ({
    where: `a.version_is_release = ${release} AND ${compareText('a.version_key', 'version', part, key, values)}`,
    order: 'a.version_is_release, a.version_key, a.id',
  });
  const both = (part: Operator): Probe[] => [side(true, part, keys), side(false, part, keys)];
  if (operator === 'eq' || operator === 'in') {
    return listed(value).map((text, index) =>
      side((typeof text === 'string' ? parseVersion(text)?.isRelease : undefined) ?? true, 'eq', listed(keys)[index] ?? null),
    );
  }
  // Without a version is unlike any version, and no index tells those apart here.
  return operator === 'ne' ? undefined : both(operator);
}

function rangeProbes(range: string, values: SqlValues): readonly Probe[] {
  return parseRange(range).sets.flatMap((set) => {
    const bounds = rangeBoundsSql('a.version_key', set, values).join(' AND ');
    const releases = {
      where: `a.version_is_release = true AND ${bounds}`,
      order: 'a.version_is_release, a.version_key, a.id',
    };
    const prereleases = set.prereleaseCores.map((core) => ({
      where: `NOT a.version_is_release AND a.version_core = ${values.add(core, 'text')} AND ${bounds}`,
      order: 'a.version_core, a.id',
    }));
    return [releases, ...prereleases];
  });
}

function tagProbes({ operator, tags }: Extract<Filter, { kind: 'tags' }>, values: SqlValues): readonly Probe[] | undefined {
  const possible = tags.filter(isStorable);
  if (operator === 'none' || possible.length === 0) return undefined;
  return [{ where: `a.tags ${operator === 'all' ? '@>' : '&&'} ${values.add(possible, 'text[]')}`, order: null }];
}

function propertyProbes(
  filter: Extract<Filter, { kind: 'property' }>,
  values: SqlValues,
  indexed: IndexNames,
): readonly Probe[] | undefined {
  const { type, property, operator, value, valueKind } = filter;
  if (!isStorable(property)) return undefined;
  // By the kind that is compared: where it changed between versions of the type, there are indexes of several.
  const isText = valueKind === 'string' || valueKind === 'boolean';
  const isNumber = valueKind === 'integer' || valueKind === 'number';
  const has = (shape: 'text' | 'number' | 'list' | 'any'): boolean =>
    indexed.has(propertyIndexName(type, shape === 'any' ? '' : property, shape));
  // A literal, because the indexes are partial: the planner must see at plan time that the type is the index's.
  const ofType = `a.type = ${sqlLiteral(type)}`;
  const typed = (probes: readonly Probe[] | undefined): readonly Probe[] | undefined =>
    probes?.map(({ where, order }) => ({ where: `${ofType} AND ${where}`, order }));
  const key = propertyKey('a', property);
  // Whatever is there has a text, not only what is one.
  if (operator === 'exists' && has('text')) return typed([probe(key, `${key} IS ${value === false ? '' : 'NOT '}NULL`)]);
  if (isText && has('text')) {
    return typed(
      scalarProbes(key, operator, toText(value), (part, to) => compareText(key, property, ...widened(part, to), values)),
    );
  }
  if (isNumber && has('number')) {
    const number = propertyNumber('a', property);
    if (operator === 'exists') return value === false ? undefined : typed([probe(number, `${number} IS NOT NULL`)]);
    return typed(scalarProbes(number, operator, value, (part, to) => compareNumber(number, property, part, to, values)));
  }
  const texts = listed(value).filter((item) => typeof item === 'string' && isStorable(item));
  if (has('list') && (operator === 'has' || operator === 'hasAny') && texts.length > 0) {
    return typed([{ where: `${propertyJson('a', property)} ?| ${values.add(texts, 'text[]')}`, order: null }]);
  }
  if (has('any')) return typed(anyProbes(property, operator, value, values));
  return undefined;
}

/** The index over all properties knows which are there, and which have a value; it knows no order. */
function anyProbes(property: string, operator: Operator, value: Json, values: SqlValues): readonly Probe[] | undefined {
  if (operator === 'ne' || (operator === 'exists' && value === false)) return undefined;
  const isThere = `a.properties ? ${values.add(property, 'text')}`;
  if (operator !== 'eq' && operator !== 'in') return [{ where: isThere, order: null }];
  // Only of a set each item is a value: another list is one itself.
  const wanted = (operator === 'in' ? listed(value) : [value])
    .filter(isStorableJson)
    .map((item) => `a.properties @> ${values.add(JSON.stringify({ [property]: item }), 'jsonb')}`);
  return wanted.length === 0 ? undefined : [{ where: `(${wanted.join(' OR ')})`, order: null }];
}

/** The index holds the beginning of the text: compared with that, strict comparisons must let the boundary in. */
export function widened(operator: Operator, value: Json): [Operator, Json] {
  if (typeof value !== 'string') return [operator, value];
  const characters = [...value];
  if (characters.length < indexedCharacters) return [operator, value];
  const cut = characters.slice(0, indexedCharacters).join('');
  if (operator === 'lt') return ['lte', cut];
  return [operator === 'gt' ? 'gte' : operator, cut];
}

function toText(value: Json): Json {
  if (Array.isArray(value)) return value.map(toText);
  return typeof value === 'boolean' ? String(value) : value;
}

function listed(value: Json): readonly Json[] {
  return Array.isArray(value) ? value : [value];
}
