/** How a condition on versions reads as walks of their tree; releases and prereleases are walked apart. */
import type { Json } from '#base/json.ts';
import { parseRange } from '#core/range.ts';
import { parseVersion } from '#core/version.ts';
import { compareText, type Operator } from './compare-sql.ts';
import { rangeBoundsSql, versionKeys } from './filter-sql.ts';
import { listed, opposites } from './interval-walks.ts';
import { flagInTree, inTree } from './order-trees.ts';
import type { SqlValues } from './sql-values.ts';

const isRelease = flagInTree('a.version_is_release');
const versionKey = inTree('a.version_key');

export function versionWalks(operator: Operator, value: Json, values: SqlValues): readonly string[] | undefined {
  if (operator === 'prefix') return undefined;
  if (operator === 'exists') return [`${versionKey} IS ${value === false ? '' : 'NOT '}NULL`];
  const side = (release: boolean, part: Operator, key: Json): string =>
    `${isRelease} = ${release ? 1 : 0} AND ${compareText(versionKey, 'version', part, key, values)}`;
  const keys = versionKeys(operator, value);
  if (operator === 'eq' || operator === 'in') {
    return listed(value).map((text, index) =>
      side((typeof text === 'string' ? parseVersion(text)?.isRelease : undefined) ?? true, 'eq', listed(keys)[index] ?? null),
    );
  }
  const both = (part: Operator): string[] => [side(true, part, keys), side(false, part, keys)];
  return operator === 'ne' ? [...both('lt'), ...both('gt'), `${versionKey} IS NULL`] : both(operator);
}

export function otherVersions(operator: Operator, value: Json, values: SqlValues): readonly string[] | undefined {
  const opposite = opposites[operator];
  if (opposite === undefined) return undefined;
  const walks = versionWalks(opposite, value, values) ?? [];
  return opposite === 'ne' || opposite === 'eq' ? walks : [...walks, `${versionKey} IS NULL`];
}

export function rangeWalks(range: string, values: SqlValues): readonly string[] {
  return parseRange(range).sets.flatMap((set) => {
    const bounds = rangeBoundsSql(versionKey, set, values).join(' AND ');
    const cores = set.prereleaseCores.map(
      (core) => `${isRelease} = 0 AND a.version_core = ${values.add(core, 'text')} AND ${bounds}`,
    );
    return [`${isRelease} = 1 AND ${bounds}`, ...cores];
  });
}

/** Of several sets, what is outside of one may be inside of another: only one is turned around. */
export function outsideRange(range: string, values: SqlValues): readonly string[] | undefined {
  const { sets } = parseRange(range);
  const [set] = sets;
  if (set === undefined || sets.length > 1) return undefined;
  const bounds = rangeBoundsSql(versionKey, set, values).slice(1);
  return [...bounds.map((bound) => `${isRelease} = 1 AND (NOT ${bound})`), `${isRelease} = 0`, `${versionKey} IS NULL`];
}
