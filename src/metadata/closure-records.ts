/** What a closure is made of, read as sets: by one statement along the pins, or for the artifacts of a level. */
import {
  type BlobColumns,
  blobColumnsSql,
  type ClosureBlobRow,
  type ClosureEdgeRow,
  type ClosureNodeRow,
  closureNodeColumns,
  type EdgeColumns,
  edgeColumnsSql,
  type NodeColumns,
  nodeColumnsSql,
  readBlobs,
  readEdges,
  readNodes,
} from './closure-columns.ts';
import type { Sql } from './database.ts';
import { readableSql, type Viewer } from './visibility-sql.ts';

export type { ClosureBlobRow, ClosureEdgeRow, ClosureNodeRow } from './closure-columns.ts';

const viewer = { project: '$1::text', isAdmin: '$2::boolean' };

const pinnedStatement = {
  name: 'closure-pinned',
  // No depth in the recursive row: UNION must see that a node was there already. The limit ends the recursion early. Whether
  // the viewer may read a node is asked when it is expanded, once for each.
  text: `WITH RECURSIVE reach (id) AS (
      SELECT $3::uuid
      UNION
      SELECT d.resolved_id FROM reach JOIN artifact t ON t.id = reach.id AND ${readableSql('t', viewer)}
        JOIN dependency d ON d.artifact_id = t.id AND d.resolved_id IS NOT NULL),
    reached AS MATERIALIZED (SELECT id FROM reach LIMIT $4),
    node AS MATERIALIZED (
      SELECT ${closureNodeColumns} FROM reached JOIN artifact a USING (id) WHERE ${readableSql('a', viewer)})
    SELECT ${nodeColumnsSql('SELECT * FROM node')} AS nodes, ${edgeColumnsSql('node', viewer)} AS edges,
      ${blobColumnsSql('node', '$5::text[]')} AS blobs, (SELECT count(*)::int FROM reached) AS reached`,
};

interface PinnedRow {
  readonly nodes: NodeColumns;
  readonly edges: EdgeColumns;
  readonly blobs: BlobColumns;
  readonly reached: number;
}

export interface PinnedRows {
  /** In no order; the root is never cut. */
  readonly nodes: readonly ClosureNodeRow[];
  /** Also of artifacts that were cut. */
  readonly edges: readonly ClosureEdgeRow[];
  readonly blobs: readonly ClosureBlobRow[];
  /** The pins reach more than were asked for. */
  readonly isCut: boolean;
}

/** The root and everything that its pins reach through what the viewer may read, with locations in the stores named. */
export async function loadPinned(
  sql: Sql,
  by: Viewer,
  root: string,
  maxNodes: number,
  stores: readonly string[],
): Promise<PinnedRows> {
  const values = [by.project, by.isAdmin, root, maxNodes + 1, stores];
  const [row] = await sql.query<PinnedRow>(pinnedStatement, values);
  if (row === undefined) throw new Error('the statement of a closure gave no row');
  const nodes = readNodes(row.nodes);
  const others = nodes.filter(({ id }) => id !== root).slice(0, maxNodes - 1);
  return {
    nodes: nodes.length <= maxNodes ? nodes : [...nodes.filter(({ id }) => id === root), ...others],
    edges: readEdges(row.edges),
    blobs: readBlobs(row.blobs),
    isCut: row.reached > maxNodes,
  };
}

const nodesStatement = {
  name: 'closure-nodes',
  text: `SELECT ${nodeColumnsSql(
    `SELECT ${closureNodeColumns} FROM artifact a WHERE a.id = ANY($3::uuid[]) AND ${readableSql('a', viewer)}`,
  )} AS nodes`,
};

/** Those of the artifacts that the viewer may read. */
export async function listClosureNodes(sql: Sql, by: Viewer, ids: readonly string[]): Promise<readonly ClosureNodeRow[]> {
  const [row] = await sql.query<{ readonly nodes: NodeColumns }>(nodesStatement, [by.project, by.isAdmin, uuidArray(ids)]);
  return row === undefined ? [] : readNodes(row.nodes);
}

const edgesStatement = {
  name: 'closure-edges',
  text: `WITH node AS MATERIALIZED (SELECT unnest($3::uuid[]) AS id) SELECT ${edgeColumnsSql('node', viewer)} AS edges`,
};

/** The edges of the artifacts, in the order each declares them. */
export async function listClosureEdges(sql: Sql, by: Viewer, ids: readonly string[]): Promise<readonly ClosureEdgeRow[]> {
  if (ids.length === 0) return [];
  const [row] = await sql.query<{ readonly edges: EdgeColumns }>(edgesStatement, [by.project, by.isAdmin, uuidArray(ids)]);
  return row === undefined ? [] : readEdges(row.edges);
}

const blobsStatement = {
  name: 'closure-blobs',
  text: `WITH node AS MATERIALIZED (SELECT unnest($1::uuid[]) AS id) SELECT ${blobColumnsSql('node', '$2::text[]')} AS blobs`,
};

/** The blobs of the artifacts, ordered by slot and path. */
export async function listClosureBlobs(
  sql: Sql,
  ids: readonly string[],
  stores: readonly string[],
): Promise<readonly ClosureBlobRow[]> {
  const [row] = await sql.query<{ readonly blobs: BlobColumns }>(blobsStatement, [uuidArray(ids), stores]);
  return row === undefined ? [] : readBlobs(row.blobs);
}

/** PostgreSQL's own text of an array: ids need no quoting, and the driver would look at each of thousands. */
function uuidArray(ids: readonly string[]): string {
  return `{${ids.join(',')}}`;
}
