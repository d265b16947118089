/** Each single filter that lists have, matching nothing, everything, few rows and about 1.6 % of bench/dataset.ts. */
import type { Json } from '#base/json.ts';
import type { Filter, FilterField, FilterOperator, FilterValueKind } from '#core/filter.ts';
import type { IndexableType } from '#metadata/property-index-definitions.ts';

export interface NamedFilter {
  readonly name: string;
  /** Null: of any type. */
  readonly type: string | null;
  readonly filter: Filter;
}

/** The property indexes that the filters below can use. */
export const indexedTypes: readonly IndexableType[] = [
  {
    type: 'image',
    hasExtra: true,
    properties: [
      { name: 'os_distro', kind: 'string', filterable: true, sortable: true },
      { name: 'disk_format', kind: 'string', filterable: true, sortable: false },
      { name: 'min_ram', kind: 'integer', filterable: true, sortable: true },
      { name: 'features', kind: 'string-list', filterable: true, sortable: false },
    ],
  },
];

function field(name: FilterField, operator: FilterOperator, value: Json): NamedFilter {
  return {
    name: `${name} ${operator} ${JSON.stringify(value)}`,
    type: null,
    filter: { kind: 'field', field: name, operator, value },
  };
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

const nobody = '00000000-0000-4000-8000-000000000000';
const start = '2026-01-01T00:00:00Z';
const never = '2036-01-01T00:00:00Z';

export const singleFilters: readonly NamedFilter[] = [
  ...[field('id', 'eq', nobody), field('id', 'in', [nobody])],
  ...[field('name', 'eq', 'family-3'), field('name', 'eq', 'none'), field('name', 'ne', 'family-3'), field('name', 'ne', 'none')],
  ...[field('name', 'in', ['family-1', 'family-2']), field('name', 'prefix', 'family-'), field('name', 'prefix', 'x')],
  ...[field('name', 'gt', 'family-'), field('name', 'lt', 'a'), field('name', 'exists', true), field('name', 'exists', false)],
  ...[
    field('version', 'eq', '1.3.0'),
    field('version', 'eq', '9.0.0'),
    field('version', 'gte', '1.0.0'),
    field('version', 'lt', '1.1.0'),
  ],
  ...[field('version', 'in', ['1.3.0', '1.5.0']), field('version', 'prefix', '1.'), field('version', 'prefix', '2')],
  ...[range('*'), range('~1.5'), range('>=2'), range('^1'), range('1.3.0 || 1.9.0'), range('>=1.3.0-a <1.4')],
  ...[field('state', 'eq', 'active'), field('state', 'eq', 'deactivated'), field('state', 'eq', 'draft')],
  ...[field('state', 'in', ['draft', 'deactivated']), field('state', 'ne', 'active')],
  ...[field('visibility', 'eq', 'public'), field('visibility', 'eq', 'private'), field('visibility', 'eq', 'community')],
  ...[
    field('visibility', 'eq', 'shared'),
    field('visibility', 'ne', 'private'),
    field('visibility', 'in', ['private', 'shared']),
  ],
  ...[
    field('project', 'eq', 'big'),
    field('project', 'eq', 'other'),
    field('project', 'eq', 'none'),
    field('project', 'in', ['big', 'other']),
  ],
  ...[field('type', 'eq', 'image'), field('type', 'eq', 'none'), field('type', 'in', ['image', 'bundle'])],
  ...[field('typeVersion', 'eq', '1'), field('typeVersion', 'eq', '2')],
  ...[field('protected', 'eq', true), field('protected', 'eq', false), field('hidden', 'eq', true), field('hidden', 'eq', false)],
  ...[
    field('deprecated', 'eq', true),
    field('deprecated', 'eq', false),
    field('yanked', 'eq', true),
    field('yanked', 'eq', false),
  ],
  ...[field('createdAt', 'gte', start), field('createdAt', 'lt', '2026-01-01T00:02:00Z'), field('createdAt', 'gt', never)],
  ...[field('updatedAt', 'gte', start), field('updatedAt', 'lt', '2026-01-01T00:02:00Z'), field('updatedAt', 'gt', never)],
  ...[field('publishedAt', 'gte', start), field('publishedAt', 'lt', '2026-01-01T00:18:00Z'), field('publishedAt', 'gt', never)],
  ...[field('publishedAt', 'exists', true), field('publishedAt', 'exists', false)],
  field('digest', 'eq', `sha256:${'0'.repeat(64)}`),
  ...[tags('all', 'all'), tags('any', 'all'), tags('any', 'rare'), tags('all', 'all', 'tag-7'), tags('any', 'nothing')],
  ...[tags('any', 'tag-7', 'tag-8'), tags('none', 'rare'), tags('none', 'nothing')],
  { name: 'latest', type: null, filter: { kind: 'latest' } },
  { name: 'latest image', type: 'image', filter: { kind: 'latest' } },
  ...[property('os_distro', 'string', 'eq', 'distro-12'), property('os_distro', 'string', 'eq', 'none')],
  ...[property('os_distro', 'string', 'prefix', 'distro-'), property('os_distro', 'string', 'ne', 'none')],
  ...[property('os_distro', 'string', 'in', ['distro-12', 'distro-4']), property('os_distro', 'string', 'exists', false)],
  ...[property('disk_format', 'string', 'eq', 'qcow2'), property('disk_format', 'string', 'ne', 'qcow2')],
  ...[
    property('min_ram', 'integer', 'gte', 0),
    property('min_ram', 'integer', 'lt', 4),
    property('min_ram', 'integer', 'eq', 44),
  ],
  ...[property('min_ram', 'integer', 'gt', 1000), property('min_ram', 'integer', 'in', [0, 4])],
  ...[property('features', 'string-list', 'has', 'every'), property('features', 'string-list', 'has', 'one-12')],
  ...[property('features', 'string-list', 'has', 'none'), property('features', 'string-list', 'hasAny', ['one-12', 'none'])],
  ...[
    property('free', 'string', 'eq', 'f12'),
    property('free', 'string', 'eq', 'none'),
    property('free', 'string', 'prefix', 'f'),
  ],
  ...[property('missing', 'string', 'exists', true), property('missing', 'string', 'prefix', 'x')],
];

/** Conditions that a good plan answers by the more selective of the two. */
const pairs: readonly (readonly [NamedFilter, NamedFilter])[] = [
  [field('name', 'eq', 'family-3'), field('protected', 'eq', true)],
  [tags('any', 'rare'), field('protected', 'eq', false)],
  [field('digest', 'eq', `sha256:${'0'.repeat(64)}`), range('*')],
  [property('os_distro', 'string', 'eq', 'distro-12'), property('disk_format', 'string', 'eq', 'qcow2')],
  [property('min_ram', 'integer', 'lt', 4), field('name', 'prefix', 'family-')],
  [field('version', 'eq', '1.3.0'), field('publishedAt', 'gte', start)],
];

export const combinedFilters = pairs.map(([left, right]) => ({ name: `${left.name} and ${right.name}`, left, right }));
