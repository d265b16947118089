/** What a list may be narrowed by: a small tree that edges build and the metadata room compiles to SQL. */
import type { Json } from '#base/json.ts';

/** Fields of every artifact that a filter may compare. */
export type FilterField =
  | 'id'
  | 'project'
  | 'type'
  | 'typeVersion'
  | 'name'
  | 'version'
  | 'state'
  | 'visibility'
  | 'digest'
  | 'protected'
  | 'hidden'
  | 'deprecated'
  | 'yanked'
  /** Of all blobs together, from publish on. */
  | 'sizeBytes'
  | 'createdAt'
  | 'updatedAt'
  | 'publishedAt';

/** How a property's JSON value is compared. */
export type FilterValueKind = 'string' | 'integer' | 'number' | 'boolean' | 'string-list' | 'json';

/** `has` and `hasAny` are for lists; `prefix` for text; `exists` takes a boolean. */
export type FilterOperator = 'eq' | 'ne' | 'in' | 'lt' | 'lte' | 'gt' | 'gte' | 'prefix' | 'has' | 'hasAny' | 'exists';

export type Filter =
  | { readonly kind: 'and' | 'or'; readonly of: readonly Filter[] }
  | { readonly kind: 'not'; readonly of: Filter }
  | { readonly kind: 'field'; readonly field: FilterField; readonly operator: FilterOperator; readonly value: Json }
  | {
      readonly kind: 'property';
      readonly type: string;
      readonly property: string;
      readonly valueKind: FilterValueKind;
      readonly operator: FilterOperator;
      readonly value: Json;
    }
  | { readonly kind: 'tags'; readonly operator: 'all' | 'any' | 'none'; readonly tags: readonly string[] }
  /** The blob of a slot of kind `one` has this digest, in lower-case hexadecimal. */
  | { readonly kind: 'blob'; readonly slot: string; readonly algorithm: 'md5' | 'sha256' | 'sha512'; readonly value: string }
  /** Whether bytes are coming into a slot now. */
  | { readonly kind: 'receiving'; readonly slot: string; readonly value: boolean }
  /** A SemVer range over the version (core/range.ts). */
  | { readonly kind: 'versionRange'; readonly range: string }
  /** Only the highest release of each family that the caller has listed. */
  | { readonly kind: 'latest' };

/** What a list is ordered by; ties fall to the id. */
export interface Order {
  readonly key:
    | 'createdAt'
    | 'updatedAt'
    | 'name'
    | 'version'
    | { readonly property: string; readonly valueKind: FilterValueKind };
  readonly direction: 'asc' | 'desc';
}

/** Relay's page arguments; exactly one of first and last. */
export interface PageRequest {
  readonly first?: number | undefined;
  readonly after?: string | undefined;
  readonly last?: number | undefined;
  readonly before?: string | undefined;
}

export interface Page<Item> {
  /** How many the whole list has, counted when it is called; null where that is more than is counted. */
  readonly countAll: () => Promise<number | null>;
  readonly edges: readonly { readonly cursor: string; readonly node: Item }[];
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
}
