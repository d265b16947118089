/** Appends one request's bytes to an unfinished object: hashed where all before them was, recorded as they become durable. */
import type { Readable } from 'node:stream';
import { AppError, isAppError } from '#base/app-error.ts';
import { abortable } from './abortable.ts';
import type { BlobStore, Checkpoint, ResumableObjects, ResumableWriter } from './blob-store.ts';
import type { DigestLane } from './digest-lane.ts';
import type { DigestPool } from './digest-pool.ts';
import type { DigestSessions } from './digest-sessions.ts';
import { assertObjectKey } from './object-key.ts';
import { createPassingCheckpoints, type PassingCheckpoints } from './passing-checkpoints.ts';
import { releaseSource } from './receive-blob.ts';
import type { AppendOptions, AppendResult, RequestChecksum, ResumableUpload } from './resumable-blobs.ts';
import { createRingFeed, type RingFeed } from './ring-feed.ts';
import { createSizeMeter } from './size-meter.ts';
import { tapSource } from './source-tap.ts';

export interface Hashing {
  readonly pool: DigestPool;
  readonly sessions: DigestSessions;
}

type OffsetUpload = ResumableUpload & { readonly offset: number };

/** The contract is that of `ResumableBlobs.append`. */
export async function appendBlob(
  hashing: Hashing,
  upload: OffsetUpload,
  source: Readable,
  options: AppendOptions,
): Promise<AppendResult> {
  try {
    const resumable = resumableObjects(upload.store);
    const { key, state, offset } = upload;
    const writer = await resumable.resume(assertObjectKey(key), state, offset, { signal: options.signal });
    try {
      return await appendHashed(hashing, upload, writer, source, options);
    } finally {
      await writer[Symbol.asyncDispose]();
    }
  } catch (error) {
    releaseSource(source, options.leaveSource === true);
    throw error;
  }
}

/** @throws STORE_UNAVAILABLE where the store takes objects in one piece only */
export function resumableObjects(store: BlobStore): ResumableObjects {
  if (store.resumable !== undefined) return store.resumable;
  throw new AppError('STORE_UNAVAILABLE', `The store '${store.name}' takes objects in one piece only.`);
}

/** Chooses the lane and decides what becomes of it. */
async function appendHashed(
  { pool, sessions }: Hashing,
  upload: OffsetUpload,
  writer: ResumableWriter,
  source: Readable,
  options: AppendOptions,
): Promise<AppendResult> {
  const whole = sessions.take(upload.sessionId, upload.offset);
  // Where the digest of the whole is lost, a checksum still has to be computed.
  const lane = whole ?? (options.checksum === undefined ? undefined : pool.begin());
  const ring = lane?.ring ?? pool.takeRing();
  // What is hashed if all goes well; after a failure nobody knows, but for what was marked.
  let hashed: number | undefined;
  try {
    if (options.checksum !== undefined) lane?.mark(options.checksum.algorithm);
    const result = await appendThrough({ lane, ring, upload, writer }, source, options);
    if (options.checksum !== undefined) lane?.settle(true);
    hashed = result.offset;
    return result;
  } catch (error) {
    if (isAppError(error, 'BLOB_DIGEST_MISMATCH')) {
      lane?.settle(false);
      hashed = upload.offset;
    }
    throw error;
  } finally {
    if (lane === undefined) pool.giveBack(ring);
    else if (whole !== undefined && hashed !== undefined) sessions.keep(upload.sessionId, hashed, lane);
    else lane.release();
  }
}

interface Way {
  readonly lane: DigestLane | undefined;
  readonly ring: DigestLane['ring'];
  readonly upload: OffsetUpload;
  readonly writer: ResumableWriter;
}

async function appendThrough(way: Way, source: Readable, options: AppendOptions): Promise<AppendResult> {
  const { lane, ring, upload, writer } = way;
  const { signal, checksum, onCheckpoint } = options;
  const recorded: Checkpoint = { offset: upload.offset, state: upload.state };
  const meter = createSizeMeter(options);
  const fail = (error: unknown): void => tap.fail(error);
  const passing: PassingCheckpoints = createPassingCheckpoints({ writer, recorded, onCheckpoint, onFailure: fail });
  const feed: RingFeed = createRingFeed({
    ring,
    lane,
    writer: Promise.resolve(writer),
    position: upload.offset,
    onRoom: () => tap.resume(),
    onFailure: fail,
    // With a checksum nothing counts before all of it is there.
    onStored: checksum === undefined ? passing.note : undefined,
  });
  const tap = tapSource(source, {
    signal,
    onChunk(chunk) {
      meter.add(chunk.length);
      return feed.push(chunk);
    },
  });
  try {
    const isInterrupted = await endedEarly(tap.ended, checksum);
    await abortable(feed.stored(), signal);
    await abortable(passing.settled(), signal);
    if (checksum !== undefined && lane !== undefined) assertChecksum(await abortable(lane.check(), signal), checksum);
    const last = await passing.finish(upload.offset + meter.received);
    return { ...last, isInterrupted };
  } finally {
    passing.stop();
    // The writer first: its end ends a write that hangs, on which the feed would wait.
    await writer[Symbol.asyncDispose]();
    await feed.stop();
    await passing.settled().catch(() => undefined);
  }
}

/** True when the source broke off where that is no failure. */
async function endedEarly(ended: Promise<void>, checksum: RequestChecksum | undefined): Promise<boolean> {
  try {
    await ended;
    return false;
  } catch (error) {
    if (checksum !== undefined || !isAppError(error, 'UPLOAD_INTERRUPTED')) throw error;
    return true;
  }
}

function assertChecksum(found: string, { algorithm, value }: RequestChecksum): void {
  const expected = Buffer.from(value).toString('hex');
  if (found === expected) return;
  throw new AppError('BLOB_DIGEST_MISMATCH', `The ${algorithm} checksum of the bytes is ${found}, ${expected} was sent.`);
}
