/** An image's status in its clients' words: a function of the artifact's state and of what is being sent. */
import type { ArtifactState } from '#core/artifact.ts';

export const imageStatuses = [
  'queued',
  'saving',
  'uploading',
  'importing',
  'active',
  'deactivated',
  'pending_delete',
  'deleted',
  'killed',
] as const;
export type ImageStatus = (typeof imageStatuses)[number];

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

/** The states whose images may have the status; none for a status that no image here has, or that is none. */
export function statesOf(status: ImageStatus): readonly ArtifactState[] {
  const states = Object.entries(byState) as [ArtifactState, (typeof byState)[ArtifactState]][];
  return states.filter(([, { idle, receiving }]) => idle === status || receiving === status).map(([state]) => state);
}
