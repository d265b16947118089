/** Several families by id in one statement: those of a page of artifacts, or among a page of nodes. */
import { isUuid } from '#base/id.ts';
import { familyRecords } from '#metadata/metadata.ts';
import type { OpContext } from './context.ts';
import { type Family, toFamily } from './get-family.ts';

/** In the order of the ids; null for each that does not exist or that the caller may not see. */
export async function getFamilies(
  { db, caller, policy }: OpContext,
  { ids }: { readonly ids: readonly string[] },
): Promise<readonly (Family | null)[]> {
  const wanted = ids.map((id) => id.toLowerCase());
  const real = [...new Set(wanted.filter(isUuid))];
  const rows = real.length === 0 ? [] : await familyRecords.findReadableFamilies(db, caller, real);
  const readable = new Map(rows.filter((row) => policy.allows(caller, 'family:read', row)).map((row) => [row.id, toFamily(row)]));
  return wanted.map((id) => readable.get(id) ?? null);
}
