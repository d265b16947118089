/** Who may fill a place that an upload session holds already: the same upload goes on, an idle one of the same caller makes room. */
import { AppError } from '#base/app-error.ts';
import type { Sql } from '#metadata/database.ts';
import { uploadEndRecords, type uploadRecords, uploadSessionRecords } from '#metadata/metadata.ts';
import type { OpContext } from './context.ts';

export interface PlaceClaim {
  /** The session that is the asked upload itself: it goes on. */
  readonly same?: uploadSessionRecords.UploadSession;
  /** A session that ended to make room: its bytes are to be removed after the commit. */
  readonly replaced?: uploadEndRecords.EndedUpload;
}

/**
 * Under the artifact's lock. A colleague's session holds its place until it expires, the caller's own only while it is written to,
 * and any while it is verified: its sender was told that all has come.
 * @throws AppError UPLOAD_BUSY
 */
export async function claimPlace(
  tx: Sql,
  context: OpContext,
  place: uploadRecords.SlotPlace,
  isSame: (session: uploadSessionRecords.UploadSession) => boolean = () => false,
): Promise<PlaceClaim> {
  const session = await uploadSessionRecords.findSessionAt(tx, place, true);
  if (session === undefined) return {};
  const isMine = session.createdBy === context.caller.id;
  if (isMine && !session.isPastExpiry && isSame(session)) return { same: session };
  // An upload in one request lives as long as its writer.
  const isOver = session.isPastExpiry || session.kind === 'single';
  const mayReplace = !session.hasWriter && session.state !== 'verifying' && (isOver || isMine);
  const replaced = mayReplace ? await uploadEndRecords.abortSession(tx, session.id, '') : undefined;
  if (replaced === undefined) throw busy(session);
  return { replaced };
}

function busy(session: uploadSessionRecords.UploadSession): AppError {
  if (session.kind === 'single') return new AppError('UPLOAD_BUSY');
  const detail = `An upload into this place has come to ${session.offset} bytes; it can be continued or ended by its id.`;
  return new AppError('UPLOAD_BUSY', detail, { details: { uploadId: session.id, expiresAt: session.expiresAt.toISOString() } });
}
