/** Artifacts: reading one or several, making a draft, locking, and each change of the row. */

import type { JsonObject } from '#base/json.ts';
import type { Artifact, ArtifactState, Visibility } from '#core/artifact.ts';
import type { Version } from '#core/version.ts';
import { type ArtifactRow, artifactColumns, draftColumns, toArtifact } from './artifact-row.ts';
import type { Sql } from './database.ts';
import { type ChangeRow, changeValues, insertChangeSql } from './event-records.ts';
import { sizedSql } from './size-records.ts';
import { readableSql, type Viewer } from './visibility-sql.ts';

const viewer = { project: '$1::text', isAdmin: '$2::boolean' };

const findReadableStatement = {
  name: 'artifact-find-readable',
  text: `SELECT ${artifactColumns('a')} FROM artifact a WHERE a.id = $3 AND ${readableSql('a', viewer)}`,
};

/** The artifact if the viewer may read it. */
export async function findReadableArtifact(sql: Sql, { project, isAdmin }: Viewer, id: string): Promise<Artifact | undefined> {
  const [row] = await sql.query<ArtifactRow>(findReadableStatement, [project, isAdmin, id]);
  return row === undefined ? undefined : toArtifact(row);
}

const findReadablesStatement = {
  name: 'artifact-find-readables',
  text: `SELECT ${artifactColumns('a')} FROM artifact a WHERE a.id = ANY($3::uuid[]) AND ${readableSql('a', viewer)}`,
};

/** Those of the artifacts that the viewer may read, in no order. */
export async function findReadableArtifacts(
  sql: Sql,
  { project, isAdmin }: Viewer,
  ids: readonly string[],
): Promise<readonly Artifact[]> {
  const rows = await sql.query<ArtifactRow>(findReadablesStatement, [project, isAdmin, ids]);
  return rows.map(toArtifact);
}

export interface NewArtifact {
  readonly id: string;
  readonly project: string;
  readonly type: string;
  readonly typeVersion: string;
  readonly familyId: string | null;
  readonly name: string | null;
  readonly version: Version | null;
  readonly visibility: Visibility;
  readonly hidden: boolean;
  readonly protected: boolean;
  readonly properties: JsonObject;
  readonly tags: readonly string[];
  readonly createdBy: string;
  readonly draftTtlMs: number;
}

const insertFromUsed = `INSERT INTO artifact AS a (id, project, type, type_version, family_id, name, version, version_key, version_core,
      version_is_release, state, visibility, hidden, protected, properties, tags, created_by, expires_at)
    SELECT used.id, $2, $3, $4, $5::uuid, $6, $7, $8, $9, $10::boolean, 'draft', $11, $12::boolean, $13::boolean, $14::jsonb,
      $15::text[], $16, now() + $17 * interval '1 millisecond' FROM used`;

const insertDraftStatement = {
  name: 'artifact-insert-draft',
  // An id is never used twice, not even after a purge: without a new row in used_id nothing is inserted.
  text: `WITH used AS (INSERT INTO used_id (id) VALUES ($1) ON CONFLICT DO NOTHING RETURNING id)
    ${insertFromUsed} RETURNING ${artifactColumns('a')}`,
};

/** A new draft; undefined when its id is, or ever was, in use. */
export async function insertDraft(sql: Sql, draft: NewArtifact): Promise<Artifact | undefined> {
  const [row] = await sql.query<ArtifactRow>(insertDraftStatement, draftValues(draft));
  return row === undefined ? undefined : toArtifact(row);
}

const insertToldDraftStatement = {
  name: 'artifact-insert-told-draft',
  text: `WITH used AS (INSERT INTO used_id (id) VALUES ($1) ON CONFLICT DO NOTHING RETURNING id),
    a AS (${insertFromUsed} RETURNING *),
    ${insertChangeSql('FROM a', 18)}
    SELECT ${draftColumns('a')} FROM a`,
};

/** As `insertDraft`, together with its change, and with nothing else: one statement, and so one transaction without a round trip more. */
export async function insertToldDraft(sql: Sql, draft: NewArtifact, change: ChangeRow): Promise<Artifact | undefined> {
  const values = [...draftValues(draft), ...changeValues(change)];
  const [row] = await sql.query<ArtifactRow>(insertToldDraftStatement, values);
  return row === undefined ? undefined : toArtifact(row);
}

