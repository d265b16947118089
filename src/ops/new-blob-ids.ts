/** Ids of the rows of new bytes: in the order of their making, so that those of one page or push stand together in their indexes. */
import { orderedId } from '#base/id.ts';
import type { OpContext } from './context.ts';

type IdMaker = Pick<OpContext, 'newId' | 'clock'>;

export interface NewBlobIds {
  readonly blobId: string;
  readonly locationId: string;
}

export function newBlobIds(context: IdMaker): NewBlobIds {
  return { blobId: newBytesId(context), locationId: newBytesId(context) };
}

/** For one row. */
export function newBytesId({ newId, clock }: IdMaker): string {
  return orderedId(newId(), clock.now().getTime());
}
