/** A version range as a value of a statement, and the condition over it, for statements whose text is fixed. */
import type { Range } from '#core/range.ts';

/** One comparator set, as `inSetsSql` reads it out of JSON. */
interface RangeSetValue {
  readonly low: string | null;
  readonly lowInclusive: boolean;
  readonly high: string | null;
  readonly highInclusive: boolean;
  readonly cores: readonly string[];
}

/** The sets of a range as a JSON value. They are never merged: each admits the prereleases of its own cores only. */
export function rangeSets({ sets }: Range): readonly RangeSetValue[] {
  return sets.map(({ low, high, prereleaseCores }) => ({
    low: low?.key ?? null,
    lowInclusive: low?.inclusive ?? false,
    high: high?.key ?? null,
    highInclusive: high?.inclusive ?? false,
    cores: prereleaseCores,
  }));
}

/**
 * True where the version of the artifact under `alias` lies in one of the sets: an interval over the key, and a release or a
 * prerelease of one of its cores.
 * @param sets SQL of a jsonb value that `rangeSets` made
 */
export function inSetsSql(alias: string, sets: string): string {
  const key = `${alias}.version_key`;
  return `EXISTS (SELECT 1
    FROM jsonb_to_recordset(${sets}) AS s (low text, "lowInclusive" boolean, high text, "highInclusive" boolean, cores jsonb)
    WHERE (s.low IS NULL OR ${key} > s.low COLLATE "C" OR (s."lowInclusive" AND ${key} = s.low COLLATE "C"))
      AND (s.high IS NULL OR ${key} < s.high COLLATE "C" OR (s."highInclusive" AND ${key} = s.high COLLATE "C"))
      AND (${alias}.version_is_release OR s.cores ? ${alias}.version_core))`;
}