function draftValues(draft: NewArtifact): readonly unknown[] {
  return [
    draft.id,
    draft.project,
    draft.type,
    draft.typeVersion,
    draft.familyId,
    draft.name,
    ...versionValues(draft.version),
    draft.visibility,
    draft.hidden,
    draft.protected,
    JSON.stringify(draft.properties),
    draft.tags,
    draft.createdBy,
    draft.draftTtlMs,
  ];
}

/** What a lock reads: enough to decide whether the change planned on a snapshot still holds. */
export interface LockedArtifact {
  readonly id: string;
  readonly project: string;
  readonly state: ArtifactState;
  readonly visibility: Visibility;
  readonly protected: boolean;
  readonly yanked: boolean;
  readonly deprecationMessage: string | null;
  readonly revision: number;
  /** What a delayed delete came from. */
  readonly stateBeforeDelete: ArtifactState | null;
}

const lockedColumns = `a.id, a.project, a.state, a.state_before_delete AS "stateBeforeDelete", a.visibility, a.protected, a.yanked_at IS NOT NULL AS yanked,
  a.deprecation_message AS "deprecationMessage", a.revision`;

const lockStatement = {
  name: 'artifact-lock',
  text: `SELECT ${lockedColumns} FROM artifact a WHERE a.id = $1 FOR NO KEY UPDATE`,
};

/** Locks one artifact against every other change, until the transaction ends. */
export async function lockArtifact(sql: Sql, id: string): Promise<LockedArtifact | undefined> {
  const [row] = await sql.query<LockedArtifact>(lockStatement, [id]);
  return row;
}

const lockSharedStatement = {
  name: 'artifact-lock-shared',
  text: `SELECT ${lockedColumns} FROM artifact a WHERE a.id = ANY($1::uuid[]) ORDER BY a.id FOR SHARE`,
};

/** Keeps the artifacts as they are until the transaction ends; others may hold the same lock. Always in the order of ids. */
export async function lockArtifactsShared(sql: Sql, ids: readonly string[]): Promise<readonly LockedArtifact[]> {
  return ids.length === 0 ? [] : sql.query<LockedArtifact>(lockSharedStatement, [ids]);
}

export interface ArtifactContent {
  readonly project: string;
  readonly familyId: string | null;
  readonly name: string | null;
  readonly version: Version | null;
  readonly visibility: Visibility;
  readonly hidden: boolean;
  readonly protected: boolean;
  readonly properties: JsonObject;
  readonly tags: readonly string[];
}

const updateStatement = {
  name: 'artifact-update',
  text: `UPDATE artifact AS a SET family_id = $2, name = $3, version = $4, version_key = $5, version_core = $6,
      version_is_release = $7, visibility = $8, hidden = $9, protected = $10, properties = $11, tags = $12, project = $13,
      revision = a.revision + 1, updated_at = now()
    WHERE a.id = $1 RETURNING ${artifactColumns('a')}`,
};

/** Writes the whole changeable content of a row that this transaction has locked. */
export async function updateArtifact(sql: Sql, id: string, content: ArtifactContent): Promise<Artifact> {
  return changed(sql, updateStatement, [
    id,
    content.familyId,
    content.name,
    ...versionValues(content.version),
    content.visibility,
    content.hidden,
    content.protected,
    JSON.stringify(content.properties),
    content.tags,
    content.project,
  ]);
}

const publishStatement = {
  name: 'artifact-publish',
  text: `UPDATE artifact AS a SET state = 'active', properties = $2, digest_algorithm = $3, digest_value = $4,
      ${sizedSql('a')},
      published_at = coalesce(a.published_at, now()), expires_at = NULL, revision = a.revision + 1, updated_at = now()
    WHERE a.id = $1 RETURNING ${artifactColumns('a')}`,
};

/** @param digest `sha256:<hex>`, or null for an unversioned artifact */
export async function publishArtifact(sql: Sql, id: string, properties: JsonObject, digest: string | null): Promise<Artifact> {
  const [algorithm, value] = digest === null ? [null, null] : digest.split(':');
  return changed(sql, publishStatement, [id, JSON.stringify(properties), algorithm, value]);
}

