/** Which changes of state are legal: one table, state by action. */
import { AppError } from '#base/app-error.ts';
import type { ArtifactState } from './artifact.ts';

export const lifecycleActions = ['publish', 'deactivate', 'reactivate', 'delete', 'delay', 'restore', 'purge'] as const;
export type LifecycleAction = (typeof lifecycleActions)[number];

/** `delay` is a delete that can be taken back for a while: `restore` leads back to the state it came from. */
type Next = ArtifactState | 'state before';

/**
 * A change to the state an artifact already has is allowed where saying it twice harms nobody (deactivate, reactivate), and
 * refused where a caller would be misled (publish, delete).
 */
const transitions: Readonly<Record<ArtifactState, Partial<Readonly<Record<LifecycleAction, Next>>>>> = {
  // A draft reserves no version, so that nothing but its owner's patience is lost with it.
  draft: { publish: 'active', delete: 'deleted' },
  active: { deactivate: 'deactivated', reactivate: 'active', delete: 'deleted', delay: 'pending_delete' },
  deactivated: { deactivate: 'deactivated', reactivate: 'active', delete: 'deleted', delay: 'pending_delete' },
  pending_delete: { restore: 'state before', purge: 'deleted' },
  deleted: {},
};

/** The states in which (family, version) is unique. */
export const liveStates = ['active', 'deactivated', 'pending_delete'] as const satisfies readonly ArtifactState[];

export function isLive(state: ArtifactState): boolean {
  return state === 'active' || state === 'deactivated' || state === 'pending_delete';
}

/**
 * Undefined when the action is not legal in this state.
 * @param before what a delayed delete came from
 */
export function nextState(
  state: ArtifactState,
  action: LifecycleAction,
  before: ArtifactState = 'active',
): ArtifactState | undefined {
  const next = transitions[state][action];
  return next === 'state before' ? before : next;
}

/** @throws AppError STATE_CONFLICT, with the state in its details */
export function assertTransition(state: ArtifactState, action: LifecycleAction, before?: ArtifactState): ArtifactState {
  const next = nextState(state, action, before);
  if (next !== undefined) return next;
  throw new AppError('STATE_CONFLICT', `An artifact that is ${stateWords[state]} cannot be ${actionWords[action]}.`, {
    details: { state, action },
  });
}

const stateWords: Readonly<Record<ArtifactState, string>> = {
  draft: 'a draft',
  active: 'active',
  deactivated: 'deactivated',
  pending_delete: 'waiting to be deleted',
  deleted: 'deleted',
};

const actionWords: Readonly<Record<LifecycleAction, string>> = {
  publish: 'published',
  deactivate: 'deactivated',
  reactivate: 'reactivated',
  delete: 'deleted',
  delay: 'deleted',
  restore: 'restored',
  purge: 'purged',
};
