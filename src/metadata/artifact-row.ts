/** An artifact as a row: the columns every reader selects, its slots as one JSON column, and the shape callers get. */

import type { JsonObject } from '#base/json.ts';
import type { Artifact, ArtifactState, SlotEntry, Visibility } from '#core/artifact.ts';

/** One slot entry as `slotsSql` delivers it: a tuple, because it is parsed for each row of each page. */
type SlotTuple = readonly [string, string, string, string, number, string, string | null, string | null];

export interface ArtifactRow {
  readonly id: string;
  readonly project: string;
  readonly type: string;
  readonly type_version: string;
  readonly family_id: string | null;
  readonly name: string | null;
  readonly version: string | null;
  readonly state: ArtifactState;
  readonly visibility: Visibility;
  readonly hidden: boolean;
  readonly protected: boolean;
  readonly deprecated_at: Date | null;
  readonly deprecation_message: string | null;
  readonly yanked_at: Date | null;
  readonly yank_reason: string | null;
  readonly properties: JsonObject;
  readonly tags: readonly string[];
  readonly digest_algorithm: string | null;
  readonly digest_value: string | null;
  readonly revision: number;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly published_at: Date | null;
  readonly expires_at: Date | null;
  readonly slots: readonly SlotTuple[];
}

const columnNames = [
  'id',
  'project',
  'type',
  'type_version',
  'family_id',
  'name',
  'version',
  'state',
  'visibility',
  'hidden',
  'protected',
  'deprecated_at',
  'deprecation_message',
  'yanked_at',
  'yank_reason',
  'properties',
  'tags',
  'digest_algorithm',
  'digest_value',
  'revision',
  'created_at',
  'updated_at',
  'published_at',
  'expires_at',
];

/** The columns of `toArtifact`, slots included, of the artifact table under `alias`. */
export function artifactColumns(alias: string): string {
  return `${columnNames.map((name) => `${alias}.${name}`).join(', ')}, ${slotsSql(`${alias}.id`)} AS slots`;
}

/** As `artifactColumns`, of a draft that has nothing in its slots yet. */
export function draftColumns(alias: string): string {
  return `${columnNames.map((name) => `${alias}.${name}`).join(', ')}, '[]'::json AS slots`;
}

/** A scalar subquery: every slot entry of the artifact, ordered by slot and path. */
function slotsSql(artifactId: string): string {
  return `(SELECT coalesce(json_agg(json_build_array(ab.slot, ab.key, ab.path, ab.media_type, b.size_bytes, b.digest_value,
      (SELECT d.value FROM blob_digest d WHERE d.blob_id = b.id AND d.algorithm = 'sha512'),
      (SELECT d.value FROM blob_digest d WHERE d.blob_id = b.id AND d.algorithm = 'md5'))
      ORDER BY ab.slot, ab.path), '[]')
    FROM artifact_blob ab JOIN blob b ON b.id = ab.blob_id WHERE ab.artifact_id = ${artifactId})`;
}

/** A row as a viewer reads it. */
export function toArtifact(row: ArtifactRow): Artifact {
  return {
    id: row.id,
    project: row.project,
    type: row.type,
    typeVersion: row.type_version,
    familyId: row.family_id,
    name: row.name,
    version: row.version,
    state: row.state,
    visibility: row.visibility,
    hidden: row.hidden,
    protected: row.protected,
    deprecatedAt: toTime(row.deprecated_at),
    deprecationMessage: row.deprecation_message,
    yankedAt: toTime(row.yanked_at),
    yankReason: row.yank_reason,
    properties: row.properties,
    tags: row.tags,
    digest: row.digest_value === null ? null : `${row.digest_algorithm}:${row.digest_value}`,
    revision: row.revision,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    publishedAt: toTime(row.published_at),
    expiresAt: toTime(row.expires_at),
    slots: toSlots(row.slots),
  };
}

/** What `slotsSql` answered, as slot entries. */
function toSlots(tuples: readonly SlotTuple[]): readonly SlotEntry[] {
  return tuples.map(([slot, key, path, mediaType, sizeBytes, sha256, sha512, md5]) => ({
    slot,
    key,
    path,
    mediaType,
    sizeBytes,
    sha256,
    sha512: sha512 ?? '',
    md5: md5 ?? '',
  }));
}

function toTime(at: Date | null): string | null {
  return at === null ? null : at.toISOString();
}
