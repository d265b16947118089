/** Ends an upload before its time; what was received of it is removed. */
import { AppError } from '#base/app-error.ts';
import { failpoint } from '#base/failpoint.ts';
import { uploadEndRecords, uploadSessionRecords } from '#metadata/metadata.ts';
import { clearUpload } from './clear-upload.ts';
import type { OpContext } from './context.ts';
import { holdUpload } from './hold-upload.ts';
import { assertAlive, loadUpload } from './load-upload.ts';

/**
 * Waits for its writer to let go, who else would write on.
 * @throws AppError UPLOAD_NOT_FOUND, FORBIDDEN, UPLOAD_GONE, UPLOAD_LOCKED, STATE_CONFLICT for one that has become a blob
 */
export async function abortUpload(context: OpContext, input: { readonly id: string }): Promise<void> {
  const session = await loadUpload(context, input.id);
  assertAlive(session);
  const { id, kind, state } = session;
  if (state === 'finished') {
    if (kind !== 'partial' || session.joinedInto !== null) {
      throw new AppError('STATE_CONFLICT', 'The upload has ended well; take the blob out of its slot instead.', {
        details: { state },
      });
    }
    await end(context, session, '');
    return;
  }
  const { signal } = context;
  const states = ['open', 'receiving', 'verifying'] as const;
  await using lease = await holdUpload(context, { id, states, offset: undefined, signal });
  await end(context, session, lease.writer);
}

async function end(
  context: OpContext,
  { id, parts }: Pick<uploadSessionRecords.UploadSession, 'id' | 'parts'>,
  writer: string,
): Promise<void> {
  await failpoint('upload:abort');
  const ended = await context.db.transaction(async (tx) => {
    const aborted = await uploadEndRecords.abortSession(tx, id, writer);
    // Their sender may join them again, or end them too.
    if (aborted !== undefined && parts !== null) await uploadSessionRecords.joinSessions(tx, parts, null, 0);
    return aborted;
  });
  if (ended === undefined) throw new AppError('UPLOAD_LOCKED');
  await failpoint('upload:aborted');
  await clearUpload(context, ended);
}
