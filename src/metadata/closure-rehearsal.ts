/** A closure that is in no database, as its statement would answer it: for running the code that reads it before anybody waits. */
import type { BlobColumns, EdgeColumns, NodeColumns } from './closure-columns.ts';
import type { Sql } from './database.ts';

const width = 10;
const edgesOfNode = 3;

/** Answers every statement with the parts of a pinned closure of so many nodes, the last of which is the root. */
export function rehearseClosure(nodes: number): { readonly sql: Sql; readonly root: string } {
  const ids = Array.from({ length: nodes }, (_, place) => `00000000-0000-8000-8000-${String(place).padStart(12, '0')}`);
  const parts = [toNodes(ids), toEdges(ids), toBlobs(ids)].map((columns) => ({ columns, reached: nodes }));
  const sql: Sql = { query: <Row extends object>() => Promise.resolve(parts as object[] as Row[]) };
  return { sql, root: ids.at(-1) ?? '' };
}

function toNodes(ids: readonly string[]): NodeColumns {
  return {
    id: ids,
    project: ids.map(() => 'rehearsal'),
    type: ids.map(() => 'rehearsed'),
    type_version: ids.map(() => '1'),
    name: ids.map((id) => `part-${id}`),
    version: ids.map(() => '1.0.0'),
    version_key: ids.map(() => '1'),
    digest: ids.map((id) => `sha256:${id}`),
    state: ids.map(() => 'active'),
    yanked: ids.map(() => false),
    properties: ids.map((_, number) => ({ number })),
  };
}

function toEdges(ids: readonly string[]): EdgeColumns {
  const edges = ids
    .flatMap((_, place) =>
      Array.from({ length: edgesOfNode }, (_, number) => ({ place, number, to: ids[place - width + number] ?? null })),
    )
    .filter(({ to }) => to !== null);
  return {
    place: edges.map(({ place }) => place),
    slot: edges.map(() => 'rehearsed'),
    alias: edges.map(({ number }) => `part-${number}`),
    target_project: edges.map(() => null),
    target_type: edges.map(() => 'rehearsed'),
    target_name: edges.map(({ to }) => `part-${to}`),
    target_id: edges.map(() => null),
    range: edges.map(() => '^1'),
    parameter: edges.map(() => null),
    resolved_id: edges.map(({ to }) => to),
    was_deleted: edges.map(() => false),
  };
}

function toBlobs(ids: readonly string[]): BlobColumns {
  return {
    place: ids.map((_, place) => place),
    slot: ids.map(() => 'files'),
    key: ids.map(() => 'a/file'),
    path: ids.map(() => 'a/file'),
    media_type: ids.map(() => 'text/plain'),
    size_bytes: ids.map((_, place) => 1000 + place),
    sha256: ids.map((id) => id),
    sha512: ids.map(() => null),
    md5: ids.map(() => null),
    store: ids.map(() => 'default'),
    object_key: ids.map((id) => id),
  };
}
