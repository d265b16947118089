/** An artifact with everything it needs, read in one snapshot: as publish pinned it, or as its ranges resolve now. */

import { AppError } from '#base/app-error.ts';
import { parseArtifactRef } from '#core/artifact-ref.ts';
import type { Closure } from '#core/closure.ts';
import type { Sql } from '#metadata/database.ts';
import { closureRecords, resolutionRecords } from '#metadata/metadata.ts';
import { assembleClosure } from './assemble-closure.ts';
import { addClosureTexts, type LocatedClosure } from './closure-texts.ts';
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
  /** Fewer nodes than the server would deliver: what lies beyond is a problem LIMIT. */
  readonly maxNodes?: number | undefined;
}

/**
 * Problems are part of the answer; only a root that cannot be had is an error. Pinned, it takes at most five statements however
 * large the closure is; floating, at most five and two for each level.
 * @throws AppError ARTIFACT_NOT_FOUND, VERSION_NO_MATCH, REFERENCE_INVALID, RANGE_INVALID, INPUT_INVALID, CLOSURE_TOO_LARGE
 */
export async function getClosure(context: OpContext, input: GetClosureInput): Promise<Closure> {
  return (await locateClosure(context, input)).closure;
}

/** The closure, and where the bytes of its blobs are: for what reads them. */
export async function locateClosure(context: OpContext, input: GetClosureInput): Promise<LocatedClosure> {
  const { settings, db, signal, caller } = context;
  const maxNodes = input.maxNodes ?? settings.maxClosureNodes;
  assertInput(input, maxNodes, settings.maxClosureNodes);
  const graphed = await db.transaction(
    async (tx) => {
      const rootId = await findRoot(tx, context, input.ref);
      if (rootId === undefined) return undefined;
      const load = input.mode === 'pinned' ? loadPinnedGraph : loadFloatingGraph;
      const graph = await load(tx, context, rootId, maxNodes);
      if (graph === undefined) return undefined;
      const stores = [...context.blobs.stores.keys()];
      const blobs = graph.blobs ?? (await closureRecords.listClosureBlobs(tx, [...graph.nodes.keys()], stores));
      return { graph, blobs };
    },
    { isolation: 'repeatable read', readOnly: true, signal },
  );
  // Outside of the snapshot, and only where there is no answer: says why, in the same words as everywhere.
  if (graphed === undefined) throw artifactNotFound((await resolveReference(context, { ref: input.ref })).artifact.id);
  const { graph, blobs } = graphed;
  const root = graph.nodes.get(graph.root);
  if (root !== undefined) context.policy.authorise(caller, 'artifact:closure', { project: root.project, type: root.type });
  assertSize(graph, maxNodes, settings.maxClosureNodes);
  const located = assembleClosure(context, input.mode, graph, blobs);
  return input.inlineBytes === undefined ? located : addClosureTexts(context, located, input.inlineBytes);
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
