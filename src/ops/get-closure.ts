/** An artifact with everything it needs, read in one snapshot: as publish pinned it, or as its ranges resolve now. */

import { AppError } from '#base/app-error.ts';
import { parseArtifactRef } from '#core/artifact-ref.ts';
import type { Closure } from '#core/closure.ts';
import type { Sql } from '#metadata/database.ts';
import { closureRecords, resolutionRecords } from '#metadata/metadata.ts';
import { assembleClosure } from './assemble-closure.ts';
import { addClosureTexts, type LocatedClosure } from './closure-texts.ts';
import { completeResource } from './complete-resource.ts';
import type { OpContext } from './context.ts';
import { artifactNotFound } from './load-artifact.ts';
import { loadFloatingGraph } from './load-floating-graph.ts';
import { type ClosureGraph, loadPinnedGraph } from './load-pinned-graph.ts';
import { findFamily, resolveRange } from './resolve-name.ts';
import { resolveReference } from './resolve-reference.ts';

export interface GetClosureInput {
  readonly ref: string;
  readonly mode: 'pinned' | 'floating';
  /** Blobs of text slots up to this size come with their text, as long as the sum stays small. */
  readonly inlineBytes?: number | undefined;
  /** SHA-512 and MD5 of each blob too, beside SHA-256. */
  readonly allDigests?: boolean | undefined;
  /** Fewer nodes than the server would deliver: what lies beyond is a problem LIMIT. */
  readonly maxNodes?: number | undefined;
}

/**
 * Problems are part of the answer; only a root that cannot be had is an error. Pinned, it takes at most five statements however
 * large the closure is; floating, at most five and two for each level, and for each of at most four rounds in which singletons
 * agree one, and two for each level that a round has to read.
 * @throws AppError ARTIFACT_NOT_FOUND, VERSION_NO_MATCH, REFERENCE_INVALID, RANGE_INVALID, INPUT_INVALID, CLOSURE_TOO_LARGE
 */
export async function getClosure(context: OpContext, input: GetClosureInput): Promise<Closure> {
  return (await locateClosure(context, input)).closure;
}

/** The closure, and where the bytes of its blobs are: for what reads them. */
export async function locateClosure(context: OpContext, input: GetClosureInput): Promise<LocatedClosure> {
  const maxNodes = toNodeLimit(context, input);
  const graph = await readClosure(context, input, (sql, root) => readGraph(sql, context, root, input, maxNodes));
  return finishClosure(context, input, maxNodes, graph);
}

/** The most nodes to read. @throws AppError INPUT_INVALID, also for the other numbers of the input */
export function toNodeLimit({ settings }: OpContext, input: GetClosureInput): number {
  const maxNodes = input.maxNodes ?? settings.maxClosureNodes;
  assertInput(input, maxNodes, settings.maxClosureNodes);
  return maxNodes;
}

/** Finds the root and reads from it, in one snapshot; undefined where there is no root to see. */
export function readClosure<Result>(
  context: OpContext,
  input: GetClosureInput,
  read: (sql: Sql, root: string) => Promise<Result | undefined>,
): Promise<Result | undefined> {
  return inSnapshot(context, input, async (sql) => {
    const root = await findRoot(sql, context, input.ref);
    return root === undefined ? undefined : read(sql, root);
  });
}

/** @throws AppError FORBIDDEN */
export async function authoriseClosure(context: OpContext, { id, project, type }: ClosureRoot): Promise<void> {
  const resource = await completeResource(context, 'artifact:closure', { id, project, type });
  context.policy.authorise(context.caller, 'artifact:closure', resource);
}

interface ClosureRoot {
  readonly id: string;
  readonly project: string;
  readonly type: string;
}

/** What was read, as the answer. @throws AppError where the root cannot be had */
export async function finishClosure(
  context: OpContext,
  input: GetClosureInput,
  maxNodes: number,
  graph: ClosureGraph | undefined,
): Promise<LocatedClosure> {
  const { settings } = context;
  // Outside of the snapshot, and only where there is no answer: says why, in the same words as everywhere.
  if (graph === undefined) throw artifactNotFound((await resolveReference(context, { ref: input.ref })).artifact.id);
  const root = graph.nodes.get(graph.root);
  if (root !== undefined) await authoriseClosure(context, root);
  assertSize(graph, maxNodes, settings.maxClosureNodes);
  const located = assembleClosure(context, input.mode, graph);
  return input.inlineBytes === undefined ? located : addClosureTexts(context, located, input.inlineBytes);
}

/** By id and pinned, each statement is the whole answer, hence a snapshot as it is: without the round trips of a transaction. */
async function inSnapshot<Result>(
  { db, signal }: OpContext,
  { mode, ref }: GetClosureInput,
  work: (sql: Sql) => Promise<Result>,
): Promise<Result> {
  const isOneStatement = mode === 'pinned' && parseArtifactRef(ref).kind === 'id';
  if (isOneStatement) signal.throwIfAborted();
  return isOneStatement ? work(db) : db.transaction(work, { isolation: 'repeatable read', readOnly: true, signal });
}

/** The graph below a root, with its blobs. */
export async function readGraph(
  sql: Sql,
  context: OpContext,
  rootId: string,
  { mode, allDigests = false }: GetClosureInput,
  maxNodes: number,
): Promise<ClosureGraph | undefined> {
  if (mode === 'pinned') return loadPinnedGraph(sql, context, rootId, maxNodes, allDigests);
  const graph = await loadFloatingGraph(sql, context, rootId, maxNodes);
  if (graph === undefined) return undefined;
  const parts = { stores: [...context.blobs.stores.keys()], hasAllDigests: allDigests };
  return { ...graph, blobs: await closureRecords.listClosureBlobs(sql, [...graph.nodes.keys()], parts) };
}

function assertInput({ inlineBytes }: GetClosureInput, maxNodes: number, most: number): void {
  if (!Number.isInteger(maxNodes) || maxNodes < 1 || maxNodes > most) {
    throw new AppError('INPUT_INVALID', `maxNodes is a whole number from 1 to ${most}.`, {
      faults: [{ pointer: '/maxNodes', message: `is a whole number from 1 to ${most}` }],
    });
  }
  if (inlineBytes !== undefined && (!Number.isInteger(inlineBytes) || inlineBytes < 0)) {
    throw new AppError('INPUT_INVALID', 'inlineBytes is a whole number of at least 0.', {
      faults: [{ pointer: '/inlineBytes', message: 'is a whole number of at least 0' }],
    });
  }
}

function assertSize(graph: ClosureGraph, maxNodes: number, most: number): void {
  if (graph.isCut && maxNodes === most) {
    throw new AppError('CLOSURE_TOO_LARGE', `The closure has more than ${most} nodes.`, { details: { maxNodes: most } });
  }
}

/** The id of what a reference means, in two statements at most. */
async function findRoot(tx: Sql, context: OpContext, ref: string): Promise<string | undefined> {
  const parsed = parseArtifactRef(ref);
  if (parsed.kind === 'id') return parsed.id;
  if (parsed.kind === 'channel') return undefined;
  const { caller } = context;
  const family = await findFamily(tx, context, caller, parsed);
  if (family === undefined) return undefined;
  if (parsed.kind === 'digest') return (await resolutionRecords.findByDigest(tx, caller, family.familyId, parsed.digest))?.id;
  if (parsed.exact !== null) return (await resolutionRecords.findExact(tx, caller, family, parsed.exact.key))?.id;
  const found = await resolveRange(tx, caller, family, parsed.range, null);
  return 'problem' in found ? undefined : found.id;
}
