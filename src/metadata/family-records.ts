/** Families: (project, type, name) as a row of its own, made with its first versioned artifact. */
import type { Sql } from './database.ts';
import { familyVisibleSql, type Viewer } from './visibility-sql.ts';

export interface FamilyRow {
  readonly id: string;
  readonly project: string;
  readonly type: string;
  readonly name: string;
  readonly description: string;
  readonly revision: number;
  readonly created_at: Date;
  readonly updated_at: Date;
}

export interface FamilyName {
  readonly project: string;
  readonly type: string;
  readonly name: string;
}

const columns = 'f.id, f.project, f.type, f.name, f.description, f.revision, f.created_at, f.updated_at';

const findStatement = {
  name: 'family-find',
  text: `SELECT ${columns} FROM family f WHERE f.project = $1 AND f.type = $2 AND f.name = $3`,
};

const insertStatement = {
  name: 'family-insert',
  text: `INSERT INTO family AS f (id, project, type, name, description) VALUES ($4, $1, $2, $3, $5)
    ON CONFLICT (project, type, name) DO NOTHING RETURNING ${columns}`,
};

/** The family of that name, made now (with this description) where there is none. `isNew` tells which. */
export async function ensureFamily(
  sql: Sql,
  name: FamilyName,
  newId: string,
  description = '',
): Promise<{ readonly row: FamilyRow; readonly isNew: boolean }> {
  const key = [name.project, name.type, name.name];
  const [found] = await sql.query<FamilyRow>(findStatement, key);
  if (found !== undefined) return { row: found, isNew: false };
  const [made] = await sql.query<FamilyRow>(insertStatement, [...key, newId, description]);
  if (made !== undefined) return { row: made, isNew: true };
  // Another transaction made it meanwhile and has committed: a new statement sees its row.
  const [theirs] = await sql.query<FamilyRow>(findStatement, key);
  if (theirs === undefined) throw new Error('a family vanished while it was made');
  return { row: theirs, isNew: false };
}

const visible = familyVisibleSql('f', { project: '$1::text', isAdmin: '$2::boolean' });

const findReadableByIdsStatement = {
  name: 'family-find-readable-ids',
  text: `SELECT ${columns} FROM family f WHERE f.id = ANY($3::uuid[]) AND ${visible}`,
};

/** In no order; what is not there, or not to be seen, is left out. */
export async function findReadableFamilies(sql: Sql, viewer: Viewer, ids: readonly string[]): Promise<readonly FamilyRow[]> {
  return sql.query<FamilyRow>(findReadableByIdsStatement, [viewer.project, viewer.isAdmin, ids]);
}

const findReadableStatement = {
  name: 'family-find-readable',
  text: `SELECT ${columns} FROM unnest($3::text[]) WITH ORDINALITY AS p (project, position)
    JOIN family f ON f.project = p.project AND f.type = $4 AND f.name = $5
    WHERE ${visible} ORDER BY p.position LIMIT 1`,
};

/** The first of the projects, in their order, that has a family of this name the viewer may see. */
export async function findReadableFamily(
  sql: Sql,
  viewer: Viewer,
  projects: readonly string[],
  type: string,
  name: string,
): Promise<FamilyRow | undefined> {
  const rows = await sql.query<FamilyRow>(findReadableStatement, [viewer.project, viewer.isAdmin, projects, type, name]);
  return rows[0];
}

const lockStatement = {
  name: 'family-lock',
  text: `SELECT ${columns} FROM family f WHERE f.id = $1 FOR NO KEY UPDATE`,
};

/** Serialises what publishes into the family; still lets others refer to it. */
export async function lockFamily(sql: Sql, id: string): Promise<FamilyRow | undefined> {
  const rows = await sql.query<FamilyRow>(lockStatement, [id]);
  return rows[0];
}

const describeStatement = {
  name: 'family-describe',
  text: `UPDATE family AS f SET description = $2, revision = f.revision + 1, updated_at = now() WHERE f.id = $1
    RETURNING ${columns}`,
};

export async function describeFamily(sql: Sql, id: string, description: string): Promise<FamilyRow | undefined> {
  const rows = await sql.query<FamilyRow>(describeStatement, [id, description]);
  return rows[0];
}
