/**
 * What a closure is made of, a statement for each kind of row however many there are: nodes, edges, blobs. Each comes as one
 * JSON value: thousands of small rows cost a server that has just started more to read than to find.
 */

import type { JsonObject } from '#base/json.ts';
import type { ArtifactState } from '#core/artifact.ts';
import type { Sql, Statement } from './database.ts';
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

const nodeTuple = `json_build_array(a.id, a.project, a.type, a.type_version, a.name, a.version, a.version_key,
  a.digest_algorithm || ':' || a.digest_value, a.state, a.visibility, a.yanked_at IS NOT NULL, a.properties)`;

type Text = string | null;
type NodeTuple = readonly [string, string, string, string, Text, Text, Text, Text, ArtifactState, string, boolean, JsonObject];

const pinnedStatement = {
  name: 'closure-pinned-nodes',
  // No depth in the recursive row: UNION must see that a node was there already. The limit ends the recursion early.
  text: `WITH RECURSIVE reach (id) AS (
      SELECT a.id FROM artifact a WHERE a.id = $3 AND ${readableSql('a', viewer)}
      UNION
      SELECT t.id FROM reach JOIN dependency d ON d.artifact_id = reach.id JOIN artifact t ON t.id = d.resolved_id
      WHERE ${readableSql('t', viewer)})
    SELECT json_agg(${nodeTuple}) AS tuples FROM (SELECT id FROM reach LIMIT $4) AS r JOIN artifact a ON a.id = r.id`,
};

/** The root and everything that its pins reach through what the viewer may read: at most `limit` nodes, in no order. */
export async function listPinnedNodes(sql: Sql, by: Viewer, root: string, limit: number): Promise<readonly ClosureNodeRow[]> {
  return readNodes(sql, pinnedStatement, [by.project, by.isAdmin, root, limit]);
}

const nodesStatement = {
  name: 'closure-nodes',
  text: `SELECT json_agg(${nodeTuple}) AS tuples FROM artifact a WHERE a.id = ANY($3::uuid[]) AND ${readableSql('a', viewer)}`,
};

/** Those of the artifacts that the viewer may read. */
export async function listClosureNodes(sql: Sql, by: Viewer, ids: readonly string[]): Promise<readonly ClosureNodeRow[]> {
  return readNodes(sql, nodesStatement, [by.project, by.isAdmin, uuidArray(ids)]);
}

async function readNodes(sql: Sql, statement: Statement, values: readonly unknown[]): Promise<readonly ClosureNodeRow[]> {
  const [row] = await sql.query<{ readonly tuples: readonly NodeTuple[] | null }>(statement, values);
  return (row?.tuples ?? []).map(
    ([id, project, type, type_version, name, version, version_key, digest, state, visibility, yanked, properties]) => ({
      id,
      project,
      type,
      type_version,
      name,
      version,
      version_key,
      digest,
      state,
      visibility,
      yanked,
      properties,
    }),
  );
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
  /** The pin; null before publish, and where the viewer may not see what it pins. */
  readonly resolved_id: string | null;
  readonly resolved_version: string | null;
  /** State of what is pinned, also when that was deleted. */
  readonly pinned_state: ArtifactState | null;
  readonly has_pin: boolean;
}

type EdgeTuple = readonly [
  ...[string, string, string, Text, Text, Text, Text],
  ...[string, Text, Text, Text, ArtifactState | null, boolean],
];

const edgesStatement = {
  name: 'closure-edges',
  text: `SELECT json_agg(json_build_array(d.artifact_id, d.slot, d.alias, d.target_project, d.target_type, d.target_name, d.target_id,
      d.range, d.parameter, t.id, t.version, t.state, d.resolved_id IS NOT NULL) ORDER BY d.artifact_id, d.position) AS tuples
    FROM dependency d
    LEFT JOIN artifact t ON t.id = d.resolved_id AND ${readableOrDeletedSql('t', viewer)}
    WHERE d.artifact_id = ANY($3::uuid[])`,
};

/** The edges of the artifacts, in the order each declares them. */
export async function listClosureEdges(sql: Sql, by: Viewer, ids: readonly string[]): Promise<readonly ClosureEdgeRow[]> {
  if (ids.length === 0) return [];
  const values = [by.project, by.isAdmin, uuidArray(ids)];
  const [row] = await sql.query<{ readonly tuples: readonly EdgeTuple[] | null }>(edgesStatement, values);
  return (row?.tuples ?? []).map((tuple) => {
    const [artifact_id, slot, alias, target_project, target_type, target_name, target_id, ...rest] = tuple;
    const [range, parameter, resolved_id, resolved_version, pinned_state, has_pin] = rest;
    const target = { target_project, target_type, target_name, target_id };
    return { artifact_id, slot, alias, ...target, range, parameter, resolved_id, resolved_version, pinned_state, has_pin };
  });
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

type BlobTuple = readonly [string, string, string, string, string, number, string, Text, Text, ClosureBlobRow['locations']];

const blobsStatement = {
  name: 'closure-blobs',
  text: `SELECT json_agg(json_build_array(ab.artifact_id, ab.slot, ab.key, ab.path, ab.media_type, b.size_bytes, b.digest_value,
      (SELECT h.value FROM blob_digest h WHERE h.blob_id = b.id AND h.algorithm = 'sha512'),
      (SELECT h.value FROM blob_digest h WHERE h.blob_id = b.id AND h.algorithm = 'md5'),
      (SELECT json_agg(json_build_array(l.store, l.object_key) ORDER BY l.store) FROM location l
        WHERE l.blob_id = b.id AND l.state = 'live' AND l.store = ANY($2::text[])))
      ORDER BY ab.artifact_id, ab.slot, ab.path) AS tuples
    FROM artifact_blob ab JOIN blob b ON b.id = ab.blob_id WHERE ab.artifact_id = ANY($1::uuid[])`,
};

/** The blobs of the artifacts, ordered by slot and path. */
export async function listClosureBlobs(
  sql: Sql,
  ids: readonly string[],
  stores: readonly string[],
): Promise<readonly ClosureBlobRow[]> {
  const [row] = await sql.query<{ readonly tuples: readonly BlobTuple[] | null }>(blobsStatement, [uuidArray(ids), stores]);
  return (row?.tuples ?? []).map(([artifact_id, slot, key, path, media_type, size_bytes, sha256, sha512, md5, locations]) => ({
    artifact_id,
    slot,
    key,
    path,
    media_type,
    size_bytes,
    sha256,
    sha512,
    md5,
    locations,
  }));
}

/** PostgreSQL's own text of an array: ids need no quoting, and the driver would look at each of thousands. */
function uuidArray(ids: readonly string[]): string {
  return `{${ids.join(',')}}`;
}
