/** Opens a blob for reading: may the caller have it, and which of its locations has it? */
import type { Readable, Writable } from 'node:stream';
import { AppError } from '#base/app-error.ts';
import { isUuid } from '#base/id.ts';
import type { BlobStore, ByteRange } from '#blobs/blob-store.ts';
import type { ArtifactState, SlotEntry } from '#core/artifact.ts';
import { assertPath } from '#core/names.ts';
import { blobRecords } from '#metadata/metadata.ts';
import { completeResource } from './complete-resource.ts';
import type { OpContext } from './context.ts';
import { artifactNotFound } from './load-artifact.ts';

export interface OpenBlobInput {
  readonly artifactId: string;
  readonly slot: string;
  /** The key in a slot of kind `map`; left out for one of kind `one`. */
  readonly path?: string | undefined;
  /** Only of an artifact of this type: others are not found. */
  readonly type?: string | undefined;
  /** Stores to read from before others, where they have it. */
  readonly prefer?: readonly string[] | undefined;
}

interface ReadOptions {
  readonly range?: ByteRange | undefined;
  readonly signal: AbortSignal;
}

/** A blob that was there a moment ago, and a way to its bytes. */
export interface BlobDownload {
  readonly entry: SlotEntry;
  readonly state: ArtifactState;
  readonly lastModified: Date;
  /** Writes the range, or the whole, without ending `destination`; the fastest way the store knows. */
  send(destination: Writable, options: ReadOptions): Promise<void>;
  open(options: ReadOptions): Promise<Readable>;
  /** One piece; for small reads. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/**
 * @throws AppError ARTIFACT_NOT_FOUND, FORBIDDEN, ARTIFACT_DELETED, ARTIFACT_DEACTIVATED (admins may read on), BLOB_NOT_FOUND, BLOB_UNAVAILABLE,
 * PATH_INVALID, STORE_UNKNOWN
 */
export async function openBlob(context: OpContext, input: OpenBlobInput): Promise<BlobDownload> {
  if (input.path !== undefined) assertPath(input.path);
  for (const store of input.prefer ?? []) context.blobs.store(store);
  const artifactId = input.artifactId.toLowerCase();
  const query = { artifactId, slot: input.slot, key: input.path ?? '', type: input.type ?? null };
  const isKnowable = isUuid(artifactId) && !input.slot.includes('\0');
  const row = isKnowable ? await blobRecords.findDownload(context.db.reads, context.caller, query) : undefined;
  if (row === undefined) throw artifactNotFound(input.artifactId);
  const { project, type, state, visibility } = row;
  const known = { id: artifactId, project, type, state, visibility };
  context.policy.authorise(context.caller, 'blob:download', await completeResource(context, 'blob:download', known));
  if (row.state === 'pending_delete') throw new AppError('ARTIFACT_DELETED');
  if (row.state === 'deactivated' && !context.caller.isAdmin) throw new AppError('ARTIFACT_DEACTIVATED');
  if (row.entry === undefined) throw new AppError('BLOB_NOT_FOUND');
  const { locations, attachedAt, ...entry } = row.entry;
  const { store, objectKey } = await findReadable(context, entry, preferring(locations, input.prefer));
  return {
    entry,
    state: row.state,
    lastModified: attachedAt,
    send: (destination, options) => store.send(objectKey, destination, options),
    open: (options) => store.open(objectKey, options),
    read: (offset, length) => store.read(objectKey, offset, length, context.signal),
  };
}

function preferring(
  locations: readonly blobRecords.BlobLocation[],
  prefer: readonly string[] = [],
): readonly blobRecords.BlobLocation[] {
  const rank = ({ store }: blobRecords.BlobLocation): number => {
    const at = prefer.indexOf(store);
    return at < 0 ? prefer.length : at;
  };
  return prefer.length === 0 ? locations : locations.toSorted((one, other) => rank(one) - rank(other));
}

/** The first location whose object is there and whole, so that an answer which began can also be finished. */
async function findReadable(
  context: OpContext,
  entry: SlotEntry,
  locations: readonly blobRecords.BlobLocation[],
): Promise<{ readonly store: BlobStore; readonly objectKey: string }> {
  for (const { store: name, objectKey } of locations) {
    const store = context.blobs.stores.get(name);
    if (store === undefined) continue;
    try {
      const stored = await store.stat(objectKey);
      if (stored?.sizeBytes === entry.sizeBytes) return { store, objectKey };
      context.log.error({ sha256: entry.sha256, store: name, objectKey }, 'a blob has lost its object');
    } catch (error) {
      context.log.warn({ err: error, store: name, objectKey }, 'a store does not answer');
    }
  }
  throw new AppError('BLOB_UNAVAILABLE');
}
