/** Reads an artifact with the blob of its one slot, as the boot path shows it: one statement. */
import { isUuid } from '#base/id.ts';
import { bootImageRecords } from '#metadata/metadata.ts';
import type { OpContext } from './context.ts';
import { artifactNotFound } from './load-artifact.ts';

export type BootImage = bootImageRecords.BootImageRow;

export interface FindBootImageInput {
  readonly id: string;
  /** Only of this type: others are not found. */
  readonly type: string;
  /** The slot of kind `one` that holds what is booted. */
  readonly slot: string;
}

/** @throws AppError ARTIFACT_NOT_FOUND, FORBIDDEN */
export async function findBootImage(context: OpContext, input: FindBootImageInput): Promise<BootImage> {
  const id = input.id.toLowerCase();
  const image = isUuid(id)
    ? await bootImageRecords.findBootImage(context.db.reads, context.caller, id, input.type, input.slot)
    : undefined;
  if (image === undefined) throw artifactNotFound(input.id);
  context.policy.authorise(context.caller, 'artifact:read', image);
  return image;
}
