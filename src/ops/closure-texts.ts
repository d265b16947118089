/** The text of small blobs, in the closure itself: so that templates need no further requests. */
import { isAppError } from '#base/app-error.ts';
import type { Closure, ClosureBlob, ClosureNode } from '#core/closure.ts';
import { findDownloadable } from './complete-resource.ts';
import type { OpContext } from './context.ts';
import { readPlaces } from './read-places.ts';

export interface LocatedClosure {
  readonly closure: Closure;
  /** Where the bytes of a node's blob are, as [store, object key]; [] where no store has them. */
  readonly locations: (node: string, path: string) => readonly (readonly [string, string])[];
}

/** All texts of one closure together. */
const totalBytesMax = 8 * 1024 * 1024;
const readsAtOnce = 8;

/** Smallest blobs first, until the sum is reached. What is no UTF-8, or cannot be read now, stays without text. */
export async function addClosureTexts(context: OpContext, located: LocatedClosure, inlineBytes: number): Promise<LocatedClosure> {
  const candidates = located.closure.nodes.flatMap((node) =>
    node.blobs.filter((blob) => isText(context, node, blob, inlineBytes)).map((blob) => ({ node, blob })),
  );
  const downloadable = await findDownloadable(context, [...new Set(candidates.map(({ node }) => node))]);
  const wanted = candidates
    .filter(({ node }) => downloadable.has(node.id))
    .toSorted((a, b) => a.blob.sizeBytes - b.blob.sizeBytes);
  let total = 0;
  const chosen = wanted.filter(({ blob }) => {
    total += blob.sizeBytes;
    return total <= totalBytesMax;
  });
  const texts = new Map<ClosureBlob, string | null>();
  const queue = chosen.values();
  const readNext = async (): Promise<void> => {
    for (const { node, blob } of queue) texts.set(blob, await readText(context, located, node.id, blob));
  };
  await Promise.all(Array.from({ length: readsAtOnce }, readNext));
  const nodes = located.closure.nodes.map((node) => ({
    ...node,
    blobs: node.blobs.map((blob) => ({ ...blob, text: texts.get(blob) ?? null })),
  }));
  return { ...located, closure: { ...located.closure, nodes } };
}

function isText({ types, caller }: OpContext, node: ClosureNode, blob: ClosureBlob, inlineBytes: number): boolean {
  const rule = types.types.get(node.type)?.versions.get(node.typeVersion)?.rule.slots[blob.slot];
  if (rule?.text !== true || blob.sizeBytes > inlineBytes) return false;
  return node.state !== 'pending_delete' && (node.state !== 'deactivated' || caller.isAdmin);
}

async function readText(context: OpContext, located: LocatedClosure, node: string, blob: ClosureBlob): Promise<string | null> {
  try {
    const bytes = await readBlob(context, located, node, blob);
    return bytes === undefined ? null : new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError || isAppError(error, 'BLOB_UNAVAILABLE')) return null;
    throw error;
  }
}

/** The whole blob in memory: for small ones. Undefined where no configured store has it. @throws AppError BLOB_UNAVAILABLE */
export async function readBlob(
  context: OpContext,
  { locations }: LocatedClosure,
  node: string,
  { path, sizeBytes }: ClosureBlob,
): Promise<Uint8Array | undefined> {
  const places = locations(node, path)
    .filter(([store]) => context.blobs.stores.has(store))
    .map(([store, objectKey]) => ({ path, store, objectKey }));
  if (places.length === 0) return undefined;
  return sizeBytes === 0 ? new Uint8Array() : readPlaces(context, places, 0, sizeBytes);
}
