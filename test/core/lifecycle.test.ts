/** The lifecycle table, whole: every state with every action. */

import { describe, expect, it } from 'vitest';
import { isAppError } from '#base/app-error.ts';
import { artifactStates } from '#core/artifact.ts';
import { assertTransition, isLive, lifecycleActions, liveStates, nextState } from '#core/lifecycle.ts';

const table = {
  draft: ['active', undefined, undefined, 'deleted', undefined, undefined, undefined],
  active: [undefined, 'deactivated', 'active', 'deleted', 'pending_delete', undefined, undefined],
  deactivated: [undefined, 'deactivated', 'active', 'deleted', 'pending_delete', undefined, undefined],
  pending_delete: [undefined, undefined, undefined, undefined, undefined, 'active', 'deleted'],
  deleted: [undefined, undefined, undefined, undefined, undefined, undefined, undefined],
};

describe('the lifecycle', () => {
  it('allows each action exactly where the table says', () => {
    expect(lifecycleActions).toEqual(['publish', 'deactivate', 'reactivate', 'delete', 'delay', 'restore', 'purge']);
    for (const state of artifactStates) {
      expect([state, lifecycleActions.map((action) => nextState(state, action))]).toEqual([state, table[state]]);
    }
  });

  it('answers the next state or STATE_CONFLICT with the state it found', () => {
    expect(assertTransition('draft', 'publish')).toBe('active');
    for (const state of artifactStates) {
      for (const action of lifecycleActions) {
        if (nextState(state, action) !== undefined) continue;
        let thrown: unknown;
        try {
          assertTransition(state, action);
        } catch (error) {
          thrown = error;
        }
        expect(isAppError(thrown, 'STATE_CONFLICT') && thrown.details).toEqual({ state, action });
      }
    }
  });

  it('restores to the state that a delayed delete came from', () => {
    expect(assertTransition('pending_delete', 'restore', 'deactivated')).toBe('deactivated');
    expect(assertTransition('pending_delete', 'restore', 'active')).toBe('active');
  });

  it('calls active, deactivated and pending_delete live', () => {
    expect(artifactStates.filter(isLive)).toEqual(liveStates);
  });
});
