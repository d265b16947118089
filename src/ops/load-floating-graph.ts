/** The graph that the ranges give now: level by level, each level resolved by one statement and its edges read by another. */
import type { ClosureProblem } from '#core/closure.ts';
import { parseRange } from '#core/range.ts';
import { parseVersion } from '#core/version.ts';
import type { Sql } from '#metadata/database.ts';
import { closureRecords, floatingRecords } from '#metadata/metadata.ts';
import { commonVersion, singletonFamilies } from './assemble-closure.ts';
import type { OpContext } from './context.ts';
import { type ClosureGraph, edgeProblem, edgeRef, type GraphLink } from './load-pinned-graph.ts';
import { candidatesMax } from './resolve-name.ts';
import { takesVersion } from './singleton-rule.ts';

type NodeRow = closureRecords.ClosureNodeRow;
type EdgeRow = closureRecords.ClosureEdgeRow;
type Request = floatingRecords.FloatingRequest;

/** What was read so far; a second walk over the same families reads nothing again. */
interface Known {
  readonly nodes: Map<string, NodeRow>;
  readonly edges: Map<string, readonly EdgeRow[]>;
  /** By the text of the request; null: no answer. */
  readonly answers: Map<string, NodeRow | null>;
  /** What singletons decided for a family: taken by every edge that accepts it, whatever else its range would have given. */
  readonly decided: Map<string, string>;
}

/** Rounds of deciding what singletons agree on: one decision can bring in another family. */
const roundsMax = 4;

/** Undefined when the caller may not see the root. */
export async function loadFloatingGraph(
  tx: Sql,
  context: OpContext,
  root: string,
  maxNodes: number,
): Promise<ClosureGraph | undefined> {
  const [row] = await closureRecords.listClosureNodes(tx, context.caller, [root]);
  if (row === undefined) return undefined;
  const known: Known = { nodes: new Map([[root, row]]), edges: new Map(), answers: new Map(), decided: new Map() };
  let graph = await walk(tx, context, root, maxNodes, known);
  for (let round = 0; round < roundsMax; round += 1) {
    const agreed = await agree(tx, context, graph, known);
    if (!agreed) break;
    graph = await walk(tx, context, root, maxNodes, known);
  }
  return { ...graph, problems: await describeMissing(tx, context, graph) };
}

async function walk(tx: Sql, context: OpContext, root: string, maxNodes: number, known: Known): Promise<ClosureGraph> {
  const nodes = new Map<string, NodeRow>();
  const links: GraphLink[] = [];
  let isCut = false;
  for (let level = [root]; level.length > 0; ) {
    for (const id of level) {
      const node = known.nodes.get(id);
      if (node !== undefined) nodes.set(id, node);
    }
    await readEdges(tx, context, level, known);
    const edges = level.flatMap((id) => known.edges.get(id) ?? []);
    await resolveEdges(tx, context, edges, known);
    const next = new Set<string>();
    for (const edge of edges) {
      const target = answerOf(context, edge, known);
      const isNew = target !== null && !nodes.has(target.id) && !next.has(target.id);
      const fits = !isNew || nodes.size + next.size < maxNodes;
      if (isNew && fits) next.add(target.id);
      isCut ||= !fits;
      const ref = edgeRef(edge);
      links.push({ row: edge, ref, to: fits ? (target?.id ?? null) : null, version: fits ? (target?.version ?? null) : null });
    }
    level = [...next];
  }
  return { root, nodes, links, problems: [], isCut };
}

async function readEdges(tx: Sql, { caller }: OpContext, ids: readonly string[], known: Known): Promise<void> {
  const unread = ids.filter((id) => !known.edges.has(id));
  const rows = await closureRecords.listClosureEdges(tx, caller, unread);
  const byNode = Map.groupBy(rows, ({ artifact_id }) => artifact_id);
  for (const id of unread) known.edges.set(id, byNode.get(id) ?? []);
}

async function resolveEdges(tx: Sql, context: OpContext, edges: readonly EdgeRow[], known: Known): Promise<void> {
  const unanswered = new Map<string, Request>();
  for (const edge of edges) {
    const request = requestOf(context, edge, known);
    const key = keyOf(request);
    if (!known.answers.has(key)) unanswered.set(key, request);
  }
  const keys = [...unanswered.keys()];
  const answers = await floatingRecords.resolveFloating(tx, context.caller, [...unanswered.values()]);
  for (const key of keys) known.answers.set(key, null);
  for (const answer of answers) {
    known.nodes.set(answer.id, answer);
    known.answers.set(keys[answer.n] ?? '', answer);
  }
}

