/** Keeps the session of an upload in one request alive while its bytes come. */
import { AppError } from '#base/app-error.ts';
import { uploadRecords } from '#metadata/metadata.ts';
import type { OpContext } from './context.ts';

/** `work` is told to stop when the request ends, or when the lease is another's. */
export async function underLease<Result>(
  context: OpContext,
  sessionId: string,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const lost = new AbortController();
  const renewal = setInterval(() => {
    uploadRecords.renewUpload(context.db, sessionId, context.settings.nodeId).then(
      (isHeld) => {
        if (!isHeld) lost.abort(new AppError('UPLOAD_BUSY', 'Another request took over this slot.'));
      },
      // A database that is away for a moment costs nothing yet: the lease lasts for two more tries.
      (error: unknown) => context.log.warn({ err: error, uploadId: sessionId }, 'the lease of an upload could not be renewed'),
    );
  }, uploadRecords.writerLeaseMs / 3);
  try {
    return await work(AbortSignal.any([context.signal, lost.signal]));
  } finally {
    clearInterval(renewal);
  }
}
