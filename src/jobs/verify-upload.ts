/** Verifies an upload whose bytes are all there, and attaches its blob. */
import { type VerifyUploadInput, verifyUpload } from '#ops/verify-upload.ts';
import { defineJob } from './job-definition.ts';

export const verifyUploadJob = defineJob<VerifyUploadInput>({
  name: 'upload:verify',
  summary: 'Reads an upload whose bytes are all there, and attaches its blob.',
  payload: {
    type: 'object',
    additionalProperties: false,
    required: ['uploadId'],
    properties: { uploadId: { type: 'string', minLength: 1 } },
  },
  key: ({ uploadId }) => uploadId,
  // Somebody's bytes wait for it: nodes may come and go.
  retryLimit: 20,
  timeoutMs: 20 * 3600_000,
  run: verifyUpload,
});
