/** Rows whose every column tells the older part of the list from the newer, and filters whose many matches all lie in one part. */
import type { Json } from '#base/json.ts';
import type { Filter, FilterField, FilterOperator, FilterValueKind } from '#core/filter.ts';
import { versionKey } from '#core/version.ts';
import type { Database } from '#metadata/database.ts';
import type { NamedFilter } from './list-filters.ts';

const middle = '2026-06-01T00:00:00Z';
const start = '2026-01-01T00:00:00Z';

/**
 * Rewrites bench/dataset.ts, of whose rows each is 7 seconds younger than the one before: the older two fifths are `old-…`, of
 * major version 0, deprecated, yanked, protected, and so on; the older a row, the later it was published and changed.
 */
export async function pushApart(db: Database, artifacts: number): Promise<void> {
  const old = 'a.created_at < $1::timestamptz';
  const early = new Date(Date.parse(start) + artifacts * 0.4 * 7_000).toISOString();
  const earliest = new Date(Date.parse(start) + artifacts * 0.1 * 7_000).toISOString();
  const keys = (major: string): string[] => Array.from({ length: 64 }, (_, minor) => versionKey(major, String(minor), '0', []));
  for (let from = 0; from < artifacts; from += 2_500) {
    await db.query(
      {
        text: `UPDATE artifact a SET
        name = CASE WHEN ${old} THEN 'old-' ELSE 'young-' END || a.name,
        type_version = CASE WHEN ${old} THEN '0' ELSE '1' END,
        version = CASE WHEN ${old} THEN '0' ELSE '1' END || substr(a.version, 2),
        version_key = CASE WHEN ${old} THEN ($2::text[])[split_part(a.version, '.', 2)::int + 1] ELSE a.version_key END,
        version_core = CASE WHEN ${old} THEN '0' ELSE '1' END || substr(a.version_core, 2),
        protected = ${old}, deprecated_at = CASE WHEN ${old} THEN now() END, yanked_at = CASE WHEN ${old} THEN now() END,
        published_at = CASE WHEN a.created_at < $3::timestamptz THEN NULL ELSE '${middle}'::timestamptz + ($1::timestamptz - a.created_at) END,
        updated_at = '${middle}'::timestamptz + ($1::timestamptz - a.created_at),
        tags = ARRAY[CASE WHEN ${old} THEN 'old' ELSE 'young' END, 'it''s \\'] || CASE WHEN a.created_at < $3::timestamptz THEN '{}' ELSE ARRAY['nearly'] END,
        properties = jsonb_build_object('os_distro', CASE WHEN ${old} THEN 'old-' ELSE 'young-' END || (a.properties ->> 'os_distro'),
          'min_ram', (a.properties ->> 'min_ram')::int + CASE WHEN ${old} THEN 0 ELSE 1000 END,
          'free', CASE WHEN ${old} THEN 'old' ELSE 'it''s \\ young' END)
          || CASE WHEN ${old} THEN '{"disk_format": "raw"}'::jsonb ELSE '{}'::jsonb END
      WHERE a.created_at >= $4::timestamptz AND a.created_at < $5::timestamptz`,
      },
      [
        early,
        keys('0'),
        earliest,
        new Date(Date.parse(start) + from * 7_000).toISOString(),
        new Date(Date.parse(start) + (from + 2_500) * 7_000).toISOString(),
      ],
    );
  }
}

function field(name: FilterField, operator: FilterOperator, value: Json): NamedFilter {
  const filter: Filter = { kind: 'field', field: name, operator, value };
  return { name: `${name} ${operator} ${JSON.stringify(value)}`, type: null, filter };
}

function property(name: string, valueKind: FilterValueKind, operator: FilterOperator, value: Json): NamedFilter {
  const filter: Filter = { kind: 'property', type: 'image', property: name, valueKind, operator, value };
  return { name: `image.${name} ${operator} ${JSON.stringify(value)}`, type: 'image', filter };
}

function tags(operator: 'all' | 'any' | 'none', ...list: string[]): NamedFilter {
  return { name: `tags ${operator} ${list.join()}`, type: null, filter: { kind: 'tags', operator, tags: list } };
}

function range(text: string): NamedFilter {
  return { name: `version in ${text}`, type: null, filter: { kind: 'versionRange', range: text } };
}

const both = <Value>(values: readonly Value[], of: (value: Value) => NamedFilter): NamedFilter[] => values.map(of);

const plain: readonly NamedFilter[] = [
  ...both(['old-', 'young-', 'old-family-1'], (prefix) => field('name', 'prefix', prefix)),
  ...[field('name', 'lt', 'p'), field('name', 'gte', 'p'), field('name', 'ne', 'young-family-1')],
  ...[field('name', 'in', ['old-family-0', 'old-family-1']), field('name', 'eq', 'old-family-1'), field('name', 'exists', true)],
  ...both(['<1', '>=1', '~0.3', '0.3.0 || 0.5.0 || >=0.7 <1', '*'], range),
  ...[field('version', 'lt', '1.0.0'), field('version', 'gte', '1.0.0'), field('version', 'ne', '1.3.0')],
  ...both(['0', '1'], (version) => field('typeVersion', 'eq', version)),
  ...[field('typeVersion', 'ne', '1'), field('typeVersion', 'in', ['0'])],
  ...both([true, false], (flag) => field('protected', 'eq', flag)),
  ...both([true, false], (flag) => field('deprecated', 'eq', flag)),
  ...both([true, false], (flag) => field('yanked', 'eq', flag)),
  ...both(['lt', 'lte', 'gt', 'gte'] as const, (operator) => field('publishedAt', operator, middle)),
  ...both(['lt', 'lte', 'gt', 'gte'] as const, (operator) => field('updatedAt', operator, middle)),
  ...both(['lt', 'lte', 'gt', 'gte'] as const, (operator) => field('createdAt', operator, '2026-01-01T07:00:00Z')),
  ...both([true, false], (there) => field('publishedAt', 'exists', there)),
  ...[tags('any', 'old'), tags('any', 'young'), tags('all', 'old', "it's \\"), tags('any', 'old', 'nothing')],
  ...[tags('none', 'nearly'), tags('none', "it's \\"), tags('none', 'nearly', 'young'), tags('none', 'nothing')],
  ...both(['old-', 'young-'], (prefix) => property('os_distro', 'string', 'prefix', prefix)),
  ...[property('os_distro', 'string', 'eq', 'old-distro-12'), property('os_distro', 'string', 'ne', 'young-distro-12')],
  ...[property('disk_format', 'string', 'eq', 'raw'), property('disk_format', 'string', 'ne', 'raw')],
  ...both([true, false], (there) => property('disk_format', 'string', 'exists', there)),
  ...both(['lt', 'lte', 'gt', 'gte'] as const, (operator) => property('min_ram', 'integer', operator, 500)),
  property('min_ram', 'integer', 'in', [0, 4, 8]),
  // Of the fewer old ones an index over all properties collects each.
  ...[property('free', 'string', 'eq', "it's \\ young"), property('free', 'string', 'in', ["it's \\ young", 'nothing'])],
  ...both(['big', 'other'], (project) => field('project', 'ne', project)),
  ...both(['image', 'bundle'], (type) => field('type', 'ne', type)),
];

/** Each of them, and what each leaves over. */
export const farEndFilters: readonly NamedFilter[] = plain.flatMap((named) => [
  named,
  { name: `not ${named.name}`, type: named.type, filter: { kind: 'not', of: named.filter } },
  ...(named.type === null && !named.name.startsWith('type ')
    ? [{ ...named, name: `${named.name}, of images`, type: 'image' }]
    : []),
]);
