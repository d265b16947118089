/** Flags such as yanked and deprecated belong to what was published; a draft has nobody to tell. */
import { AppError } from '#base/app-error.ts';
import type { ArtifactState } from '#core/artifact.ts';
import { isLive } from '#core/lifecycle.ts';

/** @throws AppError STATE_CONFLICT, with the state in its details */
export function assertPublished(state: ArtifactState, done: string): void {
  if (isLive(state)) return;
  throw new AppError('STATE_CONFLICT', `Only a published artifact can be ${done}.`, { details: { state } });
}
