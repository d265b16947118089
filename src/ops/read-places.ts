/** Bytes of a blob that lies in several stores: what one of them has lost, or cannot give now, another may have. */
import { AppError } from '#base/app-error.ts';
import type { OpContext } from './context.ts';

/** Where bytes lie. */
interface StoredPlace {
  readonly store: string;
  readonly objectKey: string;
}

/**
 * From the first place that has these bytes, which is asked first from then on.
 * @param places put into the order in which they are to be asked the next time
 * @throws AppError BLOB_UNAVAILABLE
 */
export async function readPlaces(
  { blobs, log, signal }: Pick<OpContext, 'blobs' | 'log' | 'signal'>,
  places: StoredPlace[],
  offset: number,
  end: number,
): Promise<Uint8Array> {
  for (const place of [...places]) {
    try {
      const bytes = await blobs.stores.get(place.store)?.read(place.objectKey, offset, end - offset, signal);
      if (bytes?.length === end - offset) return bytes;
      log.error(place, 'a blob has lost bytes in one of its stores, or the store is not configured here');
    } catch (error) {
      signal.throwIfAborted();
      log.warn({ err: error, ...place }, 'a blob could not be read in one of its stores');
    }
    places.push(...places.splice(places.indexOf(place), 1));
  }
  throw new AppError('BLOB_UNAVAILABLE');
}
