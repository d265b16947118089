/** Ids of the rows of new bytes: in the order of their making, so that those of one page or push stand together in their indexes. */
import { orderedId } from '#base/id.ts';
import type { OpContext } from './context.ts';

export interface NewBlobIds {
  readonly blobId: string;
  readonly locationId: string;
}

export function newBlobIds({ newId, clock }: Pick<OpContext, 'newId' | 'clock'>): NewBlobIds {
  const now = clock.now().getTime();
  return { blobId: orderedId(newId(), now), locationId: orderedId(newId(), now) };
}
