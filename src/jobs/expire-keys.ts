/** Forgets idempotency keys past their time. */
import { expireKeys } from '#ops/expire-keys.ts';
import { defineJob, noPayload } from './job-definition.ts';

export const expireKeysJob = defineJob<Record<string, never>>({
  name: 'keys:expire',
  summary: 'Forgets idempotency keys past their time.',
  payload: noPayload,
  schedule: { everyMs: (settings) => settings.expireKeysEveryMs, payload: {} },
  run: expireKeys,
});
