/** What a closure is made of, a statement for each kind of row however many there are: nodes, edges, blobs. */

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

/** The columns of a node; `resolve-records` selects them as well. */
export const closureNodeColumns = `a.id, a.project, a.type, a.type_version, a.name, a.version, a.version_key,
  a.digest_algorithm || ':' || a.digest_value AS digest, a.state, a.visibility, a.yanked_at IS NOT NULL AS yanked, a.properties`;

const pinnedStatement = {
  name: 'closure-pinned-nodes',
  // No depth in the recursive row: UNION must see that a node was there already. The limit ends the recursion early.
  text: `WITH RECURSIVE reach (id) AS (
      SELECT a.id FROM artifact a WHERE a.id = $3 AND ${readableSql('a', viewer)}
      UNION
      SELECT t.id FROM reach JOIN dependency d ON d.artifact_id = reach.id JOIN artifact t ON t.id = d.resolved_id
      WHERE ${readableSql('t', viewer)})
    SELECT ${closureNodeColumns} FROM (SELECT id FROM reach LIMIT $4) AS r JOIN artifact a ON a.id = r.id`,
};

/** The root and everything that its pins reach through what the viewer may read: at most `limit` nodes, in no order. */
export async function listPinnedNodes(sql: Sql, by: Viewer, root: string, limit: number): Promise<readonly ClosureNodeRow[]> {
  return sql.query<ClosureNodeRow>(pinnedStatement, [by.project, by.isAdmin, root, limit]);
}

const nodesStatement = {
  name: 'closure-nodes',
  text: `SELECT ${closureNodeColumns} FROM artifact a WHERE a.id = ANY($3::uuid[]) AND ${readableSql('a', viewer)}`,
};

/** Those of the artifacts that the viewer may read. */
export async function listClosureNodes(sql: Sql, by: Viewer, ids: readonly string[]): Promise<readonly ClosureNodeRow[]> {
  return sql.query<ClosureNodeRow>(nodesStatement, [by.project, by.isAdmin, ids]);
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

const edgesStatement = {
  name: 'closure-edges',
  text: `SELECT d.artifact_id, d.slot, d.alias, d.target_project, d.target_type, d.target_name, d.target_id, d.range, d.parameter,
      t.id AS resolved_id, t.version AS resolved_version, t.state AS pinned_state, d.resolved_id IS NOT NULL AS has_pin
    FROM dependency d
    LEFT JOIN artifact t ON t.id = d.resolved_id AND ${readableOrDeletedSql('t', viewer)}
    WHERE d.artifact_id = ANY($3::uuid[]) ORDER BY d.artifact_id, d.position`,
};

/** The edges of the artifacts, in the order each declares them. */
export async function listClosureEdges(sql: Sql, by: Viewer, ids: readonly string[]): Promise<readonly ClosureEdgeRow[]> {
  return ids.length === 0 ? [] : sql.query<ClosureEdgeRow>(edgesStatement, [by.project, by.isAdmin, ids]);
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

const blobsStatement = {
  name: 'closure-blobs',
  text: `SELECT ab.artifact_id, ab.slot, ab.key, ab.path, ab.media_type, b.size_bytes, b.digest_value AS sha256,
      (SELECT h.value FROM blob_digest h WHERE h.blob_id = b.id AND h.algorithm = 'sha512') AS sha512,
      (SELECT h.value FROM blob_digest h WHERE h.blob_id = b.id AND h.algorithm = 'md5') AS md5,
      (SELECT json_agg(json_build_array(l.store, l.object_key) ORDER BY l.store) FROM location l
        WHERE l.blob_id = b.id AND l.state = 'live' AND l.store = ANY($2::text[])) AS locations
    FROM artifact_blob ab JOIN blob b ON b.id = ab.blob_id WHERE ab.artifact_id = ANY($1::uuid[])
    ORDER BY ab.artifact_id, ab.slot, ab.path`,
};

/** The blobs of the artifacts, ordered by slot and path. */
export async function listClosureBlobs(
  sql: Sql,
  ids: readonly string[],
  stores: readonly string[],
): Promise<readonly ClosureBlobRow[]> {
  return sql.query<ClosureBlobRow>(blobsStatement, [ids, stores]);
}
