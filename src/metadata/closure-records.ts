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
import type { Sql, Statement } from './database.ts';
import { readableSql, type Viewer } from './visibility-sql.ts';

export type { ClosureBlobRow, ClosureEdgeRow, ClosureNodeRow } from './closure-columns.ts';

const viewer = { project: '$1::text', isAdmin: '$2::boolean' };

const pinnedStatement = statePinned('closure-pinned', 'true');
const guardedStatement = statePinned('closure-pinned-guarded', readableSql('t', viewer));

/**
 * Three rows, so that the first is read here while PostgreSQL makes the next. No depth in the recursive row: UNION must see that a
 * node was there already. The limit ends the recursion early. `guard` is asked of a node (`t`) when it is expanded.
 */
function statePinned(name: string, guard: string) {
  const expanded = guard === 'true' ? 'reach' : `reach JOIN artifact t ON t.id = reach.id AND ${guard}`;
  return {
    name,
    text: `WITH RECURSIVE reach (id) AS (
      SELECT $3::uuid
      UNION
      SELECT d.resolved_id FROM ${expanded} JOIN dependency d ON d.artifact_id = reach.id AND d.resolved_id IS NOT NULL),
    reached AS MATERIALIZED (SELECT id FROM reach LIMIT $4),
    node AS MATERIALIZED (
      SELECT ${closureNodeColumns}, row_number() OVER ()::int - 1 AS place
      FROM artifact a WHERE a.id = ANY(ARRAY(SELECT id FROM reached)) AND ${readableSql('a', viewer)})
    SELECT ${nodeColumnsSql('SELECT * FROM node ORDER BY place')} AS columns, (SELECT count(*)::int FROM reached) AS reached
    UNION ALL SELECT ${edgeColumnsSql('node', viewer)}, 0
    UNION ALL SELECT ${blobColumnsSql('node', '$5::text[]', '$6::boolean')}, 0`,
  };
}

interface PinnedPart<Columns> {
  readonly columns: Columns;
  readonly reached: number;
}

/** Places in the arrays are places in UNION ALL, which PostgreSQL keeps. */
type PinnedParts = [PinnedPart<NodeColumns>, PinnedPart<EdgeColumns>, PinnedPart<BlobColumns>];

export interface PinnedRows {
  /** In no order; the root is never cut. */
  readonly nodes: readonly ClosureNodeRow[];
  /** Also of artifacts that were cut. */
  readonly edges: readonly ClosureEdgeRow[];
  readonly blobs: readonly ClosureBlobRow[];
  /** The pins reach more than were asked for. */
  readonly isCut: boolean;
}

export interface BlobParts {
  /** Only locations in them. */
  readonly stores: readonly string[];
  /** Whether SHA-512 and MD5 are wanted. */
  readonly hasAllDigests: boolean;
}

/**
 * The root and everything that its pins reach through what the viewer may read; no nodes where that is not the root. Mostly one
 * statement, which finds out afterwards whether all that it reached may be read; where not, a second one, which asks at each step.
 */
export async function loadPinned(
  sql: Sql,
  by: Viewer,
  root: string,
  maxNodes: number,
  { stores, hasAllDigests }: BlobParts,
): Promise<PinnedRows> {
  const values = [by.project, by.isAdmin, root, maxNodes + 1, stores, hasAllDigests];
  const read = async (statement: Statement): Promise<PinnedParts> => {
    const rows: object[] = await sql.query(statement, values);
    return rows as PinnedParts;
  };
  let parts = await read(pinnedStatement);
  const ids = parts[0].columns.id ?? [];
  if (!ids.includes(root)) return { nodes: [], edges: [], blobs: [], isCut: false };
  if (ids.length < parts[0].reached) parts = await read(guardedStatement);
  return readPinned(parts, root, maxNodes);
}

function readPinned([nodePart, edgePart, blobPart]: PinnedParts, root: string, maxNodes: number): PinnedRows {
  const nodes = readNodes(nodePart.columns);
  const ids = nodes.map(({ id }) => id);
  const isCut = nodePart.reached > maxNodes;
  const others = nodes.length <= maxNodes ? [] : nodes.filter(({ id }) => id !== root).slice(0, maxNodes - 1);
  return {
    nodes: nodes.length <= maxNodes ? nodes : [...nodes.filter(({ id }) => id === root), ...others],
    edges: readEdges(edgePart.columns, ids),
    blobs: readBlobs(blobPart.columns, ids),
    isCut,
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
  text: `WITH node AS MATERIALIZED (${placedSql('$3::uuid[]')}) SELECT ${edgeColumnsSql('node', viewer)} AS edges`,
};

/** The edges of the artifacts, in the order each declares them. */
export async function listClosureEdges(sql: Sql, by: Viewer, ids: readonly string[]): Promise<readonly ClosureEdgeRow[]> {
  if (ids.length === 0) return [];
  const [row] = await sql.query<{ readonly edges: EdgeColumns }>(edgesStatement, [by.project, by.isAdmin, uuidArray(ids)]);
  return row === undefined ? [] : readEdges(row.edges, ids);
}

const blobsStatement = {
  name: 'closure-blobs',
  text: `WITH node AS MATERIALIZED (${placedSql('$1::uuid[]')})
    SELECT ${blobColumnsSql('node', '$2::text[]', '$3::boolean')} AS blobs`,
};

/** The blobs of the artifacts, ordered by slot and path. */
export async function listClosureBlobs(
  sql: Sql,
  ids: readonly string[],
  { stores, hasAllDigests }: BlobParts,
): Promise<readonly ClosureBlobRow[]> {
  const values = [uuidArray(ids), stores, hasAllDigests];
  const [row] = await sql.query<{ readonly blobs: BlobColumns }>(blobsStatement, values);
  return row === undefined ? [] : readBlobs(row.blobs, ids);
}

/** The ids and their places in the array. */
function placedSql(ids: string): string {
  return `SELECT id, place::int - 1 AS place FROM unnest(${ids}) WITH ORDINALITY AS given (id, place)`;
}

/** PostgreSQL's own text of an array: ids need no quoting, and the driver would look at each of thousands. */
function uuidArray(ids: readonly string[]): string {
  return `{${ids.join(',')}}`;
}
