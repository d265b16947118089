/** An image's status in its clients' words: a function of the artifact's state and of what is being sent. */
import type { ArtifactState } from '#core/artifact.ts';

export type ImageStatus =
  | 'queued'
  | 'saving'
  | 'uploading'
  | 'importing'
  | 'active'
  | 'deactivated'
  | 'pending_delete'
  | 'deleted'
  | 'killed';

/** Drafts are what clients know as images without data, or with data on its way. */
const byState: Readonly<Record<ArtifactState, { readonly idle: ImageStatus; readonly receiving: ImageStatus }>> = {
  draft: { idle: 'queued', receiving: 'saving' },
  active: { idle: 'active', receiving: 'active' },
  deactivated: { idle: 'deactivated', receiving: 'deactivated' },
  pending_delete: { idle: 'pending_delete', receiving: 'pending_delete' },
  deleted: { idle: 'deleted', receiving: 'deleted' },
};

export function toImageStatus(state: ArtifactState, isReceiving: boolean): ImageStatus {
  return byState[state][isReceiving ? 'receiving' : 'idle'];
}
