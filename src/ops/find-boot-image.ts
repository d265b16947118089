/** Reads an artifact with the blob of its one slot, as the boot path shows it: one statement. */
import { AppError } from '#base/app-error.ts';
import { isUuid } from '#base/id.ts';
import { bootImageRecords } from '#metadata/metadata.ts';
import type { OpContext } from './context.ts';

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
  const image = isUuid(input.id)
    ? await bootImageRecords.findBootImage(context.db, context.caller, input.id, input.type, input.slot)
    : undefined;
  if (image === undefined) throw new AppError('ARTIFACT_NOT_FOUND');
  context.policy.authorise(context.caller, 'artifact:read', image);
  return image;
}
