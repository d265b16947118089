/** Yanks a version: ranges no longer find it; by id, digest, pin or exact version it stays within reach. */
import type { Artifact } from '#core/artifact.ts';
import { artifactRecords } from '#metadata/metadata.ts';
import { changeArtifact, type ReasonedChangeInput } from './change-artifact.ts';
import { assertPublished } from './check-published.ts';
import { checkReason, checkText } from './check-reason.ts';
import type { OpContext } from './context.ts';

export type YankArtifactInput = ReasonedChangeInput;

/** @throws AppError ARTIFACT_NOT_FOUND, FORBIDDEN, TYPE_UNLOADED, REVISION_CONFLICT, STATE_CONFLICT for a draft */
export async function yankArtifact(context: OpContext, input: YankArtifactInput): Promise<Artifact> {
  const change = { kind: 'artifact.yanked', action: 'artifact:yank', detail: checkReason(input.reason) } as const;
  return changeArtifact(context, input, change, async (tx, locked) => {
    assertPublished(locked.state, 'yanked');
    if (locked.yanked) return undefined;
    return artifactRecords.yankArtifact(tx, locked.id, checkText(input.reason, '/reason'), context.caller.id);
  });
}
