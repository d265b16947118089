/** What the caller's project has of one type: how many, how large, and what is coming. */
import { usageRecords } from '#metadata/metadata.ts';
import type { OpContext } from './context.ts';

export type Usage = usageRecords.Usage;

/** @throws AppError FORBIDDEN */
export async function getUsage(context: OpContext, { type }: { readonly type: string }): Promise<Usage> {
  const { caller, db, policy } = context;
  policy.authorise(caller, 'usage:read', { project: caller.project, type });
  return usageRecords.readUsage(db, caller.project, type);
}
