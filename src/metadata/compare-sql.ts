/** One comparison as SQL. A missing value matches nothing but `ne` and `exists: false`. */
import { AppError } from '#base/app-error.ts';
import type { Json } from '#base/json.ts';
import type { FilterOperator } from '#core/filter.ts';
import type { SqlValues } from './sql-values.ts';

export type Operator = FilterOperator;

const symbols = { eq: '=', lt: '<', lte: '<=', gt: '>', gte: '>=' } as const;

/** `column` is a text expression of COLLATE "C". */
export function compareText(column: string, field: string, operator: Operator, value: Json, values: SqlValues): string {
  switch (operator) {
    case 'exists':
      return `(${column} IS ${value === false ? '' : 'NOT '}NULL)`;
    case 'in': {
      const list = listOf(field, value, isText).filter(isStorable);
      return list.length === 0 ? 'false' : `(${column} = ANY(${values.add(list, 'text[]')}))`;
    }
    case 'prefix': {
      const prefix = scalar(field, value, isText);
      return isStorable(prefix) ? `(${prefixBounds(column, prefix, values).join(' AND ')})` : 'false';
    }
    case 'ne': {
      const text = scalar(field, value, isText);
      return isStorable(text) ? `(${column} IS DISTINCT FROM ${values.add(text, 'text')})` : 'true';
    }
    case 'eq':
    case 'lt':
    case 'lte':
    case 'gt':
    case 'gte': {
      const text = scalar(field, value, isText);
      if (isStorable(text)) return `(${column} COLLATE "C" ${symbols[operator]} ${values.add(text, 'text')})`;
      if (operator === 'eq') return 'false';
      throw new AppError('INPUT_INVALID', `${field} is compared with a text that no value can hold.`);
    }
    default:
      throw unsupported(field, operator);
  }
}

/** A prefix as a half-open interval, which an index can walk and which no wildcard can widen. */
export function prefixBounds(column: string, prefix: string, values: SqlValues): string[] {
  const low = `${column} COLLATE "C" >= ${values.add(prefix, 'text')}`;
  const next = successor(prefix);
  return next === undefined ? [low] : [low, `${column} COLLATE "C" < ${values.add(next, 'text')}`];
}

/** The least text above every text that begins with `prefix`, by code point; undefined where there is none. */
function successor(prefix: string): string | undefined {
  const points = [...prefix];
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    const point = last.codePointAt(0) ?? 0;
    // The surrogates are no characters: the next one after U+D7FF is U+E000.
    if (point < 0x10ffff) return points.join('') + String.fromCodePoint(point + 1 === 0xd800 ? 0xe000 : point + 1);
  }
  return undefined;
}

/** `column` is a numeric expression, or one of whole numbers where `cast` says so. */
export function compareNumber(
  column: string,
  field: string,
  operator: Operator,
  value: Json,
  values: SqlValues,
  cast: 'numeric' | 'bigint' = 'numeric',
): string {
  const isComparable = cast === 'numeric' ? isNumber : isWhole;
  switch (operator) {
    case 'in': {
      const list = listOf(field, value, isComparable);
      return list.length === 0 ? 'false' : `(${column} = ANY(${values.add(list, `${cast}[]`)}))`;
    }
    case 'ne':
      return `(${column} IS DISTINCT FROM ${values.add(scalar(field, value, isComparable), cast)})`;
    case 'eq':
    case 'lt':
    case 'lte':
    case 'gt':
    case 'gte':
      return `(${column} ${symbols[operator]} ${values.add(scalar(field, value, isComparable), cast)})`;
    default:
      throw unsupported(field, operator);
  }
}

/** Times are shown in milliseconds and kept in microseconds: a shown time stands for its whole millisecond. */
export function compareTime(column: string, field: string, operator: Operator, value: Json, values: SqlValues): string {
  const at = (time: Json, plusMs: number): string => {
    const ms = typeof time === 'string' ? Date.parse(time) : Number.NaN;
    if (Number.isNaN(ms)) throw new AppError('INPUT_INVALID', `${field} is compared with something that is no time.`);
    const date = new Date(ms + plusMs);
    if (Number.isNaN(date.getTime())) throw new AppError('INPUT_INVALID', `${field} is compared with a time out of range.`);
    return values.add(toPostgresTime(date), 'timestamptz');
  };
  const within = (time: Json): string => `(${column} >= ${at(time, 0)} AND ${column} < ${at(time, 1)})`;
  switch (operator) {
    case 'exists':
      return `(${column} IS ${value === false ? '' : 'NOT '}NULL)`;
    case 'in': {
      const list = listOf(field, value, isText);
      return list.length === 0 ? 'false' : `(${list.map(within).join(' OR ')})`;
    }
    case 'eq':
      return within(value);
    case 'ne':
      return `(${within(value)} IS NOT TRUE)`;
    case 'lt':
      return `(${column} < ${at(value, 0)})`;
    case 'lte':
      return `(${column} < ${at(value, 1)})`;
    case 'gt':
      return `(${column} >= ${at(value, 1)})`;
    case 'gte':
      return `(${column} >= ${at(value, 0)})`;
    default:
      throw unsupported(field, operator);
  }
}

const postgresMin = Date.UTC(-4000, 0, 1);

/** Years before 4000 BC are older than any row; PostgreSQL reads neither signed nor five-digit ISO years. */
function toPostgresTime(date: Date): string {
  if (date.getTime() <= postgresMin) return '-infinity';
  const year = date.getUTCFullYear();
  if (year > 9999) return 'infinity';
  return year >= 1 ? date.toISOString() : '0001-01-01T00:00:00Z';
}

function isText(value: Json): value is string {
  return typeof value === 'string';
}

function isNumber(value: Json): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function isWhole(value: Json): value is number {
  return Number.isSafeInteger(value);
}

/** PostgreSQL's text holds neither U+0000 nor half a surrogate pair, so no row equals such a text. */
export function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

/** As `isStorable`, of every text in a value. */
export function isStorableJson(value: Json): boolean {
  if (typeof value === 'string') return isStorable(value);
  if (value === null || typeof value !== 'object') return true;
  if (Array.isArray(value)) return value.every(isStorableJson);
  return Object.entries(value).every(([key, item]) => isStorable(key) && isStorableJson(item));
}

function scalar<Value extends Json>(field: string, value: Json, is: (value: Json) => value is Value): Value {
  if (!is(value)) throw new AppError('INPUT_INVALID', `${field} is compared with a value of another kind.`);
  return value;
}

function listOf<Value extends Json>(field: string, value: Json, is: (value: Json) => value is Value): Value[] {
  if (!Array.isArray(value)) throw new AppError('INPUT_INVALID', `${field} takes a list of values here.`);
  return [...new Set(value.map((item) => scalar(field, item, is)))];
}

function unsupported(field: string, operator: Operator): AppError {
  return new AppError('INPUT_INVALID', `${field} cannot be compared by ${operator}.`);
}
