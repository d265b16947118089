/** Ends uploads past their time, and removes what they wrote. */
import { expireUploadSessions } from '#ops/expire-upload-sessions.ts';
import { defineJob, noPayload } from './job-definition.ts';

export const expireUploadsJob = defineJob<Record<string, never>>({
  name: 'uploads:expire',
  summary: 'Ends uploads past their time, removes what they wrote, and wakes verifications that were lost.',
  payload: noPayload,
  schedule: { everyMs: (settings) => settings.expireUploadsEveryMs, payload: {} },
  run: expireUploadSessions,
});
