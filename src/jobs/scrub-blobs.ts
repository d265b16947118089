/** Reads stored bytes again and compares them with their digests. */
import { type ScrubBlobsInput, scrubBlobs } from '#ops/scrub-blobs.ts';
import { defineJob, storeNames } from './job-definition.ts';

export const scrubBlobsJob = defineJob<ScrubBlobsInput>({
  name: 'blobs:scrub',
  summary: 'Reads stored bytes again that were not read for long, and quarantines what is wrong.',
  payload: {
    type: 'object',
    additionalProperties: false,
    properties: {
      olderThanMs: { type: 'integer', minimum: 0 },
      bytesPerSecond: { type: 'integer', minimum: 1 },
      stores: storeNames,
    },
  },
  schedule: { everyMs: (settings) => settings.scrubEveryMs, payload: {} },
  // It may take days, and goes on where it was.
  retryLimit: 1000,
  timeoutMs: 20 * 3600_000,
  run: scrubBlobs,
});
