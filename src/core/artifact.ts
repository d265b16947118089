/** The shapes every room speaks of: an artifact as it is read, its blobs and its dependencies. */
import type { JsonObject } from '#base/json.ts';

export const artifactStates = ['draft', 'active', 'deactivated', 'pending_delete', 'deleted'] as const;
export type ArtifactState = (typeof artifactStates)[number];

export const visibilities = ['private', 'shared', 'community', 'public'] as const;
export type Visibility = (typeof visibilities)[number];

export const memberStatuses = ['pending', 'accepted', 'rejected'] as const;
export type MemberStatus = (typeof memberStatuses)[number];

/** The three digests every blob has; lower-case hexadecimal. */
export interface Digests {
  readonly sha256: string;
  readonly sha512: string;
  readonly md5: string;
}

/** One blob in a slot. `key` is '' in a slot of kind `one` and equals `path` in a `map`. */
export interface SlotEntry extends Digests {
  readonly slot: string;
  readonly key: string;
  readonly path: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
}

/** A dependency as it was written: a family by range, or (with `id`) one exact artifact. */
export interface DependencyInput {
  readonly slot: string;
  /** The name that the consumer's own files use; unique in the artifact. */
  readonly alias: string;
  /** An artifact reference: `[project/]type/name[@range]`, or an id. */
  readonly ref: string;
  /** The template parameter that receives an image's id. */
  readonly parameter?: string | undefined;
}

/** What publish resolved a dependency to. `version` and `digest` are null for an unversioned artifact. */
export interface ResolvedPin {
  readonly id: string;
  readonly project: string;
  readonly type: string;
  readonly name: string | null;
  readonly version: string | null;
  readonly digest: string | null;
}

export interface Dependency {
  readonly slot: string;
  readonly alias: string;
  /** Canonical text of the reference as written. */
  readonly ref: string;
  readonly targetProject: string | null;
  readonly targetType: string | null;
  readonly targetName: string | null;
  readonly targetId: string | null;
  /** The SemVer range as written; '' means any release. */
  readonly range: string;
  readonly parameter: string | null;
  /** Null before publish, and for a viewer who may not see the resolved artifact. */
  readonly resolved: ResolvedPin | null;
}

/** An artifact as a viewer reads it. Times are ISO 8601 in UTC with microseconds dropped to milliseconds. */
export interface Artifact {
  readonly id: string;
  readonly project: string;
  readonly type: string;
  readonly typeVersion: string;
  readonly familyId: string | null;
  readonly name: string | null;
  readonly version: string | null;
  readonly state: ArtifactState;
  readonly visibility: Visibility;
  readonly hidden: boolean;
  readonly protected: boolean;
  readonly deprecatedAt: string | null;
  readonly deprecationMessage: string | null;
  readonly yankedAt: string | null;
  readonly yankReason: string | null;
  readonly properties: JsonObject;
  readonly tags: readonly string[];
  /** `sha256:<hex>` of the canonical form, from publish on; null for drafts and unversioned artifacts. */
  readonly digest: string | null;
  readonly revision: number;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly publishedAt: string | null;
  readonly expiresAt: string | null;
  /** Ordered by slot, then path. */
  readonly slots: readonly SlotEntry[];
}

export interface Member {
  readonly artifactId: string;
  readonly project: string;
  readonly status: MemberStatus;
  readonly createdAt: string;
  readonly updatedAt: string;
}
