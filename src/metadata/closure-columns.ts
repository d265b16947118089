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
  /** Null also where they were not asked for. */
  readonly sha512: string | null;
  readonly md5: string | null;
  /** [store, object key] of each live location in the stores asked for; null where there is none. */
  readonly locations: readonly (readonly [string, string])[] | null;
}

/** One JSON object: an array for each column, null where there are no rows. Edges and blobs name their node by its place. */
type Columns<Row> = { readonly [Name in keyof Row]: readonly Row[Name][] | null };
type OfNode<Row> = Omit<Row, 'artifact_id'> & { readonly place: number };
export type NodeColumns = Columns<ClosureNodeRow>;
export type EdgeColumns = Columns<OfNode<ClosureEdgeRow>>;
export type BlobColumns = Columns<
  Omit<OfNode<ClosureBlobRow>, 'locations'> & { readonly store: string | null; readonly object_key: string | null }
>;

/** The columns of a node, for statements that answer row by row. */
export const closureNodeColumns = `a.id, a.project, a.type, a.type_version, a.name, a.version, a.version_key,
  a.digest_algorithm || ':' || a.digest_value AS digest, a.state, a.yanked_at IS NOT NULL AS yanked, a.properties`;

const nodeNames = 'id project type type_version name version version_key digest state yanked properties';
const edgeNames = 'place slot alias target_project target_type target_name target_id range parameter resolved_id was_deleted';
const blobNames = 'place slot key path media_type size_bytes sha256 sha512 md5 store object_key';

/** A scalar subquery over rows of `closureNodeColumns`. */
export function nodeColumnsSql(rows: string): string {
  return asColumns(nodeNames, rows);
}

/** The edges of the artifacts in `nodes` (a CTE with id and place), in the order each declares them. */
export function edgeColumnsSql(nodes: string, viewer: ViewerParameters): string {
  return asColumns(
    edgeNames,
    // Only what is pinned beyond the nodes has to be looked at: mostly nothing.
    `SELECT n.place, d.slot, d.alias, d.target_project, d.target_type, d.target_name, d.target_id, d.range, d.parameter,
       d.resolved_id, coalesce(t.state = 'deleted', false) AS was_deleted
     FROM ${nodes} AS n JOIN dependency d ON d.artifact_id = n.id
     LEFT JOIN artifact t ON t.id = CASE WHEN d.resolved_id IN (SELECT id FROM ${nodes} AS known) THEN NULL ELSE d.resolved_id END
       AND ${readableOrDeletedSql('t', viewer)}
     ORDER BY n.place, d.position`,
  );
}

/**
 * The blobs of those artifacts by slot and path; one in several of the stores comes once for each. Two look-ups a blob for the
 * digests that few ask for, only where `digests` is true.
 */
export function blobColumnsSql(nodes: string, stores: string, digests: string): string {
  return asColumns(
    blobNames,
    // Blob by blob: joined as a whole, the planner would rather read all blobs there are.
    `SELECT n.place, ab.slot, ab.key, ab.path, ab.media_type, b.size_bytes, b.digest_value AS sha256,
       ${digestSql('sha512', digests)} AS sha512, ${digestSql('md5', digests)} AS md5, l.store, l.object_key
     FROM ${nodes} AS n JOIN artifact_blob ab ON ab.artifact_id = n.id
     CROSS JOIN LATERAL (SELECT * FROM blob WHERE blob.id = ab.blob_id LIMIT 1) AS b
     LEFT JOIN location l ON l.blob_id = b.id AND l.state = 'live' AND l.store = ANY(${stores})
     ORDER BY n.place, ab.slot, ab.path, l.store`,
  );
}

function digestSql(algorithm: string, digests: string): string {
  return `CASE WHEN ${digests} THEN (SELECT value FROM blob_digest x WHERE x.blob_id = b.id AND x.algorithm = '${algorithm}') END`;
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
    yanked: valueAt(columns.yanked, at),
    properties: valueAt(columns.properties, at),
  }));
}

/** `ids` are those of the nodes, by place. */
export function readEdges(columns: EdgeColumns, ids: readonly string[]): readonly ClosureEdgeRow[] {
  return (columns.place ?? []).map((place, at) => ({
    artifact_id: valueAt(ids, place),
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

export function readBlobs(columns: BlobColumns, ids: readonly string[]): readonly ClosureBlobRow[] {
  const rows: (ClosureBlobRow & { readonly locations: (readonly [string, string])[] | null })[] = [];
  let last: (typeof rows)[number] | undefined;
  for (const [at, place] of (columns.place ?? []).entries()) {
    const artifact_id = valueAt(ids, place);
    const path = valueAt(columns.path, at);
    const store = valueAt(columns.store, at);
    const object_key = valueAt(columns.object_key, at);
    const location = store === null || object_key === null ? null : ([store, object_key] as const);
    if (last?.artifact_id === artifact_id && last.path === path) {
      if (location !== null) last.locations?.push(location);
      continue;
    }
    last = {
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
    };
    rows.push(last);
  }
  return rows;
}

/** Columns of one answer are of one length. */
export function valueAt<Value>(column: readonly Value[] | null, at: number): Value {
  if (column === null || at >= column.length) throw new Error('the columns of an answer differ in length');
  return column[at] as Value;
}
