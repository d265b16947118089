/** A family, by id or by name. */
import { AppError } from '#base/app-error.ts';
import { isUuid } from '#base/id.ts';
import { familyRecords } from '#metadata/metadata.ts';
import type { OpContext } from './context.ts';

export interface Family {
  readonly id: string;
  readonly project: string;
  readonly type: string;
  readonly name: string;
  readonly description: string;
  readonly revision: number;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** Without a project: the caller's own, then the trusted ones in their order. */
export type GetFamilyInput =
  | { readonly id: string }
  | { readonly project?: string | null | undefined; readonly type: string; readonly name: string };

/** Visible to its project, and to whoever may read one of its artifacts. @throws AppError FAMILY_NOT_FOUND */
export async function getFamily(context: OpContext, input: GetFamilyInput): Promise<Family> {
  const row = 'id' in input ? await findById(context, input.id) : await findByName(context, input);
  if (row === undefined) throw familyNotFound('id' in input ? input.id : `${input.type}/${input.name}`);
  context.policy.authorise(context.caller, 'family:read', row);
  return toFamily(row);
}

export function familyNotFound(ref: string): AppError {
  return new AppError('FAMILY_NOT_FOUND', `There is no family ${ref.slice(0, 600).toWellFormed()}.`);
}

export function toFamily(row: familyRecords.FamilyRow): Family {
  const { id, project, type, name, description, revision } = row;
  const [createdAt, updatedAt] = [row.created_at.toISOString(), row.updated_at.toISOString()];
  return { id, project, type, name, description, revision, createdAt, updatedAt };
}

async function findById({ db, caller }: OpContext, id: string): Promise<familyRecords.FamilyRow | undefined> {
  const lower = id.toLowerCase();
  return isUuid(lower) ? (await familyRecords.findReadableFamilies(db, caller, [lower]))[0] : undefined;
}

async function findByName(
  { db, caller, settings }: OpContext,
  { project, type, name }: Exclude<GetFamilyInput, { readonly id: string }>,
): Promise<familyRecords.FamilyRow | undefined> {
  // PostgreSQL takes no NUL in a text; no family has one in its name either.
  if (`${project ?? ''}${type}${name}`.includes('\u0000')) return undefined;
  const projects = project == null ? [...new Set([caller.project, ...settings.trustedProjects])] : [project];
  return familyRecords.findReadableFamily(db, caller, projects, type, name);
}
