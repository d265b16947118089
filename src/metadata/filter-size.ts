/** What a filter may have in all: a bound on what one request costs, checked before anything is made of it. */
import { AppError } from '#base/app-error.ts';
import type { Filter } from '#core/filter.ts';
import { parseRange } from '#core/range.ts';

const nodesMax = 100;
const depthMax = 10;
const setMax = 200;

/** @throws AppError QUERY_TOO_COMPLEX for a tree that is too deep, or has too many parts or values; RANGE_INVALID */
export function assertFilterSize(filter: Filter): void {
  let nodes = 0;
  const visit = (part: Filter, depth: number): void => {
    // Each set of a range is written out as a condition of its own.
    nodes += part.kind === 'versionRange' ? parseRange(part.range).sets.length : 1;
    if (nodes > nodesMax || depth > depthMax) {
      throw new AppError(
        'QUERY_TOO_COMPLEX',
        `A filter may have ${nodesMax} conditions, nested ${depthMax} deep; each set of a version range counts as one.`,
      );
    }
    if (part.kind === 'and' || part.kind === 'or') for (const inner of part.of) visit(inner, depth + 1);
    if (part.kind === 'not') visit(part.of, depth + 1);
    const set = part.kind === 'tags' ? part.tags : 'value' in part && Array.isArray(part.value) ? part.value : [];
    if (set.length > setMax) throw new AppError('QUERY_TOO_COMPLEX', `A set in a filter may have ${setMax} values.`);
  };
  visit(filter, 1);
}
