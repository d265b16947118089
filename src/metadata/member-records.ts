/** Members: the projects an artifact is shared with, and what each answered. */
import type { Member, MemberStatus } from '#core/artifact.ts';
import type { Sql } from './database.ts';

interface MemberRow {
  readonly artifact_id: string;
  readonly project: string;
  readonly status: MemberStatus;
  readonly created_at: Date;
  readonly updated_at: Date;
}

const columns = 'm.artifact_id, m.project, m.status, m.created_at, m.updated_at';

const insertStatement = {
  name: 'member-insert',
  // Copies of the artifact's columns keep a page of what is shared with a project one index walk.
  text: `INSERT INTO member AS m (artifact_id, project, status, type, artifact_created_at)
    SELECT a.id, $2, 'pending', a.type, a.created_at FROM artifact a WHERE a.id = $1
    ON CONFLICT (artifact_id, project) DO NOTHING RETURNING ${columns}`,
};

/** Undefined when the project is a member already. */
export async function insertMember(sql: Sql, artifactId: string, project: string): Promise<Member | undefined> {
  const [row] = await sql.query<MemberRow>(insertStatement, [artifactId, project]);
  return row === undefined ? undefined : toMember(row);
}

const updateStatement = {
  name: 'member-update',
  text: `UPDATE member AS m SET status = $3, updated_at = now() WHERE m.artifact_id = $1 AND m.project = $2 RETURNING ${columns}`,
};

/** Undefined when there is no such member. */
export async function updateMember(
  sql: Sql,
  artifactId: string,
  project: string,
  status: MemberStatus,
): Promise<Member | undefined> {
  const [row] = await sql.query<MemberRow>(updateStatement, [artifactId, project, status]);
  return row === undefined ? undefined : toMember(row);
}

const removeStatement = {
  name: 'member-remove',
  text: `DELETE FROM member AS m WHERE m.artifact_id = $1 AND m.project = $2 RETURNING ${columns}`,
};

export async function removeMember(sql: Sql, artifactId: string, project: string): Promise<Member | undefined> {
  const [row] = await sql.query<MemberRow>(removeStatement, [artifactId, project]);
  return row === undefined ? undefined : toMember(row);
}

const listStatement = {
  name: 'member-list',
  text: `SELECT ${columns} FROM member m WHERE m.artifact_id = ANY($1::uuid[]) ORDER BY m.artifact_id, m.project`,
};

/** Every member of the artifacts, whoever asks: operations decide who sees which. */
export async function listMembers(sql: Sql, artifactIds: readonly string[]): Promise<readonly Member[]> {
  const rows = await sql.query<MemberRow>(listStatement, [artifactIds]);
  return rows.map(toMember);
}

function toMember(row: MemberRow): Member {
  return {
    artifactId: row.artifact_id,
    project: row.project,
    status: row.status,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}
