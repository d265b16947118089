/**
 * The rows of a closure as they travel: JSON, column by column. Thousands of small rows cost a server that has just started more
 * to read than to find.
 */
import type { JsonObject } from '#base/json.ts';
import type { ArtifactState } from '#core/artifact.ts';
import { readableOrDeletedSql, type ViewerParameters } from './visibility-sql.ts';

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
  /** What publish pinned. Of an artifact that is no node of the closure, the id is not for the viewer's eyes. */
  readonly resolved_id: string | null;
  /** What is pinned is no node because it was deleted, and the viewer could see it before. */
  readonly was_deleted: boolean;
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

interface BlobPart extends Omit<ClosureBlobRow, 'locations'> {
  readonly store: string | null;
  readonly object_key: string | null;
}

/** One JSON object: an array for each column, null where there are no rows. */
type Columns<Row> = { readonly [Name in keyof Row]: readonly Row[Name][] | null };
export type NodeColumns = Columns<ClosureNodeRow>;
export type EdgeColumns = Columns<ClosureEdgeRow>;
export type BlobColumns = Columns<BlobPart>;

/** The columns of a node, for statements that answer row by row. */
export const closureNodeColumns = `a.id, a.project, a.type, a.type_version, a.name, a.version, a.version_key,
  a.digest_algorithm || ':' || a.digest_value AS digest, a.state, a.visibility, a.yanked_at IS NOT NULL AS yanked, a.properties`;

const nodeNames = 'id project type type_version name version version_key digest state visibility yanked properties';
const edgeNames =
  'artifact_id slot alias target_project target_type target_name target_id range parameter resolved_id was_deleted';
const blobNames = 'artifact_id slot key path media_type size_bytes sha256 sha512 md5 store object_key';

/** A scalar subquery over rows of `closureNodeColumns`. */
export function nodeColumnsSql(rows: string): string {
  return asColumns(nodeNames, rows);
}

/** The edges of the artifacts whose ids `nodes` (a table or CTE with a column id) has, in the order each declares them. */
export function edgeColumnsSql(nodes: string, viewer: ViewerParameters): string {
  return asColumns(
    edgeNames,
    // Only what is pinned beyond the nodes has to be looked at: mostly nothing.
    `SELECT d.artifact_id, d.slot, d.alias, d.target_project, d.target_type, d.target_name, d.target_id, d.range, d.parameter,
       d.resolved_id, coalesce(t.state = 'deleted', false) AS was_deleted
     FROM ${nodes} AS n JOIN dependency d ON d.artifact_id = n.id
     LEFT JOIN artifact t ON t.id = CASE WHEN d.resolved_id IN (SELECT id FROM ${nodes} AS known) THEN NULL ELSE d.resolved_id END
       AND ${readableOrDeletedSql('t', viewer)}
     ORDER BY d.artifact_id, d.position`,
  );
}

/** The blobs of those artifacts by slot and path; one in several of the stores comes once for each. */
export function blobColumnsSql(nodes: string, stores: string): string {
  return asColumns(
    blobNames,
    // Blob by blob: joined as a whole, the planner would rather read all blobs there are.
    `SELECT ab.artifact_id, ab.slot, ab.key, ab.path, ab.media_type, b.size_bytes, b.digest_value AS sha256,
       long.value AS sha512, short.value AS md5, l.store, l.object_key
     FROM ${nodes} AS n JOIN artifact_blob ab ON ab.artifact_id = n.id
     CROSS JOIN LATERAL (SELECT * FROM blob WHERE blob.id = ab.blob_id LIMIT 1) AS b
     LEFT JOIN blob_digest long ON long.blob_id = b.id AND long.algorithm = 'sha512'
     LEFT JOIN blob_digest short ON short.blob_id = b.id AND short.algorithm = 'md5'
     LEFT JOIN location l ON l.blob_id = b.id AND l.state = 'live' AND l.store = ANY(${stores})
     ORDER BY ab.artifact_id, ab.slot, ab.path, l.store`,
  );
}

function asColumns(names: string, rows: string): string {
  const columns = names.split(' ').map((name) => `json_agg(x.${name}) AS ${name}`);
  return `(SELECT row_to_json(c) FROM (SELECT ${columns.join(', ')} FROM (${rows}) AS x) AS c)`;
}

export function readNodes(columns: NodeColumns): readonly ClosureNodeRow[] {
  return (columns.id ?? []).map((id, at) => ({
    id,
    project: valueAt(columns.project, at),
    type: valueAt(columns.type, at),
    type_version: valueAt(columns.type_version, at),
    name: valueAt(columns.name, at),
    version: valueAt(columns.version, at),
    version_key: valueAt(columns.version_key, at),
    digest: valueAt(columns.digest, at),
    state: valueAt(columns.state, at),
    visibility: valueAt(columns.visibility, at),
    yanked: valueAt(columns.yanked, at),
    properties: valueAt(columns.properties, at),
  }));
}

export function readEdges(columns: EdgeColumns): readonly ClosureEdgeRow[] {
  return (columns.artifact_id ?? []).map((artifact_id, at) => ({
    artifact_id,
    slot: valueAt(columns.slot, at),
    alias: valueAt(columns.alias, at),
    target_project: valueAt(columns.target_project, at),
    target_type: valueAt(columns.target_type, at),
    target_name: valueAt(columns.target_name, at),
    target_id: valueAt(columns.target_id, at),
    range: valueAt(columns.range, at),
    parameter: valueAt(columns.parameter, at),
    resolved_id: valueAt(columns.resolved_id, at),
    was_deleted: valueAt(columns.was_deleted, at),
  }));
}

export function readBlobs(columns: BlobColumns): readonly ClosureBlobRow[] {
  const rows: (ClosureBlobRow & { readonly locations: (readonly [string, string])[] | null })[] = [];
  for (const [at, artifact_id] of (columns.artifact_id ?? []).entries()) {
    const path = valueAt(columns.path, at);
    const [store, object_key] = [valueAt(columns.store, at), valueAt(columns.object_key, at)];
    const location = store === null || object_key === null ? null : ([store, object_key] as const);
    const last = rows.at(-1);
    if (last?.artifact_id === artifact_id && last.path === path) {
      if (location !== null) last.locations?.push(location);
      continue;
    }
    rows.push({
      artifact_id,
      slot: valueAt(columns.slot, at),
      key: valueAt(columns.key, at),
      path,
      media_type: valueAt(columns.media_type, at),
      size_bytes: valueAt(columns.size_bytes, at),
      sha256: valueAt(columns.sha256, at),
      sha512: valueAt(columns.sha512, at),
      md5: valueAt(columns.md5, at),
      locations: location === null ? null : [location],
    });
  }
  return rows;
}

/** Columns of one answer are of one length. */
function valueAt<Value>(column: readonly Value[] | null, at: number): Value {
  if (column === null || at >= column.length) throw new Error('the columns of an answer differ in length');
  return column[at] as Value;
}
