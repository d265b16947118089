/** Dependencies: as written on a draft, and, from publish on, what each was resolved to. */
import type { Dependency, ResolvedPin } from '#core/artifact.ts';
import type { Sql } from './database.ts';
import { readableSql, type Viewer } from './visibility-sql.ts';

/** A dependency as written. Exactly one of (type and name) and id is set. */
export interface NewDependency {
  readonly slot: string;
  readonly alias: string;
  readonly targetProject: string | null;
  readonly targetType: string | null;
  readonly targetName: string | null;
  readonly targetId: string | null;
  readonly range: string;
  readonly parameter: string | null;
}

/** A stored dependency. Its `ref` text is for operations to format. */
export interface DependencyRow extends Omit<Dependency, 'ref' | 'resolved'> {
  readonly artifactId: string;
  readonly resolved: ResolvedPin | null;
}

const replaceStatement = {
  name: 'dependency-replace',
  text: `INSERT INTO dependency (artifact_id, position, slot, alias, target_project, target_type, target_name, target_id, range, parameter)
    SELECT $1, d.position - 1, d.slot, d.alias, d.project, d.type, d.name, d.id, d.range, d.parameter
    FROM ROWS FROM (unnest($2::text[]), unnest($3::text[]), unnest($4::text[]), unnest($5::text[]), unnest($6::text[]),
      unnest($7::uuid[]), unnest($8::text[]), unnest($9::text[]))
      WITH ORDINALITY AS d (slot, alias, project, type, name, id, range, parameter, position)`,
};

const removeStatement = { name: 'dependency-remove', text: 'DELETE FROM dependency WHERE artifact_id = $1' };

/** The artifact's dependencies become these, in this order. */
export async function replaceDependencies(
  sql: Sql,
  artifactId: string,
  dependencies: readonly NewDependency[],
  isNew = false,
): Promise<void> {
  if (!isNew) await sql.query(removeStatement, [artifactId]);
  if (dependencies.length === 0) return;
  const column = <Value>(pick: (dependency: NewDependency) => Value) => dependencies.map(pick);
  await sql.query(replaceStatement, [
    artifactId,
    column((d) => d.slot),
    column((d) => d.alias),
    column((d) => d.targetProject),
    column((d) => d.targetType),
    column((d) => d.targetName),
    column((d) => d.targetId),
    column((d) => d.range),
    column((d) => d.parameter),
  ]);
}

interface ListedRow {
  readonly artifact_id: string;
  readonly slot: string;
  readonly alias: string;
  readonly target_project: string | null;
  readonly target_type: string | null;
  readonly target_name: string | null;
  readonly target_id: string | null;
  readonly range: string;
  readonly parameter: string | null;
  readonly resolved_id: string | null;
  readonly resolved_project: string | null;
  readonly resolved_type: string | null;
  readonly resolved_name: string | null;
  readonly resolved_version: string | null;
  readonly resolved_digest: string | null;
}

const columns = `d.artifact_id, d.slot, d.alias, d.target_project, d.target_type, d.target_name, d.target_id, d.range,
  d.parameter, d.resolved_id, d.resolved_project, d.resolved_type, d.resolved_name, d.resolved_version, d.resolved_digest`;

const listStatement = {
  name: 'dependency-list',
  // Of a consumer the viewer may read; a pin shows only to who may read what it pins.
  text: `SELECT d.artifact_id, d.slot, d.alias, d.target_project, d.target_type, d.target_name, d.target_id, d.range, d.parameter,
      t.id AS resolved_id, CASE WHEN t.id IS NULL THEN NULL ELSE d.resolved_project END AS resolved_project,
      d.resolved_type, d.resolved_name, d.resolved_version, d.resolved_digest
    FROM artifact a JOIN dependency d ON d.artifact_id = a.id
    LEFT JOIN artifact t ON t.id = d.resolved_id AND ${readableSql('t', { project: '$1::text', isAdmin: '$2::boolean' })}
    WHERE a.id = ANY($3::uuid[]) AND ${readableSql('a', { project: '$1::text', isAdmin: '$2::boolean' })}
    ORDER BY d.artifact_id, d.position`,
};

/** The dependencies of those artifacts that the viewer may read; pins of what it may not are null. */
export async function listReadableDependencies(
  sql: Sql,
  viewer: Viewer,
  artifactIds: readonly string[],
): Promise<readonly DependencyRow[]> {
  const rows = await sql.query<ListedRow>(listStatement, [viewer.project, viewer.isAdmin, artifactIds]);
  return rows.map(toDependency);
}

const ofArtifactStatement = {
  name: 'dependency-of-artifact',
  text: `SELECT ${columns} FROM dependency d WHERE d.artifact_id = $1 ORDER BY d.position`,
};

