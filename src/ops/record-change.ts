/** Writes a change's event and audit row with the facts of the request, in the change's own transaction. */
import type { JsonObject } from '#base/json.ts';
import type { Artifact } from '#core/artifact.ts';
import type { Sql } from '#metadata/database.ts';
import { eventRecords } from '#metadata/metadata.ts';
import type { Action } from '#policy/policy.ts';
import type { OpContext } from './context.ts';

export interface Change {
  /** `artifact.published`: subject and past participle. */
  readonly kind: string;
  readonly action: Action;
  readonly project: string;
  readonly subjectType: 'artifact' | 'family' | 'token' | 'instance';
  readonly subjectId: string;
  readonly revision: number | null;
  readonly payload?: JsonObject;
  /** For the audit trail only: reasons, what was changed. Never a secret. */
  readonly detail?: JsonObject;
}

export async function recordChange(tx: Sql, context: OpContext, change: Change): Promise<void> {
  await eventRecords.insertChange(tx, { ...toChangeRow(context, change), revision: change.revision });
}

/** The change with the facts of its request, for statements that write it with something else. */
export function toChangeRow(context: OpContext, change: Omit<Change, 'revision'>): Omit<eventRecords.ChangeRow, 'revision'> {
  return {
    ...change,
    payload: change.payload ?? {},
    detail: change.detail ?? {},
    caller: context.caller.id,
    requestId: context.requestId,
    traceparent: context.traceparent ?? null,
    sourceAddress: context.sourceAddress ?? null,
  };
}

/** As `recordChange`, for several changes of one subject that differ in what they say only. */
export async function recordChanges(
  tx: Sql,
  context: OpContext,
  change: Omit<Change, 'payload' | 'detail'>,
  each: readonly { readonly payload: JsonObject; readonly detail: JsonObject }[],
): Promise<void> {
  const { payload: _payload, detail: _detail, ...row } = toChangeRow(context, change);
  await eventRecords.insertChanges(tx, { ...row, revision: change.revision }, each);
}

/** The change of an artifact, given as it is after it. */
export async function recordArtifactChange(
  tx: Sql,
  context: OpContext,
  change: { readonly kind: string; readonly action: Action; readonly detail?: JsonObject },
  artifact: Artifact,
): Promise<void> {
  await recordChange(tx, context, toArtifactChange(change, artifact));
}

type Told = Pick<Artifact, 'id' | 'project' | 'revision' | 'type' | 'name' | 'version' | 'state' | 'visibility' | 'digest'>;

/** What is told of an artifact's change. */
export function toArtifactChange(change: Pick<Change, 'kind' | 'action' | 'detail'>, artifact: Told): Change {
  const { id, project, revision, type, name, version, state, visibility, digest } = artifact;
  const payload = { type, name, version, state, visibility, digest };
  return { ...change, project, subjectType: 'artifact', subjectId: id, revision, payload };
}
