/** Deletes drafts that nobody published in their time. */
import { expireDrafts } from '#ops/expire-drafts.ts';
import { defineJob, noPayload } from './job-definition.ts';

export const expireDraftsJob = defineJob<Record<string, never>>({
  name: 'drafts:expire',
  summary: 'Deletes drafts that nobody published in their time.',
  payload: noPayload,
  schedule: { everyMs: (settings) => settings.expireDraftsEveryMs, payload: {} },
  run: expireDrafts,
});
