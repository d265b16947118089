/** A policy from a way to decide: what is denied is told with its action, and why to administrators only. */
import { AppError } from '#base/app-error.ts';
import type { Action, Caller, Decision, Policy, Resource } from './policy.ts';

export function toPolicy(
  decide: (caller: Caller, action: Action, resource: Resource) => Decision,
  reads: Policy['reads'],
): Policy {
  return {
    reads,
    decide,
    allows: (caller, action, resource) => decide(caller, action, resource).isAllowed,
    authorise: (caller, action, resource) => {
      const { isAllowed, policies } = decide(caller, action, resource);
      if (isAllowed) return;
      // Which rule it was tells how to get around it; whoever may read the rules anyway is helped by it.
      const details = caller.isAdmin ? { action, policies: [...policies] } : { action };
      throw new AppError('FORBIDDEN', `The caller may not do ${action} here.`, { details });
    },
  };
}
