/** Names and versions: what callers may write, and the family that a name with a version belongs to. */
import { AppError, type Fault } from '#base/app-error.ts';
import { assertName } from '#core/names.ts';
import { assertVersion, type Version } from '#core/version.ts';
import type { Sql } from '#metadata/database.ts';
import { familyRecords } from '#metadata/metadata.ts';
import type { OpContext } from './context.ts';
import { recordChange } from './record-change.ts';

export interface ArtifactName {
  readonly name: string | null;
  /** Only with a name: an unversioned artifact has no family. */
  readonly version: Version | null;
}

/** @throws AppError NAME_INVALID, VERSION_INVALID, INPUT_INVALID for a version without a name */
export function readName(name: string | null, version: string | null): ArtifactName {
  const read = { name: name === null ? null : assertName(name), version: version === null ? null : assertVersion(version) };
  if (read.version !== null && read.name === null) throw inputFault('/version', 'needs a name beside it');
  return read;
}

/**
 * The id of the family of a versioned name, made now if it is the first of it; null for an unversioned artifact. The
 * description is a new family's: one that is there keeps its words, which have an operation and a revision of their own.
 */
export async function familyOf(
  tx: Sql,
  context: OpContext,
  owner: { readonly project: string; readonly type: string },
  { name, version }: ArtifactName,
  description?: string,
): Promise<string | null> {
  if (name === null || version === null) return null;
  const { project, type } = owner;
  const { row, isNew } = await familyRecords.ensureFamily(tx, { project, type, name }, context.newId(), description);
  if (isNew) {
    await recordChange(tx, context, {
      kind: 'family.created',
      action: 'artifact:create',
      project,
      subjectType: 'family',
      subjectId: row.id,
      revision: row.revision,
      payload: { type, name },
    });
  }
  return row.id;
}

/** The error for one member of the input. */
export function inputFault(pointer: string, message: string): AppError {
  const faults: readonly Fault[] = [{ pointer, message }];
  return new AppError('INPUT_INVALID', `${pointer.slice(1)} ${message}.`, { faults });
}
