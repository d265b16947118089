/** Deletes for good what was deleted with a delay that is over. */
import { type PurgeArtifactsInput, purgeArtifacts } from '#ops/purge-artifacts.ts';
import { defineJob } from './job-definition.ts';

export const purgeArtifactsJob = defineJob<PurgeArtifactsInput>({
  name: 'artifacts:purge',
  summary: 'Deletes for good what was deleted with a delay that is over.',
  payload: { type: 'object', additionalProperties: false, properties: { concurrency: { type: 'integer', minimum: 1 } } },
  schedule: { everyMs: (settings) => settings.purgeEveryMs, payload: {} },
  run: purgeArtifacts,
});
