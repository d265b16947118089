/** The tokens of the caller's project; of every project for administrators. Secrets are nowhere to be listed. */
import { tokenRecords } from '#metadata/metadata.ts';
import type { OpContext } from './context.ts';
import { type TokenRecord, toToken } from './create-token.ts';

/** A project with more tokens than this has another problem. */
const listedMax = 1000;

/** Newest first, revoked and expired ones included. @throws AppError FORBIDDEN */
export async function listTokens(context: OpContext, _input: Record<string, never> = {}): Promise<readonly TokenRecord[]> {
  const { caller, db, policy } = context;
  policy.authorise(caller, 'token:list', { project: caller.project });
  const rows = await tokenRecords.listTokens(db, caller.project, caller.isAdmin, listedMax);
  return rows.map(toToken);
}
