/** Puts one blob into a slot of a draft. */
import { type AttachedUpload, attachUpload } from './attach-upload.ts';
import type { OpContext } from './context.ts';
import { endingSession, receiveUpload, type UploadInput } from './receive-upload.ts';

export type UploadBlobInput = UploadInput;
export type UploadBlobResult = AttachedUpload;

/** @throws AppError what receiveUpload and attachUpload throw */
export function uploadBlob(context: OpContext, input: UploadBlobInput): Promise<UploadBlobResult> {
  const { expectedRevision } = input;
  return receiveUpload(context, input, (upload, received) =>
    attachUpload(context, upload, received, { expectedRevision, ...endingSession(context, upload) }),
  );
}
