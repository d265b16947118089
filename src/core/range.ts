/** Version ranges are node-semver's grammar and prerelease rule, read into intervals over version keys that SQL can compare. */
import { AppError } from '#base/app-error.ts';
import { type Comparator, parseComparators } from './range-grammar.ts';
import { type Version, versionKey } from './version.ts';

interface Bound {
  /** A version key (core/version.ts). */
  readonly key: string;
  readonly inclusive: boolean;
}

/** One interval; a version is in it when it lies between the bounds and is a release, or its core is one of the cores. */
export interface RangeSet {
  readonly low: Bound | null;
  readonly high: Bound | null;
  /** Cores of every comparator of this set that has a prerelease, also of those that do not bound the interval. */
  readonly prereleaseCores: readonly string[];
}

/** A version is in a range when it is in one of its sets. */
export interface Range {
  /** As written, with white space collapsed. */
  readonly text: string;
  readonly sets: readonly RangeSet[];
}

/** Longest range text, in characters, and most sets. */
const rangeLengthMax = 1024;
const rangeSetsMax = 64;

/** '' and `*` mean any release. @throws AppError RANGE_INVALID */
export function parseRange(text: string): Range {
  if (text.length > rangeLengthMax) throw invalid(`The range is longer than ${rangeLengthMax} characters.`);
  const collapsed = text.trim().replace(/\s+/g, ' ');
  const parts = collapsed.split('||');
  if (parts.length > rangeSetsMax) throw invalid(`The range has more than ${rangeSetsMax} sets.`);
  const sets = parts.map((part) => {
    const comparators = parseComparators(part.trim());
    if (comparators === undefined) throw invalid(`The range ${JSON.stringify(part.trim())} cannot be read.`);
    return comparators;
  });
  // As node-semver: a set that takes any release makes the others void, with the prereleases that they name.
  const any = sets.find((set) => set.length === 0);
  return { text: collapsed, sets: (any === undefined ? sets : [any]).map(toRangeSet) };
}

export function satisfies(version: Version, range: Range): boolean {
  return range.sets.some((set) => isWithin(version, set));
}

function isWithin(version: Version, set: RangeSet): boolean {
  const { low, high } = set;
  if (low !== null && (version.key < low.key || (version.key === low.key && !low.inclusive))) return false;
  if (high !== null && (version.key > high.key || (version.key === high.key && !high.inclusive))) return false;
  return version.isRelease || set.prereleaseCores.includes(version.core);
}

function toRangeSet(comparators: readonly Comparator[]): RangeSet {
  let low: Bound | null = null;
  let high: Bound | null = null;
  const cores = new Set<string>();
  for (const { operator, major, minor, patch, prerelease } of comparators) {
    const bound = { key: versionKey(major, minor, patch, prerelease), inclusive: operator.endsWith('=') };
    if (operator !== '<' && operator !== '<=') low = tighter(low, bound, (a, b) => a > b);
    if (operator !== '>' && operator !== '>=') high = tighter(high, bound, (a, b) => a < b);
    if (prerelease.length > 0) cores.add(`${major}.${minor}.${patch}`);
  }
  return { low, high, prereleaseCores: [...cores] };
}

/** At one key the open bound is the tighter. */
function tighter(current: Bound | null, next: Bound, beats: (a: string, b: string) => boolean): Bound {
  if (current === null || beats(next.key, current.key)) return next;
  return next.key === current.key && !next.inclusive ? next : current;
}

function invalid(detail: string): AppError {
  return new AppError('RANGE_INVALID', detail);
}
