/** From the rows of a closure to its answer: order, what is wrong with nodes and families, the digest. */
import { compareCodeUnits, sha256Hex } from '#core/canonical-json.ts';
import type { Closure, ClosureBlob, ClosureEdge, ClosureNode, ClosureProblem } from '#core/closure.ts';
import { findCycle, topologicalOrder } from '#core/dependency-graph.ts';
import { parseVersion } from '#core/version.ts';
import type { closureRecords } from '#metadata/metadata.ts';
import { closureBlob, closureEdge, closureIdentity, closureNode } from './closure-shape.ts';
import type { LocatedClosure } from './closure-texts.ts';
import type { ClosureGraph, GraphLink } from './load-pinned-graph.ts';
import { isSingletonSlot, takesVersion } from './singleton-rule.ts';

type NodeRow = closureRecords.ClosureNodeRow;
type BlobRow = closureRecords.ClosureBlobRow;
type Rules = Parameters<typeof isSingletonSlot>[0];

export function assembleClosure(rules: Rules, mode: Closure['mode'], graph: ClosureGraph): LocatedClosure {
  const blobsByNode = groupByNode(graph.blobs ?? []);
  const links: { from: string; to: string }[] = [];
  for (const { row, to } of graph.links) if (to !== null) links.push({ from: row.artifact_id, to });
  const ordered = topologicalOrder([...graph.nodes.values()], links, compareNodes);
  const nodes = ordered.map((row) => toNode(row, blobsByNode.get(row.id) ?? []));
  const problems = [
    ...graph.problems,
    ...nodes.flatMap((node) => nodeProblems(node, blobsByNode.get(node.id) ?? [])),
    ...conflicts(rules, mode, graph),
    ...cycles(nodes, links),
    ...(graph.isCut ? [problem('LIMIT', graph.root, `The closure has more than ${nodes.length} nodes.`)] : []),
  ];
  const complete = problems.every(({ usable }) => usable);
  const closure: Closure = {
    root: graph.root,
    mode,
    nodes,
    edges: toEdges(nodes, graph.links),
    problems,
    complete,
    closureDigest: complete ? digestOfIdentities(nodes.map(closureIdentity)) : null,
  };
  const locations = (node: string, path: string) => blobsByNode.get(node)?.find((row) => row.path === path)?.locations ?? [];
  return { closure, locations };
}

/** Rows come node by node. */
function groupByNode<Row extends { readonly artifact_id: string }>(rows: readonly Row[]): ReadonlyMap<string, readonly Row[]> {
  const groups = new Map<string, Row[]>();
  let last: Row[] = [];
  for (const row of rows) {
    if (last[0]?.artifact_id !== row.artifact_id) {
      last = groups.get(row.artifact_id) ?? [];
      groups.set(row.artifact_id, last);
    }
    last.push(row);
  }
  return groups;
}

/** Those of a node in the order it declares them, nodes in their own order. */
function toEdges(nodes: readonly ClosureNode[], links: readonly GraphLink[]): readonly ClosureEdge[] {
  const byNode = new Map<string, ClosureEdge[]>(nodes.map(({ id }) => [id, []]));
  for (const link of links) byNode.get(link.row.artifact_id)?.push(toEdge(link));
  return [...byNode.values()].flat();
}

function toNode({ type_version: typeVersion, ...row }: NodeRow, blobs: readonly BlobRow[]): ClosureNode {
  return closureNode({ ...row, typeVersion, blobs: blobs.map(toBlob) });
}

function toBlob({ artifact_id, slot, key, path, media_type, size_bytes, sha256, sha512, md5 }: BlobRow): ClosureBlob {
  const digests = { sha256, sha512: sha512 ?? undefined, md5: md5 ?? undefined };
  return closureBlob(artifact_id, { slot, key, path, mediaType: media_type, sizeBytes: size_bytes, ...digests });
}

function toEdge({ row, ref, to, version }: GraphLink): ClosureEdge {
  return closureEdge({ ...row, from: row.artifact_id, ref, to, version });
}

/** What decides the order of nodes that are free at the same time. */
interface Sortable {
  readonly id: string;
  readonly project: string;
  readonly type: string;
  readonly name: string | null;
  readonly version_key: string | null;
}

/** Ties in the order of nodes: type, name, version; then what makes the order the same everywhere. */
export function compareNodes(a: Sortable, b: Sortable): number {
  return (
    compareCodeUnits(a.type, b.type) ||
    compareCodeUnits(a.name ?? '', b.name ?? '') ||
    compareCodeUnits(a.version_key ?? '', b.version_key ?? '') ||
    compareCodeUnits(a.project, b.project) ||
    compareCodeUnits(a.id, b.id)
  );
}