const freezeStatement = {
  name: 'artifact-freeze',
  // The revision is already that of the update this is a part of.
  text: `UPDATE artifact AS a SET properties = $2, digest_algorithm = $3, digest_value = $4
    WHERE a.id = $1 RETURNING ${artifactColumns('a')}`,
};

/** The digest of an active artifact that the same transaction has just given its version. */
export async function freezeArtifact(sql: Sql, id: string, properties: JsonObject, digest: string | null): Promise<Artifact> {
  const [algorithm, value] = digest === null ? [null, null] : digest.split(':');
  return changed(sql, freezeStatement, [id, JSON.stringify(properties), algorithm, value]);
}

const findLiveVersionStatement = {
  name: 'artifact-find-live-version',
  text: `SELECT ${artifactColumns('a')} FROM artifact a WHERE a.family_id = $1 AND a.version_key = $2
    AND a.state IN ('active', 'deactivated', 'pending_delete') AND a.id <> $3`,
};

/** The live artifact, other than `exceptId`, that has this version of the family. */
export async function findLiveVersion(
  sql: Sql,
  familyId: string,
  versionKey: string,
  exceptId: string,
): Promise<Artifact | undefined> {
  const [row] = await sql.query<ArtifactRow>(findLiveVersionStatement, [familyId, versionKey, exceptId]);
  return row === undefined ? undefined : toArtifact(row);
}

const findDeletedVersionStatement = {
  name: 'artifact-find-deleted-version',
  // A draft that was deleted never had a digest, and keeps nothing.
  text: `SELECT a.id, a.digest_algorithm || ':' || a.digest_value AS digest FROM artifact a
    WHERE a.family_id = $1 AND a.version_key = $2 AND a.state = 'deleted'
      AND a.digest_algorithm || ':' || a.digest_value <> $3 LIMIT 1`,
};

/** A tombstone of this version of the family with another digest than this one. */
export async function findDeletedVersion(
  sql: Sql,
  familyId: string,
  versionKey: string,
  digest: string,
): Promise<{ readonly id: string; readonly digest: string } | undefined> {
  const rows = await sql.query<{ id: string; digest: string }>(findDeletedVersionStatement, [familyId, versionKey, digest]);
  return rows[0];
}

const stateStatement = {
  name: 'artifact-set-state',
  text: `UPDATE artifact AS a SET state = $2, deactivation_reason = $3, revision = a.revision + 1, updated_at = now()
    WHERE a.id = $1 RETURNING ${artifactColumns('a')}`,
};

export async function setArtifactState(sql: Sql, id: string, state: ArtifactState, reason: string | null): Promise<Artifact> {
  return changed(sql, stateStatement, [id, state, reason]);
}

const deprecateStatement = {
  name: 'artifact-deprecate',
  text: `UPDATE artifact AS a SET deprecation_message = $2, revision = a.revision + 1, updated_at = now(),
      deprecated_at = CASE WHEN $2::text IS NULL THEN NULL ELSE coalesce(a.deprecated_at, now()) END
    WHERE a.id = $1 RETURNING ${artifactColumns('a')}`,
};

/** @param message null takes the deprecation back */
export async function deprecateArtifact(sql: Sql, id: string, message: string | null): Promise<Artifact> {
  return changed(sql, deprecateStatement, [id, message]);
}

const yankStatement = {
  name: 'artifact-yank',
  // The clock's time, not the transaction's: under the lock dated rows follow each other, whichever transaction began first.
  text: `WITH dated AS (INSERT INTO artifact_yank (artifact_id, yanked_by, reason, yanked_at) VALUES ($1, $3, $2, clock_timestamp())
      RETURNING yanked_at)
    UPDATE artifact AS a SET yanked_at = (SELECT yanked_at FROM dated), yank_reason = $2, revision = a.revision + 1, updated_at = now()
    WHERE a.id = $1 RETURNING ${artifactColumns('a')}`,
};

export async function yankArtifact(sql: Sql, id: string, reason: string | null, caller: string): Promise<Artifact> {
  return changed(sql, yankStatement, [id, reason, caller]);
}

