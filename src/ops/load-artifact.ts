/** How every operation comes by the artifact it is about: visible or not found, allowed or forbidden, current or a conflict. */
import { AppError } from '#base/app-error.ts';
import { isUuid } from '#base/id.ts';
import type { Artifact } from '#core/artifact.ts';
import type { Sql } from '#metadata/database.ts';
import { artifactRecords } from '#metadata/metadata.ts';
import type { Action } from '#policy/policy.ts';
import type { ArtifactType, TypeVersion } from '#types/type-registry.ts';
import type { OpContext } from './context.ts';

/**
 * The artifact, if the caller may see it and do this.
 * @param type only of this type: others are not found
 * @throws AppError ARTIFACT_NOT_FOUND before any FORBIDDEN
 */
export async function loadArtifact(
  context: OpContext,
  id: string,
  action: Action,
  type?: string,
  sql: Sql = context.db,
): Promise<Artifact> {
  const artifact = await findArtifact(context, id, sql);
  if (artifact === undefined || !isOfType(artifact, type)) throw artifactNotFound(id);
  context.policy.authorise(context.caller, action, artifact);
  return artifact;
}

/** Undefined when there is none that the caller may see; whatever is no id finds nothing. */
export async function findArtifact(context: OpContext, id: string, sql: Sql = context.db): Promise<Artifact | undefined> {
  const lower = id.toLowerCase();
  return isUuid(lower) ? artifactRecords.findReadableArtifact(sql, context.caller, lower) : undefined;
}

/** Whether a caller who asked for artifacts of this type, or of any, has found one. */
export function isOfType(artifact: Pick<Artifact, 'type'>, type: string | undefined): boolean {
  return type === undefined || artifact.type === type;
}

/** The same words for what does not exist and what the caller may not see. */
export function artifactNotFound(ref: string): AppError {
  const shown = ref.length > 300 ? `${ref.slice(0, 300)}…` : ref;
  return new AppError('ARTIFACT_NOT_FOUND', `There is no artifact ${shown.toWellFormed()}.`);
}

/** @throws AppError REVISION_CONFLICT, with the current revision in its details */
export function assertRevision(current: { readonly revision: number }, expected: number | undefined): void {
  if (expected === undefined || expected === current.revision) return;
  throw new AppError('REVISION_CONFLICT', `The revision is ${current.revision}, not ${expected}.`, {
    details: { currentRevision: current.revision, expectedRevision: expected },
  });
}

export interface LoadedType {
  readonly type: ArtifactType;
  readonly version: TypeVersion;
}

/**
 * The loaded type that an artifact was written under.
 * @throws AppError TYPE_UNLOADED
 */
export function loadedType(context: OpContext, artifact: Pick<Artifact, 'type' | 'typeVersion'>): LoadedType {
  const type = context.types.types.get(artifact.type);
  const version = type?.versions.get(artifact.typeVersion);
  if (type === undefined || version === undefined) {
    throw new AppError('TYPE_UNLOADED', `The type ${artifact.type} ${artifact.typeVersion} is not loaded on this server.`);
  }
  return { type, version };
}
