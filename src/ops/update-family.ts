/** Changes what a family says about itself. Its name stays. */
import { isUuid } from '#base/id.ts';
import { familyRecords } from '#metadata/metadata.ts';
import { checkDescription } from './check-visibility.ts';
import type { OpContext } from './context.ts';
import { type Family, familyNotFound, toFamily } from './get-family.ts';
import { assertRevision } from './load-artifact.ts';
import { recordChange } from './record-change.ts';

export interface UpdateFamilyInput {
  readonly id: string;
  readonly description: string;
  readonly expectedRevision?: number | undefined;
}

/** @throws AppError FAMILY_NOT_FOUND, FORBIDDEN, REVISION_CONFLICT, INPUT_INVALID */
export async function updateFamily(context: OpContext, input: UpdateFamilyInput): Promise<Family> {
  const { caller, db, policy } = context;
  const id = input.id.toLowerCase();
  const [seen] = isUuid(id) ? await familyRecords.findReadableFamilies(db, caller, [id]) : [];
  if (seen === undefined) throw familyNotFound(input.id);
  policy.authorise(caller, 'family:update', seen);
  const description = checkDescription(input.description) ?? '';
  return db.transaction(
    async (tx) => {
      const locked = await familyRecords.lockFamily(tx, id);
      if (locked === undefined) throw familyNotFound(input.id);
      assertRevision(locked, input.expectedRevision);
      if (locked.description === description) return toFamily(locked);
      const family = (await familyRecords.describeFamily(tx, id, description)) ?? locked;
      const { project, type, name, revision } = family;
      await recordChange(tx, context, {
        kind: 'family.updated',
        action: 'family:update',
        ...{ project, revision, subjectType: 'family', subjectId: id, payload: { type, name } },
      });
      return toFamily(family);
    },
    { signal: context.signal },
  );
}
