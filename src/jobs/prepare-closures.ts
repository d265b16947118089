/** Makes ready what published versions say in closures, and their sizes, where an older release has not. */
import { prepareClosures } from '#ops/prepare-closures.ts';
import { defineJob, noPayload } from './job-definition.ts';

export const prepareClosuresJob = defineJob<Record<string, never>>({
  name: 'closures:prepare',
  summary: 'Makes ready what published versions say in closures, and their sizes, where an older release has not.',
  payload: noPayload,
  schedule: { everyMs: (settings) => settings.prepareClosuresEveryMs, payload: {} },
  run: prepareClosures,
});
