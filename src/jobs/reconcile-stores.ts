/** Compares the stores with what is recorded of them, both ways. */
import { type ReconcileStoresInput, reconcileStores } from '#ops/reconcile-stores.ts';
import { defineJob, storeNames } from './job-definition.ts';

export const reconcileStoresJob = defineJob<ReconcileStoresInput>({
  name: 'stores:reconcile',
  summary: 'Compares the stores with what is recorded of them, and as a repair puts right what can be.',
  payload: {
    type: 'object',
    additionalProperties: false,
    required: ['repair'],
    properties: { repair: { type: 'boolean' }, strayAgeMs: { type: 'integer', minimum: 0 }, stores: storeNames },
  },
  // By itself it only tells: what to do with what it finds is an operator's decision.
  schedule: { everyMs: (settings) => settings.reconcileEveryMs, payload: { repair: false } },
  timeoutMs: 20 * 3600_000,
  run: reconcileStores,
});