function answerOf(context: OpContext, edge: EdgeRow, known: Known): NodeRow | null {
  const answer = known.answers.get(keyOf(requestOf(context, edge, known))) ?? null;
  if (answer === null || edge.target_id !== null) return answer;
  const decided = known.nodes.get(known.decided.get(familyText(answer)) ?? '');
  const version = parseVersion(decided?.version ?? '');
  // An edge that was not there when it was decided may want another; then the family is in disagreement once more.
  if (decided === undefined || version === undefined) return answer;
  return takesVersion({ version: answer.version, isById: false, range: edge.range }, version) ? decided : answer;
}

/** A dependency without a project means the consumer's own, then the trusted ones; a publisher meant the same. */
function requestOf({ settings }: OpContext, edge: EdgeRow, known: Known): Request {
  const consumer = known.nodes.get(edge.artifact_id);
  const own = consumer === undefined ? [] : [consumer.project];
  return {
    id: edge.target_id,
    projects: edge.target_project === null ? [...new Set([...own, ...settings.trustedProjects])] : [edge.target_project],
    named: edge.target_project !== null,
    type: edge.target_type ?? '',
    name: edge.target_name ?? '',
    ranges: [parseRange(edge.range)],
    exactKey: parseVersion(edge.range)?.key ?? null,
  };
}

function keyOf({ id, projects, type, name, ranges, named }: Request): string {
  return JSON.stringify([id, projects, named, type, name, ranges.map(({ text }) => text)]);
}

function familyText({ project, type, name }: NodeRow): string {
  return `${project}/${type}/${name}`;
}

/**
 * Singleton families with several versions: one of these that every range takes is taken by all; failing that, the highest
 * that lies in all ranges is looked for. True when anything was decided.
 */
async function agree(tx: Sql, context: OpContext, graph: ClosureGraph, known: Known): Promise<boolean> {
  const open: { readonly family: string; readonly request: Request }[] = [];
  let hasDecided = false;
  for (const { family, links, versions } of singletonFamilies(context, graph)) {
    const common = commonVersion(links, versions);
    const taken = links.find(({ version }) => version === common && version !== null)?.to;
    const [first] = links;
    if (taken !== undefined && taken !== null) {
      hasDecided ||= known.decided.get(family) !== taken;
      known.decided.set(family, taken);
    } else if (first !== undefined && links.every(({ row }) => row.target_id === null)) {
      const ranges = links.map(({ row }) => parseRange(row.range));
      const named = links.every(({ row }) => row.target_project !== null);
      const project = graph.nodes.get(first.to ?? '')?.project ?? '';
      open.push({
        family,
        request: { ...requestOf(context, first.row, known), projects: [project], named, ranges, exactKey: null },
      });
    }
  }
  const found = await floatingRecords.resolveFloating(
    tx,
    context.caller,
    open.map(({ request }) => request),
  );
  for (const answer of found) {
    const family = open[answer.n]?.family ?? '';
    known.nodes.set(answer.id, answer);
    hasDecided ||= known.decided.get(family) !== answer.id;
    known.decided.set(family, answer.id);
  }
  return hasDecided;
}

/** Why edges have no answer, with what their families have instead. */
async function describeMissing(tx: Sql, context: OpContext, graph: ClosureGraph): Promise<readonly ClosureProblem[]> {
  const known: Known = { nodes: new Map(graph.nodes), edges: new Map(), answers: new Map(), decided: new Map() };
  const missing = graph.isCut ? [] : graph.links.filter(({ to }) => to === null);
  const byName = missing.filter(({ row }) => row.target_id === null);
  const requests = byName.map(({ row }) => requestOf(context, row, known));
  const candidates = await floatingRecords.listFloatingCandidates(tx, context.caller, requests, candidatesMax);
  const found = new Map(candidates.map((answer) => [byName[answer.n], answer]));
  return missing.map((link) => {
    const { row, ref } = link;
    const answer = found.get(link);
    if (answer?.has_family !== true) return edgeProblem('NOT_FOUND', row, `${ref} (${row.alias}) is not there.`);
    return edgeProblem('NO_MATCH', row, `${ref} (${row.alias}) has no version in the range.`, answer.versions ?? []);
  });
}
