/** Which members of a pack find room in their artifact: one after another, as if each were sent alone. */
import { AppError } from '#base/app-error.ts';
import { createPathSet } from '#core/path-set.ts';
import type { uploadRecords } from '#metadata/metadata.ts';
import type { SlotRule } from '#sdk/sdk.ts';
import { placeKey } from './check-negotiation.ts';
import { assertRoomAmong } from './slot-place.ts';

interface HeldPlace {
  readonly slot: string;
  readonly key: string;
  readonly path: string;
}

export interface PackRoom {
  /** Gives the place to the member. @throws AppError SLOT_FULL, PATH_TAKEN, UPLOAD_BUSY */
  claim(place: uploadRecords.SlotPlace, rule: SlotRule): void;
}

/**
 * @param held entries of the artifact
 * @param busy places that another upload is to fill
 */
export function createPackRoom(
  held: readonly HeldPlace[],
  busy: readonly { readonly slot: string; readonly key: string }[] = [],
): PackRoom {
  const paths = new Map<string, string>();
  const counts = new Map<string, number>();
  const tree = createPathSet(held.map(({ path }) => path));
  const busyPlaces = new Set(busy.map(placeKey));

  function count(place: HeldPlace): void {
    paths.set(placeKey(place), place.path);
    counts.set(place.slot, (counts.get(place.slot) ?? 0) + 1);
  }

  function add(place: HeldPlace): void {
    count(place);
    tree.add(place.path);
  }

  function remove({ slot, key }: HeldPlace): void {
    const path = paths.get(placeKey({ slot, key }));
    if (path === undefined) return;
    paths.delete(placeKey({ slot, key }));
    counts.set(slot, (counts.get(slot) ?? 0) - 1);
    tree.remove(path);
  }

  for (const place of held) count(place);
  return {
    claim(place, rule) {
      if (busyPlaces.has(placeKey(place))) throw new AppError('UPLOAD_BUSY');
      const own = paths.get(placeKey(place));
      remove(place);
      try {
        const occupancy = { others: counts.get(place.slot) ?? 0, near: tree.clashes(place.path) };
        assertRoomAmong(occupancy, place, rule);
      } catch (error) {
        if (own !== undefined) add({ ...place, path: own });
        throw error;
      }
      add(place);
    },
  };
}
