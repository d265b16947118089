/**
 * What a closure is made of, a statement for each kind of row however many there are: nodes, edges, blobs. Each comes as
 * JSON, column by column: thousands of small rows cost a server that has just started more to read than to find.
 */

import type { JsonObject } from '#base/json.ts';
import type { ArtifactState } from '#core/artifact.ts';
import type { Sql } from './database.ts';
import { readableOrDeletedSql, readableSql, type Viewer } from './visibility-sql.ts';

const viewer = { project: '$1::text', isAdmin: '$2::boolean' };

export interface ClosureNodeRow {
  readonly id: string;
  readonly project: string;
  readonly type: string;
  readonly type_version: string;
  readonly name: string | null;
  readonly version: string | null;
  readonly version_key: string | null;
  readonly digest: string | null;
  readonly state: ArtifactState;
  readonly visibility: string;
  readonly yanked: boolean;
  readonly properties: JsonObject;
}

/** The columns of a node, for statements that answer row by row. */
export const closureNodeColumns = `a.id, a.project, a.type, a.type_version, a.name, a.version, a.version_key,
  a.digest_algorithm || ':' || a.digest_value AS digest, a.state, a.visibility, a.yanked_at IS NOT NULL AS yanked, a.properties`;

/** Each column as one JSON array: cheaper for both sides than a value for each row. */
function asColumns(names: readonly string[]): string {
  return names.map((name) => `json_agg(x.${name}) AS ${name}`).join(', ');
}

type Columns<Row> = { readonly [Name in keyof Row]: readonly Row[Name][] | null };

const nodeNames = [
  ...[
    'id',
    'project',
    'type',
    'type_version',
    'name',
    'version',
    'version_key',
    'digest',
    'state',
    'visibility',
    'yanked',
    'properties',
  ],
];

interface PinnedColumns extends Columns<ClosureNodeRow> {
  readonly reached: number;
}

const pinnedStatement = {
  name: 'closure-pinned-nodes',
  // No depth in the recursive row: UNION must see that a node was there already. The limit ends the recursion early. Whether
  // the viewer may read a node is asked when it is expanded, once for each.
  text: `WITH RECURSIVE reach (id) AS (
      SELECT $3::uuid
      UNION
      SELECT d.resolved_id FROM reach JOIN artifact t ON t.id = reach.id AND ${readableSql('t', viewer)}
        JOIN dependency d ON d.artifact_id = t.id AND d.resolved_id IS NOT NULL),
    reached AS MATERIALIZED (SELECT id FROM reach LIMIT $4)
    SELECT ${asColumns(nodeNames)}, (SELECT count(*)::int FROM reached) AS reached
    FROM (SELECT ${closureNodeColumns} FROM reached JOIN artifact a USING (id) WHERE ${readableSql('a', viewer)}) AS x`,
};

export interface PinnedNodes {
  readonly nodes: readonly ClosureNodeRow[];
  /** The pins reach more than were asked for. */
  readonly isCut: boolean;
}

/** The root and everything that its pins reach through what the viewer may read, in no order; the root is never cut. */
export async function listPinnedNodes(sql: Sql, by: Viewer, root: string, maxNodes: number): Promise<PinnedNodes> {
  const values = [by.project, by.isAdmin, root, maxNodes + 1];
  const [columns] = await sql.query<PinnedColumns>(pinnedStatement, values);
  const nodes = toNodes(columns);
  const isCut = (columns?.reached ?? 0) > maxNodes;
  if (nodes.length <= maxNodes) return { nodes, isCut };
  const others = nodes.filter(({ id }) => id !== root).slice(0, maxNodes - 1);
  return { nodes: [...nodes.filter(({ id }) => id === root), ...others], isCut };
}

const nodesStatement = {
  name: 'closure-nodes',
  text: `SELECT ${asColumns(nodeNames)} FROM (
    SELECT ${closureNodeColumns} FROM artifact a WHERE a.id = ANY($3::uuid[]) AND ${readableSql('a', viewer)}) AS x`,
};

/** Those of the artifacts that the viewer may read. */
export async function listClosureNodes(sql: Sql, by: Viewer, ids: readonly string[]): Promise<readonly ClosureNodeRow[]> {
  const values = [by.project, by.isAdmin, uuidArray(ids)];
  const [columns] = await sql.query<Columns<ClosureNodeRow>>(nodesStatement, values);
  return toNodes(columns);
}

function toNodes(columns: Columns<ClosureNodeRow> | undefined): readonly ClosureNodeRow[] {
  return (columns?.id ?? []).map((id, at) => ({
    id,
    project: valueAt(columns?.project, at),
    type: valueAt(columns?.type, at),
    type_version: valueAt(columns?.type_version, at),
    name: valueAt(columns?.name, at),
    version: valueAt(columns?.version, at),
    version_key: valueAt(columns?.version_key, at),
    digest: valueAt(columns?.digest, at),
    state: valueAt(columns?.state, at),
    visibility: valueAt(columns?.visibility, at),
    yanked: valueAt(columns?.yanked, at),
    properties: valueAt(columns?.properties, at),
  }));
}

/** Columns of one answer are of one length. */
function valueAt<Value>(column: readonly Value[] | null | undefined, at: number): Value {
  if (column == null || at >= column.length) throw new Error('the columns of an answer differ in length');
  return column[at] as Value;
}

export interface ClosureEdgeRow {
  readonly artifact_id: string;
  readonly slot: string;
  readonly alias: string;
  readonly target_project: string | null;
  readonly target_type: string | null;
  readonly target_name: string | null;
  readonly target_id: string | null;
  readonly range: string;
  readonly parameter: string | null;
  /** What publish pinned. Of an artifact beyond those asked for, its id is not for the viewer's eyes. */
  readonly resolved_id: string | null;
  /** What is pinned lies beyond the artifacts asked for and was deleted, and the viewer could see it before. */
  readonly was_deleted: boolean;
}

