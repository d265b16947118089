/** Collects bytes that nothing refers to any more. */
import { type CollectBlobsInput, collectBlobs } from '#ops/collect-blobs.ts';
import { defineJob } from './job-definition.ts';

export const collectBlobsJob = defineJob<CollectBlobsInput>({
  name: 'blobs:collect',
  summary: 'Condemns bytes that nothing refers to, and removes them after a grace.',
  payload: { type: 'object', additionalProperties: false, properties: { graceMs: { type: 'integer', minimum: 0 } } },
  schedule: { everyMs: (settings) => settings.collectEveryMs, payload: {} },
  run: collectBlobs,
});
