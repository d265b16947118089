/** Revokes a token: at once on this node, within seconds on the others. */
import { AppError } from '#base/app-error.ts';
import { isUuid } from '#base/id.ts';
import { tokenRecords } from '#metadata/metadata.ts';
import { forgetToken } from './authenticate-token.ts';
import type { OpContext } from './context.ts';
import { type TokenRecord, toToken } from './create-token.ts';
import { recordChange } from './record-change.ts';

/** Twice is as once. @throws AppError TOKEN_NOT_FOUND also for another project's token, FORBIDDEN */
export async function revokeToken(context: OpContext, { id }: { readonly id: string }): Promise<TokenRecord> {
  const { caller, db, policy } = context;
  const lower = id.toLowerCase();
  const { revoked, secretHash } = await db.transaction(
    async (tx) => {
      const found = isUuid(lower) ? await tokenRecords.lockToken(tx, lower) : undefined;
      const isVisible = found !== undefined && (caller.isAdmin || found.project === caller.project);
      if (!isVisible) throw new AppError('TOKEN_NOT_FOUND');
      policy.authorise(caller, 'token:revoke', { project: found.project });
      const row = await tokenRecords.revokeToken(tx, lower);
      if (row === undefined) throw new AppError('TOKEN_NOT_FOUND');
      if (found.revoked_at === null) {
        await recordChange(tx, context, {
          kind: 'token.revoked',
          action: 'token:revoke',
          ...{ project: row.project, subjectType: 'token', subjectId: row.id, revision: null, payload: { subject: row.subject } },
        });
      }
      return { revoked: row, secretHash: row.secret_hash };
    },
    { signal: context.signal },
  );
  forgetToken(db, secretHash);
  return toToken(revoked);
}