const edgeNames = [
  ...['artifact_id', 'slot', 'alias', 'target_project', 'target_type', 'target_name', 'target_id', 'range', 'parameter'],
  ...['resolved_id', 'was_deleted'],
];

const edgesStatement = {
  name: 'closure-edges',
  // Only what is pinned beyond the artifacts asked for has to be looked at: mostly nothing.
  text: `SELECT ${asColumns(edgeNames)} FROM (
      SELECT d.artifact_id, d.slot, d.alias, d.target_project, d.target_type, d.target_name, d.target_id, d.range, d.parameter,
        d.resolved_id, coalesce(t.state = 'deleted', false) AS was_deleted
      FROM dependency d
      LEFT JOIN artifact t ON t.id = CASE WHEN d.resolved_id = ANY($3::uuid[]) THEN NULL ELSE d.resolved_id END
        AND ${readableOrDeletedSql('t', viewer)}
      WHERE d.artifact_id = ANY($3::uuid[]) ORDER BY d.artifact_id, d.position) AS x`,
};

/** The edges of the artifacts, in the order each declares them. */
export async function listClosureEdges(sql: Sql, by: Viewer, ids: readonly string[]): Promise<readonly ClosureEdgeRow[]> {
  if (ids.length === 0) return [];
  const values = [by.project, by.isAdmin, uuidArray(ids)];
  const [columns] = await sql.query<Columns<ClosureEdgeRow>>(edgesStatement, values);
  return (columns?.artifact_id ?? []).map((artifact_id, at) => ({
    artifact_id,
    slot: valueAt(columns?.slot, at),
    alias: valueAt(columns?.alias, at),
    target_project: valueAt(columns?.target_project, at),
    target_type: valueAt(columns?.target_type, at),
    target_name: valueAt(columns?.target_name, at),
    target_id: valueAt(columns?.target_id, at),
    range: valueAt(columns?.range, at),
    parameter: valueAt(columns?.parameter, at),
    resolved_id: valueAt(columns?.resolved_id, at),
    was_deleted: valueAt(columns?.was_deleted, at),
  }));
}

export interface ClosureBlobRow {
  readonly artifact_id: string;
  readonly slot: string;
  readonly key: string;
  readonly path: string;
  readonly media_type: string;
  readonly size_bytes: number;
  readonly sha256: string;
  readonly sha512: string | null;
  readonly md5: string | null;
  /** [store, object key] of each live location in the stores asked for; null where there is none. */
  readonly locations: readonly (readonly [string, string])[] | null;
}

interface BlobColumnsRow extends Omit<ClosureBlobRow, 'locations'> {
  readonly store: string | null;
  readonly object_key: string | null;
}

const blobNames = [
  ...['artifact_id', 'slot', 'key', 'path', 'media_type', 'size_bytes', 'sha256', 'sha512', 'md5', 'store', 'object_key'],
];

const blobsStatement = {
  name: 'closure-blobs',
  // Blob by blob: joined as a whole, the planner would rather read all blobs there are.
  text: `SELECT ${asColumns(blobNames)} FROM (
      SELECT ab.artifact_id, ab.slot, ab.key, ab.path, ab.media_type, b.size_bytes, b.digest_value AS sha256,
        long.value AS sha512, short.value AS md5, l.store, l.object_key
      FROM artifact_blob ab CROSS JOIN LATERAL (SELECT * FROM blob WHERE blob.id = ab.blob_id LIMIT 1) AS b
      LEFT JOIN blob_digest long ON long.blob_id = b.id AND long.algorithm = 'sha512'
      LEFT JOIN blob_digest short ON short.blob_id = b.id AND short.algorithm = 'md5'
      LEFT JOIN location l ON l.blob_id = b.id AND l.state = 'live' AND l.store = ANY($2::text[])
      WHERE ab.artifact_id = ANY($1::uuid[]) ORDER BY ab.artifact_id, ab.slot, ab.path, l.store) AS x`,
};

/** The blobs of the artifacts, ordered by slot and path. */
export async function listClosureBlobs(
  sql: Sql,
  ids: readonly string[],
  stores: readonly string[],
): Promise<readonly ClosureBlobRow[]> {
  const [columns] = await sql.query<Columns<BlobColumnsRow>>(blobsStatement, [uuidArray(ids), stores]);
  const rows: (ClosureBlobRow & { locations: (readonly [string, string])[] | null })[] = [];
  for (const [at, artifact_id] of (columns?.artifact_id ?? []).entries()) {
    const path = valueAt(columns?.path, at);
    const [store, object_key] = [valueAt(columns?.store, at), valueAt(columns?.object_key, at)];
    const location = store === null || object_key === null ? null : ([store, object_key] as const);
    // A blob in several stores comes once for each, one after the other.
    const last = rows.at(-1);
    if (last?.artifact_id === artifact_id && last.path === path) {
      if (location !== null) last.locations?.push(location);
      continue;
    }
    rows.push({
      artifact_id,
      slot: valueAt(columns?.slot, at),
      key: valueAt(columns?.key, at),
      path,
      media_type: valueAt(columns?.media_type, at),
      size_bytes: valueAt(columns?.size_bytes, at),
      sha256: valueAt(columns?.sha256, at),
      sha512: valueAt(columns?.sha512, at),
      md5: valueAt(columns?.md5, at),
      locations: location === null ? null : [location],
    });
  }
  return rows;
}

/** PostgreSQL's own text of an array: ids need no quoting, and the driver would look at each of thousands. */
function uuidArray(ids: readonly string[]): string {
  return `{${ids.join(',')}}`;
}
