/** The upload that already fills a place for this caller, if there is one: what a client goes on with. */
import { uploadSessionRecords } from '#metadata/metadata.ts';
import type { OpContext } from './context.ts';
import { toView, type UploadView } from './load-upload.ts';

export interface OpenUploadQuery {
  readonly artifactId: string;
  readonly slot: string;
  /** '' in a slot that takes one blob, the path in a map. */
  readonly key: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** The artifact is one the caller may write: whoever asks has seen to that. */
export async function findOpenUpload(context: OpContext, query: OpenUploadQuery): Promise<UploadView | undefined> {
  const session = await uploadSessionRecords.findSessionAt(context.db, query);
  if (session === undefined || session.kind !== 'whole' || session.createdBy !== context.caller.id) return undefined;
  const isSame = session.declared?.sha256 === query.sha256 && session.length === query.sizeBytes;
  return isSame && !session.isPastExpiry ? toView(session) : undefined;
}