/** Every dependency of one artifact, whoever asks: for operations that check it. */
export async function listDependencies(sql: Sql, artifactId: string): Promise<readonly DependencyRow[]> {
  const rows = await sql.query<ListedRow>(ofArtifactStatement, [artifactId]);
  return rows.map(toDependency);
}

const pinStatement = {
  name: 'dependency-pin',
  text: `UPDATE dependency d SET resolved_id = p.id, resolved_project = p.project, resolved_type = p.type,
      resolved_name = p.name, resolved_version = p.version, resolved_digest = p.digest
    FROM ROWS FROM (unnest($2::text[]), unnest($3::uuid[]), unnest($4::text[]), unnest($5::text[]), unnest($6::text[]),
      unnest($7::text[]), unnest($8::text[])) AS p (alias, id, project, type, name, version, digest)
    WHERE d.artifact_id = $1 AND d.alias = p.alias`,
};

export interface Pin extends ResolvedPin {
  readonly alias: string;
}

/** Writes what publish resolved each dependency to. */
export async function pinDependencies(sql: Sql, artifactId: string, pins: readonly Pin[]): Promise<void> {
  if (pins.length === 0) return;
  const column = <Value>(pick: (pin: Pin) => Value) => pins.map(pick);
  await sql.query(pinStatement, [
    artifactId,
    column((p) => p.alias),
    column((p) => p.id),
    column((p) => p.project),
    column((p) => p.type),
    column((p) => p.name),
    column((p) => p.version),
    column((p) => p.digest),
  ]);
}

/** One pinned edge somewhere below a set of artifacts. */
export interface PinnedEdge {
  readonly from_id: string;
  readonly from_type: string;
  readonly from_type_version: string;
  readonly slot: string;
  readonly alias: string;
  readonly range: string;
  readonly target_id: string | null;
  readonly to_id: string;
  readonly to_project: string;
  readonly to_type: string;
  readonly to_name: string | null;
  readonly to_version: string | null;
}

const closureEdgesStatement = {
  name: 'dependency-closure-edges',
  // No depth in the recursive row: UNION must see that a node was there already.
  text: `WITH RECURSIVE below (id) AS (
      SELECT unnest($1::uuid[]) UNION
      SELECT d.resolved_id FROM below JOIN dependency d ON d.artifact_id = below.id WHERE d.resolved_id IS NOT NULL)
    SELECT a.id AS from_id, a.type AS from_type, a.type_version AS from_type_version, d.slot, d.alias, d.range, d.target_id,
      d.resolved_id AS to_id, d.resolved_project AS to_project, d.resolved_type AS to_type, d.resolved_name AS to_name,
      d.resolved_version AS to_version
    FROM below JOIN dependency d ON d.artifact_id = below.id AND d.resolved_id IS NOT NULL JOIN artifact a ON a.id = below.id`,
};

/** Every pinned edge at or below the artifacts. */
export async function listClosureEdges(sql: Sql, ids: readonly string[]): Promise<readonly PinnedEdge[]> {
  return ids.length === 0 ? [] : sql.query<PinnedEdge>(closureEdgesStatement, [ids]);
}

const dependentsStatement = {
  name: 'dependency-same-project-dependents',
  text: `SELECT DISTINCT a.id, a.type, a.name, a.version FROM dependency d JOIN artifact a ON a.id = d.artifact_id
    WHERE d.resolved_id = $1 AND a.project = $2 AND a.state = 'active' AND a.id <> $1 ORDER BY a.id LIMIT $3`,
};

export interface Dependent {
  readonly id: string;
  readonly type: string;
  readonly name: string | null;
  readonly version: string | null;
}

/** Active artifacts of the project that are pinned to this one. */
export async function listActiveDependents(sql: Sql, id: string, project: string, limit: number): Promise<readonly Dependent[]> {
  return sql.query<Dependent>(dependentsStatement, [id, project, limit]);
}

function toDependency(row: ListedRow): DependencyRow {
  return {
    artifactId: row.artifact_id,
    slot: row.slot,
    alias: row.alias,
    targetProject: row.target_project,
    targetType: row.target_type,
    targetName: row.target_name,
    targetId: row.target_id,
    range: row.range,
    parameter: row.parameter,
    resolved: toPin(row),
  };
}

function toPin(row: ListedRow): ResolvedPin | null {
  if (row.resolved_id === null || row.resolved_project === null || row.resolved_type === null) return null;
  return {
    id: row.resolved_id,
    project: row.resolved_project,
    type: row.resolved_type,
    name: row.resolved_name,
    version: row.resolved_version,
    digest: row.resolved_digest,
  };
}
