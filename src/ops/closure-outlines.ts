/** Large closures are put in order once, when their root is published: their pins never change. */
import type { Sql } from '#metadata/database.ts';
import { closureOutlineRecords, closurePartRecords } from '#metadata/metadata.ts';
import type { OpContext } from './context.ts';
import { joinReady } from './get-closure-json.ts';

/** Below this following the pins takes no longer than reading where they lead. */
const outlinedNodesMin = 64;
const everybody = { project: '', isAdmin: true };

/** `later`: the closure has an odd node now (yanked, say), so that it cannot be known yet. */
export type OutlineOutcome = 'outlined' | 'small' | 'later';

/** Keeps the outline of a closure that is large, and as plain as findReadyClosure asks for. */
export async function saveOutline(
  sql: Sql,
  { blobs, settings }: Pick<OpContext, 'blobs' | 'settings'>,
  root: string,
): Promise<OutlineOutcome> {
  if ((await closureOutlineRecords.countReached(sql, root, outlinedNodesMin)) < outlinedNodesMin) return 'small';
  const stores = [...blobs.stores.keys()];
  const nodes = await closurePartRecords.findReadyClosure(sql, everybody, root, settings.maxClosureNodes, stores);
  const ready = nodes === undefined ? undefined : joinReady(nodes, root);
  if (ready === undefined) return 'later';
  await closureOutlineRecords.saveOutline(sql, { root, ids: ready.ids, digest: ready.digest });
  return 'outlined';
}
