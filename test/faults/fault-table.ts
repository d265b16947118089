/** Each failpoint: the scenario that reaches it, the mode that is worst there, and on which store. */
import type { FaultMode } from '#base/failpoint.ts';
import { maintenanceScenarios } from './maintenance-scenarios.ts';
import { uploadScenarios } from './upload-scenarios.ts';

export const scenarios = { ...uploadScenarios, ...maintenanceScenarios };

type ScenarioName = keyof typeof scenarios;

export interface FaultCase {
  readonly scenario: ScenarioName;
  /** By default `kill`: nothing is cleared up. `fail` where what clears up is the danger. */
  readonly worst: FaultMode;
  /** Which hit strikes in the scenario. */
  readonly hit: number;
}

type Entry = ScenarioName | { readonly scenario: ScenarioName; readonly worst?: FaultMode; readonly hit?: number };

const entries: Readonly<Record<string, Entry>> = {
  'upload:begin': 'putAgain',
  'upload:begun': 'putAgain',
  'upload:received': 'putAgain',
  'upload:attach': 'putAgain',
  'upload:commit': 'putAgain',
  // The client is told that it failed, and what it left is cleared: not what was committed.
  'upload:attached': { scenario: 'putAgain', worst: 'fail' },
  'upload:begin-session': 'tusInParts',
  'upload:session-begun': 'tusInParts',
  'upload:begin-object': 'tusInParts',
  'upload:object-begun': 'tusInParts',
  'upload:durable': { scenario: 'tusInParts', hit: 2 },
  'upload:advanced': { scenario: 'tusInParts', hit: 2 },
  'upload:whole': 'tusInParts',
  'upload:finish': 'tusInParts',
  'upload:visible': 'tusInParts',
  'upload:read-back': 'tusReadBack',
  'upload:failed': 'tusMismatch',
  'upload:clear': 'tusMismatch',
  'upload:cleared': 'tusMismatch',
  'upload:abort': 'tusAbort',
  'upload:aborted': 'tusAbort',
  'upload:hand-over': 'tusHandOver',
  'upload:joined-part': 'tusConcat',
  'upload:expired': 'expireUploads',
  'blobs:durable': 'tusInParts',
  'blobs:recorded': 'tusInParts',
  'pack:begin': 'packMany',
  'pack:begun': 'packMany',
  'pack:durable': 'packMany',
  'pack:received': 'packMany',
  'pack:attach': 'packMany',
  'pack:placed': 'packMany',
  'pack:commit': 'packMany',
  'pack:attached': { scenario: 'packMany', worst: 'fail' },
  'pack:cleared': 'packMany',
  'negotiate:begin': 'negotiateKnown',
  'negotiate:attach': 'negotiateKnown',
  'negotiate:commit': 'negotiateKnown',
  'negotiate:done': 'negotiateKnown',
  'publish:begin': 'publishDraft',
  'publish:commit': 'publishDraft',
  'publish:done': 'publishDraft',
  'delete:before': 'deletePublished',
  'delete:rows': 'deletePublished',
  'delete:done': 'deletePublished',
  'restore:before': 'restoreDeleted',
  'restore:done': 'restoreDeleted',
  'purge:taken': 'purge',
  'purge:rows': 'purge',
  'draft:expire': 'expireDrafts',
  'collect:before-condemn': 'collect',
  'collect:condemned': 'collect',
  'collect:before-sentence': 'collect',
  'collect:sentenced': 'collect',
  'collect:before-object': 'collect',
  'collect:object-removed': 'collect',
  'collect:rows-removed': 'collect',
  'repair:before-stray': 'repairStray',
  'repair:stray-removed': 'repairStray',
  'repair:before-abort': 'repairUnfinished',
  'repair:aborted': 'repairUnfinished',
  'quarantine:before': 'repairMissing',
  'quarantine:done': 'repairMissing',
  'scrub:before-read': 'scrub',
  'scrub:before-note': 'scrub',
  'scrub:noted': 'scrub',
  'scrub:before-restore': 'scrubDamaged',
  'job:taken': 'job',
  'job:complete': 'job',
  'job:schedule': 'schedule',
  'store.filesystem:small': 'putSmall',
  'store.filesystem:small-torn': { scenario: 'putSmall', worst: 'truncate' },
  'store.filesystem:small-written': 'putSmall',
  'store.filesystem:sync-folder': { scenario: 'putLarge', worst: 'fail' },
  'store.filesystem:write': 'putLarge',
  'store.filesystem:write-torn': { scenario: 'putLarge', worst: 'truncate' },
  'store.filesystem:sync': 'putLarge',
  'store.filesystem:synced': 'putLarge',
  'store.filesystem:link': 'putLarge',
  'store.filesystem:linked': { scenario: 'putLarge', worst: 'fail' },
  'store.filesystem:published': 'putLarge',
  'store.filesystem:resume': { scenario: 'tusInParts', hit: 2 },
  'store.filesystem:checkpoint': { scenario: 'tusInParts', hit: 2 },
  'store.filesystem:finish': 'tusInParts',
  'store.filesystem:abort': { scenario: 'tusAbort', worst: 'fail' },
  'store.filesystem:remove': { scenario: 'collect', worst: 'fail' },
  'store.s3:put': 'putSmall',
  'store.s3:put-done': 'putSmall',
  'store.s3:part-torn': { scenario: 'putSmall', worst: 'truncate' },
  'store.s3:begin': 'putLarge',
  'store.s3:begun': 'putLarge',
  'store.s3:part': 'putLarge',
  'store.s3:part-sent': 'putLarge',
  'store.s3:complete': 'putLarge',
  'store.s3:completed': { scenario: 'putLarge', worst: 'fail' },
  'store.s3:announced': 'tusInParts',
  'store.s3:tail': 'tusInParts',
  'store.s3:tail-sent': 'tusInParts',
  'store.s3:abort': { scenario: 'tusAbort', worst: 'fail' },
  'store.s3:delete': { scenario: 'collect', worst: 'fail' },
};

export const faultTable: ReadonlyMap<string, FaultCase> = new Map(
  Object.entries(entries).map(([name, entry]) => {
    return [name, { worst: 'kill', hit: 1, ...(typeof entry === 'string' ? { scenario: entry } : entry) }];
  }),
);

/** A store's own points are passed on that store only. */
export function isReachedOn(name: string, kind: 'filesystem' | 's3'): boolean {
  return !name.startsWith('store.') || name.startsWith(`store.${kind}:`);
}
