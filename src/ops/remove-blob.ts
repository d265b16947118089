/** Takes a blob out of a slot of a draft; its bytes stay until nothing refers to them. */
import { AppError } from '#base/app-error.ts';
import { artifactRecords, blobRecords } from '#metadata/metadata.ts';
import type { OpContext } from './context.ts';
import { recordChange } from './record-change.ts';
import { assertWritable, findSlotTarget, type PlaceInput } from './slot-place.ts';

/** @throws AppError ARTIFACT_NOT_FOUND, FORBIDDEN, STATE_CONFLICT, REVISION_CONFLICT, TYPE_UNLOADED, SLOT_UNKNOWN, BLOB_NOT_FOUND */
export async function removeBlob(context: OpContext, input: PlaceInput): Promise<{ readonly revision: number }> {
  const { artifact, place } = await findSlotTarget(context, 'blob:remove', input);
  return context.db.transaction(async (tx) => {
    assertWritable(await artifactRecords.lockArtifact(tx, artifact.id), input.expectedRevision);
    const removed = await blobRecords.detachBlob(tx, artifact.id, place.slot, place.key);
    if (removed === undefined) throw new AppError('BLOB_NOT_FOUND');
    const revision = await blobRecords.touchArtifact(tx, artifact.id);
    const facts = { slot: place.slot, path: removed.path, sha256: removed.sha256 };
    await recordChange(tx, context, {
      kind: 'artifact.blob.removed',
      action: 'blob:remove',
      project: artifact.project,
      subjectType: 'artifact',
      subjectId: artifact.id,
      revision,
      payload: facts,
      detail: facts,
    });
    return { revision };
  });
}
