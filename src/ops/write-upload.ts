/** Bytes into an upload session under its lease: each checkpoint is durable in the store before the row says so. */
import type { Readable } from 'node:stream';
import { AppError } from '#base/app-error.ts';
import { failpoint } from '#base/failpoint.ts';
import type { BlobStore, Checkpoint, ResumeState } from '#blobs/blob-store.ts';
import type { RequestChecksum } from '#blobs/blobs.ts';
import type { Sql } from '#metadata/database.ts';
import { uploadWriterRecords } from '#metadata/metadata.ts';
import type { Services } from './context.ts';
import type { UploadLease } from './hold-upload.ts';

/** How far the session is, in this writer's hands. */
export interface UploadProgress {
  readonly store: BlobStore;
  offset: number;
  state: ResumeState;
  /** All bytes are there, and the row says so. */
  isComplete: boolean;
}

export interface WriteOptions {
  readonly checksum?: RequestChecksum | undefined;
  readonly leaveSource?: boolean | undefined;
}

/** What the session has, or a new beginning in its store. @throws AppError STORE_UNKNOWN, STORE_NOT_RESUMABLE, STORE_UNAVAILABLE */
export async function openProgress(services: Services, lease: UploadLease): Promise<UploadProgress> {
  const { session } = lease;
  const store = services.blobs.store(session.store);
  const { resumable } = store;
  if (resumable === undefined) throw new AppError('STORE_NOT_RESUMABLE');
  const isComplete = session.state === 'verifying' && session.offset === session.length;
  if (session.storeState !== null) return { store, offset: session.offset, state: session.storeState, isComplete };
  await failpoint('upload:begin-object');
  const state = await resumable.begin(session.objectKey, { expectedBytes: session.length ?? undefined, signal: lease.lost });
  await failpoint('upload:object-begun');
  const progress = { store, offset: session.offset, state, isComplete };
  await record(services, lease, progress, { offset: session.offset, state });
  return progress;
}

/**
 * Appends what comes; `progress` has what is recorded, also after a failure.
 * @returns whether the source ended early
 * @throws AppError BLOB_TOO_LARGE, BLOB_DIGEST_MISMATCH (of the checksum), UPLOAD_LOCKED, STORE_FULL, STORE_UNAVAILABLE
 */
export async function writeUpload(
  services: Services,
  lease: UploadLease,
  progress: UploadProgress,
  source: Readable,
  options: WriteOptions = {},
): Promise<boolean> {
  const { session } = lease;
  const { store, offset, state } = progress;
  const upload = { store: fenced(store, lease), key: session.objectKey, state, offset, sessionId: session.id };
  const { isInterrupted } = await services.blobs.append(upload, source, {
    limitBytes: (session.length ?? session.limitBytes) - offset,
    checksum: options.checksum,
    leaveSource: options.leaveSource,
    signal: lease.lost,
    onCheckpoint: (checkpoint) => record(services, lease, progress, checkpoint),
  });
  return isInterrupted;
}

/** The store for this writer: what comes after its lease has run out does not get between the bytes of the next one. */
function fenced(store: BlobStore, { assertHeld }: UploadLease): BlobStore {
  const { resumable } = store;
  if (resumable === undefined) return store;
  return {
    ...store,
    resumable: {
      ...resumable,
      async resume(...args) {
        assertHeld();
        const writer = await resumable.resume(...args);
        return {
          ...writer,
          async write(bytes) {
            assertHeld();
            await writer.write(bytes);
          },
        };
      },
    },
  };
}

/** Also of an offset that has not moved: a length that is said at last can make the upload whole. */
export async function record(
  services: Services,
  lease: UploadLease,
  progress: UploadProgress,
  checkpoint: Checkpoint,
): Promise<void> {
  const { id, length, state } = lease.session;
  const { offset } = checkpoint;
  const isWhole = offset === length;
  const advance = { offset, storeState: checkpoint.state, isComplete: isWhole || state === 'verifying' };
  const write = async (sql: Sql): Promise<void> => {
    if (!(await uploadWriterRecords.advanceSession(sql, id, lease.writer, advance))) {
      throw new AppError('UPLOAD_LOCKED', 'The upload was ended, or taken over by another request.');
    }
  };
  await failpoint('upload:durable');
  if (isWhole && !progress.isComplete) {
    // From here on it is verified and attached, whatever becomes of this process and of its client.
    await services.db.transaction(async (tx) => {
      await write(tx);
      await enqueueVerify(services, tx, id);
      await failpoint('upload:whole');
    });
  } else await write(services.db);
  progress.offset = offset;
  progress.state = checkpoint.state;
  progress.isComplete = isWhole;
  await failpoint('upload:advanced');
}

/** Asks for the verification of the session, in the caller's transaction where `sql` is one. */
export async function enqueueVerify(services: Services, sql: Sql, uploadId: string, startAfterMs?: number): Promise<void> {
  await services.queue.enqueue(sql, { name: 'upload:verify', payload: { uploadId }, key: uploadId, startAfterMs });
}
