/** The lifecycle table, whole: every state with every action. */

import { describe, expect, it } from 'vitest';
import { isAppError } from '#base/app-error.ts';
import { artifactStates } from '#core/artifact.ts';
import { assertTransition, isLive, lifecycleActions, liveStates, nextState } from '#core/lifecycle.ts';

const table = {
  draft: ['active', undefined, undefined, 'deleted'],
  active: [undefined, 'deactivated', 'active', 'deleted'],
  deactivated: [undefined, 'deactivated', 'active', 'deleted'],
  pending_delete: [undefined, undefined, undefined, 'deleted'],
  deleted: [undefined, undefined, undefined, undefined],
};

describe('the lifecycle', () => {
  it('allows publish, deactivate, reactivate and delete exactly where the table says', () => {
    expect(lifecycleActions).toEqual(['publish', 'deactivate', 'reactivate', 'delete']);
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

  it('calls active, deactivated and pending_delete live', () => {
    expect(artifactStates.filter(isLive)).toEqual(liveStates);
  });
});
