/** A filter with its conjunctions flattened and its negations pushed to the conditions, so that each can be looked at alone. */
import type { Filter } from './filter.ts';

/** The conditions that must all hold; equal in meaning to the filter. */
export function conjunctsOf(filter: Filter | null): readonly Filter[] {
  if (filter === null) return [];
  const simple = simplify(filter, false);
  return simple.kind === 'and' ? simple.of : [simple];
}

/** True when any condition of the filter passes the test. */
export function someCondition(filter: Filter | null, test: (condition: Filter) => boolean): boolean {
  if (filter === null) return false;
  if (filter.kind === 'and' || filter.kind === 'or') return filter.of.some((part) => someCondition(part, test));
  if (filter.kind === 'not') return someCondition(filter.of, test);
  return test(filter);
}

function simplify(filter: Filter, negated: boolean): Filter {
  switch (filter.kind) {
    case 'not':
      return simplify(filter.of, !negated);
    case 'and':
    case 'or': {
      // De Morgan holds, because a condition either matches or does not: a missing value is no third answer.
      const kind = (filter.kind === 'and') === negated ? 'or' : 'and';
      const of = filter.of.map((part) => simplify(part, negated)).flatMap((part) => (part.kind === kind ? part.of : [part]));
      const [only] = of;
      return of.length === 1 && only !== undefined ? only : { kind, of };
    }
    default:
      return negated ? negate(filter) : filter;
  }
}

function negate(condition: Filter): Filter {
  if (condition.kind === 'field') {
    if (condition.operator === 'eq') return { ...condition, operator: 'ne' };
    if (condition.operator === 'ne') return { ...condition, operator: 'eq' };
    if (condition.operator === 'exists') return { ...condition, value: condition.value === false };
  }
  if (condition.kind === 'tags' && condition.operator !== 'all') {
    return { ...condition, operator: condition.operator === 'any' ? 'none' : 'any' };
  }
  return { kind: 'not', of: condition };
}