const unyankStatement = {
  name: 'artifact-unyank',
  text: `WITH dated AS (UPDATE artifact_yank SET unyanked_at = clock_timestamp() WHERE artifact_id = $1 AND unyanked_at IS NULL)
    UPDATE artifact AS a SET yanked_at = NULL, yank_reason = NULL, revision = a.revision + 1, updated_at = now()
    WHERE a.id = $1 RETURNING ${artifactColumns('a')}`,
};

export async function unyankArtifact(sql: Sql, id: string): Promise<Artifact> {
  return changed(sql, unyankStatement, [id]);
}

const nameStatement = {
  name: 'artifact-name-begin',
  text: `INSERT INTO artifact_name (artifact_id, family_id, version, version_key, valid_from)
    SELECT id, family_id, version, version_key, clock_timestamp() FROM artifact WHERE id = $1 AND family_id IS NOT NULL`,
};

/** From now on the artifact has its name: the dated row that as-of reads go by. */
export async function beginName(sql: Sql, id: string): Promise<void> {
  await sql.query(nameStatement, [id]);
}

const deleteStatement = {
  name: 'artifact-delete',
  // What referred to bytes goes at once; family, version and digest stay as the tombstone.
  text: `WITH names AS (UPDATE artifact_name SET valid_to = clock_timestamp() WHERE artifact_id = $1 AND valid_to IS NULL),
      blobs AS (DELETE FROM artifact_blob WHERE artifact_id = $1),
      placements AS (DELETE FROM placement WHERE artifact_id = $1),
      parts AS (DELETE FROM closure_part WHERE artifact_id = $1),
      texts AS (DELETE FROM image_text WHERE artifact_id = $1)
    UPDATE artifact AS a SET state = 'deleted', deleted_at = now(), expires_at = NULL,
      state_before_delete = CASE WHEN a.state = 'pending_delete' THEN a.state_before_delete ELSE a.state END,
      revision = a.revision + 1, updated_at = now()
    WHERE a.id = $1 RETURNING ${artifactColumns('a')}`,
};

/** The artifact as it was read last, its slots included, in state `deleted`. */
export async function deleteArtifact(sql: Sql, id: string): Promise<Artifact> {
  return changed(sql, deleteStatement, [id]);
}

const delayDeleteStatement = {
  name: 'artifact-delay-delete',
  // Its references to bytes stay, so that nothing collects them; its name ends as it does with a delete.
  text: `WITH names AS (UPDATE artifact_name SET valid_to = clock_timestamp() WHERE artifact_id = $1 AND valid_to IS NULL)
    UPDATE artifact AS a SET state = 'pending_delete', state_before_delete = a.state,
      expires_at = now() + $2 * interval '1 millisecond', revision = a.revision + 1, updated_at = now()
    WHERE a.id = $1 RETURNING ${artifactColumns('a')}`,
};

/** Deleted for everybody but who may restore it; for good when `expiresAt` has come. */
export async function delayDelete(sql: Sql, id: string, delayMs: number): Promise<Artifact> {
  return changed(sql, delayDeleteStatement, [id, delayMs]);
}

const restoreStatement = {
  name: 'artifact-restore',
  text: `UPDATE artifact AS a SET state = $2, state_before_delete = NULL, expires_at = NULL, revision = a.revision + 1,
      updated_at = now()
    WHERE a.id = $1 RETURNING ${artifactColumns('a')}`,
};

export async function restoreArtifact(sql: Sql, id: string, state: ArtifactState): Promise<Artifact> {
  const artifact = await changed(sql, restoreStatement, [id, state]);
  await beginName(sql, id);
  return artifact;
}

async function changed(sql: Sql, statement: { name: string; text: string }, values: readonly unknown[]): Promise<Artifact> {
  const [row] = await sql.query<ArtifactRow>(statement, values);
  if (row === undefined) throw new Error(`${statement.name} changed no row, though it was locked`);
  return toArtifact(row);
}

function versionValues(version: Version | null): readonly [string | null, string | null, string | null, boolean | null] {
  return version === null ? [null, null, null, null] : [version.text, version.key, version.core, version.isRelease];
}
