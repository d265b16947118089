/** The values that filters of the Image API take: operators before a colon, sets, times, whole numbers, truths. */
import { AppError } from '#base/app-error.ts';
import type { Filter, FilterField } from '#core/filter.ts';

const timeOperators = ['gt', 'gte', 'lt', 'lte', 'eq', 'neq'] as const;
const operators: ReadonlySet<string> = new Set([...timeOperators, 'in']);

/**
 * The texts that `value`, `eq:value` or `in:a,b` stand for. A name may have a colon of its own: only what is an operator before
 * it counts as one, where for other fields it is an unknown one.
 * @throws AppError INPUT_INVALID
 */
export function readTexts(name: string, value: string): readonly string[] {
  const colon = value.indexOf(':');
  const operator = value.slice(0, Math.max(colon, 0));
  if (colon < 0 || (name === 'name' && !operators.has(operator))) return [value];
  if (operator === 'eq') return [value.slice(colon + 1)];
  if (operator === 'in') return readSet(name, value.slice(colon + 1));
  throw invalid(name, `does not know the operator ${operator.slice(0, 50)}`);
}

/** `a,b`; what has a comma stands in double quotes, in which a backslash takes the next character as it is. */
function readSet(name: string, text: string): readonly string[] {
  const item = /(?:"((?:[^"\\]|\\.)*)"|([^",]*))(,|$)/sy;
  const items: string[] = [];
  for (;;) {
    const match = item.exec(text);
    if (match === null) throw invalid(name, 'has quotes that do not belong together');
    const [, quoted, bare = '', end] = match;
    const value = quoted === undefined ? bare : quoted.replaceAll(/\\(.)/gs, '$1');
    if (value !== '') items.push(value);
    if (end === '') return items;
  }
}

const timePattern = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?)?(?:Z|[+ -]\d\d(?::?\d\d)?)?$/;

/** A time is shown in whole seconds, and stands for the whole of its second. @throws AppError INPUT_INVALID */
export function timeFilter(name: string, field: FilterField, value: string): Filter {
  const match = /^([a-z]+):(.*)$/s.exec(value);
  const operator = match?.[1] ?? 'eq';
  const from = readTime(name, match?.[2] ?? value);
  const at = (operator: 'gte' | 'lt', ms: number): Filter => ({
    kind: 'field',
    field,
    operator,
    value: new Date(ms).toISOString(),
  });
  const next = from + 1000 - (from % 1000);
  const within: Filter = { kind: 'and', of: [at('gte', from), at('lt', next)] };
  switch (operator) {
    case 'gt':
      return at('gte', next);
    case 'gte':
      return at('gte', from);
    case 'lt':
      return at('lt', from);
    case 'lte':
      return at('lt', next);
    case 'eq':
      return within;
    case 'neq':
      return { kind: 'or', of: [at('lt', from), at('gte', next)] };
    default:
      throw invalid(name, `does not know the operator ${operator.slice(0, 50)}`);
  }
}

/** Without a zone it is UTC; a `+` that was not escaped has become a space. */
function readTime(name: string, text: string): number {
  const isoText = text.replace(',', '.');
  const [date, rest] = [isoText.slice(0, 10), isoText.slice(10)];
  const zone = /(?:Z|[+ -]\d\d(?::?\d\d)?)$/.exec(rest.length > 1 ? rest.slice(1) : '')?.[0];
  const clock = rest.slice(1, rest.length - (zone?.length ?? 0));
  const offset = zone === undefined || zone === 'Z' ? 'Z' : toOffset(zone);
  const ms = timePattern.test(text) ? Date.parse(`${date}T${clock === '' ? '00:00' : clock}${offset}`) : Number.NaN;
  if (Number.isNaN(ms)) throw invalid(name, 'takes a time of ISO 8601, after gt:, gte:, lt:, lte:, eq: or neq:');
  return ms;
}

function toOffset(zone: string): string {
  const digits = zone.slice(1).replace(':', '').padEnd(4, '0');
  return `${zone.startsWith('-') ? '-' : '+'}${digits.slice(0, 2)}:${digits.slice(2)}`;
}

/** More than any size is as good as the largest. @throws AppError INPUT_INVALID */
export function readWhole(name: string, text: string): number {
  if (!/^\d{1,40}$/.test(text)) throw invalid(name, 'takes a whole number');
  return Math.min(Number(text), Number.MAX_SAFE_INTEGER);
}

const truths: Readonly<Record<string, boolean>> = {
  ...{ true: true, t: true, on: true, yes: true, y: true, 1: true },
  ...{ false: false, f: false, off: false, no: false, n: false, 0: false },
};

/** In any case of letters: one client sends `True`. @throws AppError INPUT_INVALID */
export function readTruth(name: string, text: string): boolean {
  const truth = Object.hasOwn(truths, text.toLowerCase()) ? truths[text.toLowerCase()] : undefined;
  if (truth === undefined) throw invalid(name, 'takes true or false');
  return truth;
}

/** @throws AppError INPUT_INVALID */
export function readOneOf<Value extends string>(name: string, text: string, known: readonly Value[]): Value {
  const value = known.find((one) => one === text);
  if (value === undefined) throw invalid(name, `takes ${known.join(', ')}`);
  return value;
}

export function invalid(name: string, message: string): AppError {
  return new AppError('INPUT_INVALID', `${name.slice(0, 100).toWellFormed()} ${message.toWellFormed()}.`);
}
