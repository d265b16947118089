/** Deprecates an artifact with a message for its users, or takes that back. Nothing else about it changes. */
import type { Artifact } from '#core/artifact.ts';
import { artifactRecords } from '#metadata/metadata.ts';
import { type ChangeInput, changeArtifact } from './change-artifact.ts';
import { assertPublished } from './check-published.ts';
import { checkText } from './check-reason.ts';
import type { OpContext } from './context.ts';

export interface DeprecateArtifactInput extends ChangeInput {
  /** What to use instead, say; '' deprecates without a word, null takes the deprecation back. */
  readonly message: string | null;
}

/** @throws AppError ARTIFACT_NOT_FOUND, FORBIDDEN, TYPE_UNLOADED, REVISION_CONFLICT, STATE_CONFLICT for a draft */
export async function deprecateArtifact(context: OpContext, input: DeprecateArtifactInput): Promise<Artifact> {
  const message = input.message === null ? null : (checkText(input.message, '/message') ?? '');
  const kind = message === null ? 'artifact.undeprecated' : 'artifact.deprecated';
  const change = { kind, action: 'artifact:deprecate', detail: { message } } as const;
  return changeArtifact(context, input, change, async (tx, locked) => {
    assertPublished(locked.state, 'deprecated');
    if (locked.deprecationMessage === message) return undefined;
    return artifactRecords.deprecateArtifact(tx, locked.id, message);
  });
}
