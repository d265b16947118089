/** Resolving a name to one artifact in SQL: the highest version of a family within a range, an exact version, a digest. */
import type { Artifact, ArtifactState } from '#core/artifact.ts';
import type { Range } from '#core/range.ts';
import { type ArtifactRow, artifactColumns, toArtifact } from './artifact-row.ts';
import type { Sql } from './database.ts';
import { inSetsSql, rangeSets } from './range-sql.ts';
import { findableSql, readableSql, resolvableSql, type Viewer } from './visibility-sql.ts';

const viewer = { project: '$1::text', isAdmin: '$2::boolean' };

/** A family, and whether the reference named its project (then community and hidden versions count). */
export interface FamilyTarget {
  readonly familyId: string;
  readonly isProjectNamed: boolean;
}

/** What a resolution needs of its winner; the whole artifact is read apart. */
export interface ResolutionRow {
  readonly id: string;
  readonly project: string;
  readonly type: string;
  readonly name: string | null;
  readonly version: string | null;
  readonly digest_value: string | null;
  readonly state: ArtifactState;
  readonly yanked: boolean;
}

const columns = 'a.id, a.project, a.type, a.name, a.version, a.digest_value, a.state, a.yanked_at IS NOT NULL AS yanked';

const highestStatement = {
  name: 'resolution-highest',
  text: `SELECT ${columns} FROM artifact a WHERE a.family_id = $3 AND ${resolvableSql('a', viewer, '$4::boolean')} AND ${inSetsSql('a', '$5::jsonb')}
    ORDER BY a.version_key DESC LIMIT 1`,
};

/** The highest active, unyanked version of the family within the range that looking for it finds. */
export async function findHighest(sql: Sql, by: Viewer, family: FamilyTarget, range: Range): Promise<ResolutionRow | undefined> {
  const rows = await sql.query<ResolutionRow>(highestStatement, [...familyValues(by, family), JSON.stringify(rangeSets(range))]);
  return rows[0];
}

const exactStatement = {
  name: 'resolution-exact',
  text: `SELECT ${columns} FROM artifact a WHERE a.family_id = $3 AND a.version_key = $5
    AND (a.state IN ('active', 'deactivated') OR (a.state = 'pending_delete' AND (a.project = $1 OR $2)))
    AND ${findableSql('a', viewer, '$4::boolean')}`,
};

/** The live artifact of that very version, also when it is yanked or deactivated; for its owner also while it waits to be deleted. */
export async function findExact(
  sql: Sql,
  by: Viewer,
  family: FamilyTarget,
  versionKey: string,
): Promise<ResolutionRow | undefined> {
  const rows = await sql.query<ResolutionRow>(exactStatement, [...familyValues(by, family), versionKey]);
  return rows[0];
}

const candidatesStatement = {
  name: 'resolution-candidates',
  text: `SELECT a.version FROM artifact a WHERE a.family_id = $3 AND ${resolvableSql('a', viewer, '$4::boolean')}
    ORDER BY a.version_key DESC LIMIT $5`,
};

/** Versions that some range could have found, newest first. */
export async function listCandidates(sql: Sql, by: Viewer, family: FamilyTarget, limit: number): Promise<readonly string[]> {
  const rows = await sql.query<{ version: string }>(candidatesStatement, [...familyValues(by, family), limit]);
  return rows.map((row) => row.version);
}

const byIdStatement = {
  name: 'resolution-by-id',
  text: `SELECT ${columns} FROM artifact a WHERE a.id = $3 AND a.state <> 'draft' AND ${readableSql('a', viewer)}`,
};

/** One published artifact by id, if the viewer may read it. */
export async function findById(sql: Sql, by: Viewer, id: string): Promise<ResolutionRow | undefined> {
  const rows = await sql.query<ResolutionRow>(byIdStatement, [by.project, by.isAdmin, id]);
  return rows[0];
}

const byDigestStatement = {
  name: 'resolution-by-digest',
  text: `SELECT ${artifactColumns('a')} FROM artifact a WHERE a.family_id = $3 AND a.digest_algorithm = $4 AND a.digest_value = $5
    AND ${readableSql('a', viewer)} ORDER BY a.version_key DESC LIMIT 1`,
};

/** The artifact of the family with that digest, if the viewer may read it. */
export async function findByDigest(sql: Sql, by: Viewer, familyId: string, digest: string): Promise<Artifact | undefined> {
  const [algorithm, value] = digest.split(':');
  const [row] = await sql.query<ArtifactRow>(byDigestStatement, [by.project, by.isAdmin, familyId, algorithm, value]);
  return row === undefined ? undefined : toArtifact(row);
}

function familyValues(by: Viewer, family: FamilyTarget): readonly unknown[] {
  return [by.project, by.isAdmin, family.familyId, family.isProjectNamed];
}
