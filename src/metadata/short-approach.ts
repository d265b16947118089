/** Keeps the statement of a page short: what finds the matches goes where the filter would stand in it too many times. */
import type { Approach, Candidates } from './page-candidates.ts';

/**
 * Characters that all probes, or all walks of trees, may have. Single filters stay far below. With a cursor they stand in the
 * statement twice, and what remains is the list's own walks, which have the filter once in each arm.
 */
const probesLengthMax = 200_000;
const walksLengthMax = 150_000;

/** Null where the list's own walks are left alone. */
export function shortApproach(
  approach: Approach | null,
  { arms, predicate, filter, walked }: Pick<Candidates, 'arms' | 'predicate' | 'filter' | 'walked'>,
): Approach | null {
  if (approach === null) return null;
  const { collect, trees } = approach;
  const probesLength = (collect?.driver.probes.length ?? 0) * (predicate.length + filter.length);
  const walksLength = trees.length * (predicate.length + arms.length * (filter.length + walked.length));
  const short = {
    ...approach,
    collect: probesLength > probesLengthMax ? null : collect,
    trees: walksLength > walksLengthMax ? [] : trees,
  };
  return short.collect === null && short.trees.length === 0 ? null : short;
}