function nodeProblems(node: ClosureNode, blobs: readonly BlobRow[]): readonly ClosureProblem[] {
  const isWithheld = node.state === 'deactivated' || node.state === 'pending_delete';
  const isSound = !isWithheld && !node.yanked && blobs.every(({ locations }) => locations !== null);
  if (isSound) return [];
  const name = describe(node);
  const stateWords = node.state === 'deactivated' ? 'deactivated' : 'waiting to be deleted';
  const lost = blobs.filter(({ locations }) => locations === null).map(({ path }) => path);
  return [
    ...(isWithheld ? [problem('DEACTIVATED', node.id, `${name} is ${stateWords}; its bytes are withheld.`)] : []),
    ...(node.yanked ? [{ ...problem('YANKED', node.id, `${name} was yanked.`), usable: true }] : []),
    ...lost.map((path) => problem('BLOB_UNAVAILABLE', node.id, `The bytes of ${path} of ${name} are in no store.`)),
  ];
}

function problem(kind: ClosureProblem['kind'], node: string, message: string): ClosureProblem {
  return { kind, message, node, alias: null, usable: false, candidates: [], path: [] };
}

function describe({
  type,
  name,
  version,
  id,
}: {
  type: string;
  name: string | null;
  version: string | null;
  id: string;
}): string {
  return name === null ? `${type} ${id}` : `${type}/${name}${version === null ? '' : `@${version}`}`;
}

/**
 * Families that some singleton slot points at. Versions that are pinned agree where one of them lies in the range of every edge;
 * ranges that still give several when no more was decided do not.
 */
function conflicts(rules: Rules, mode: Closure['mode'], graph: ClosureGraph): readonly ClosureProblem[] {
  const families = mode === 'pinned' ? disagreements(rules, graph) : singletonFamilies(rules, graph);
  return families.map(({ links, versions }) => {
    const [first] = links;
    const message = `Versions ${versions.join(' and ')} of ${first?.row.target_type ?? ''}/${first?.row.target_name ?? ''} are needed at once, and a singleton slot allows one.`;
    return {
      ...problem('CONFLICT', first?.row.artifact_id ?? graph.root, message),
      alias: first?.row.alias ?? null,
      candidates: versions,
    };
  });
}

export interface Disagreement {
  readonly family: string;
  readonly links: readonly GraphLink[];
  /** Highest first. */
  readonly versions: readonly string[];
}

/** Families of which a closure holds several versions although a singleton slot points at them, and none would do for all. */
function disagreements(rules: Rules, graph: ClosureGraph): readonly Disagreement[] {
  return singletonFamilies(rules, graph).filter(({ links, versions }) => commonVersion(links, versions) === undefined);
}

/** Families with several versions that some singleton slot points at. */
export function singletonFamilies(rules: Rules, graph: ClosureGraph): readonly Disagreement[] {
  const named = new Set([...graph.nodes.keys()].map((id) => familyOf(graph, id) ?? id));
  if (named.size === graph.nodes.size) return [];
  const families = Map.groupBy(graph.links, ({ to }) => familyOf(graph, to));
  const isSingleton = ({ row }: GraphLink): boolean => {
    const consumer = graph.nodes.get(row.artifact_id);
    return consumer !== undefined && isSingletonSlot(rules, consumer.type, consumer.type_version, row.slot);
  };
  return [...families].flatMap(([family, links]) => {
    if (family === null || new Set(links.map(({ to }) => to)).size < 2 || !links.some(isSingleton)) return [];
    const rows = links.flatMap(({ to }) => (to === null ? [] : (graph.nodes.get(to) ?? [])));
    const sorted = rows.toSorted((a, b) => compareCodeUnits(b.version_key ?? '', a.version_key ?? ''));
    return [{ family, links, versions: [...new Set(sorted.flatMap(({ version }) => version ?? []))] }];
  });
}

function familyOf(graph: ClosureGraph, id: string | null): string | null {
  const row = id === null ? undefined : graph.nodes.get(id);
  return row === undefined || row.name === null || row.version === null ? null : `${row.project}/${row.type}/${row.name}`;
}

/** The highest of the versions that every edge takes; an edge by id takes only what it names. */
export function commonVersion(links: readonly GraphLink[], versions: readonly string[]): string | undefined {
  return versions.find((text) => {
    const version = parseVersion(text);
    if (version === undefined) return false;
    return links.every(({ version: taken, row }) =>
      takesVersion({ version: taken, isById: row.target_id !== null, range: row.range }, version),
    );
  });
}

/** Where each node comes after all it needs, there is none. */
function cycles(nodes: readonly ClosureNode[], links: readonly { from: string; to: string }[]): readonly ClosureProblem[] {
  const places = new Map(nodes.map(({ id }, place) => [id, place] as const));
  if (links.every(({ from, to }) => (places.get(to) ?? 0) < (places.get(from) ?? 0))) return [];
  const path = findCycle(
    nodes.map(({ id }) => id),
    links,
  );
  if (path === undefined) return [];
  const names = path.map((id) => nodes.find((node) => node.id === id)).map((node) => (node === undefined ? '' : describe(node)));
  return [{ ...problem('CYCLE', path[0] ?? '', `These need each other: ${names.join(' → ')}.`), path }];
}

/**
 * Over what the closure is made of, never over where it is kept: the same closure elsewhere has the same digest. The digest of
 * an artifact covers what it depends on. Arrays of texts only, whose JSON has one form.
 */
export function digestOfIdentities(identities: readonly string[]): string {
  return `sha256:${sha256Hex(`[${identities.join(',')}]`)}`;
}
