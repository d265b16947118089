/** Who may do what by default, written a second time: what the shipped policies and the operations are held against. */
import type { Action } from '#policy/policy.ts';

/** By letters: r reader, m member, s service, a administrator. */
interface Rule {
  readonly own: string;
  /** Of another project, of those that one may see. */
  readonly foreign: string;
  /** For actions on a share: one with the caller's project, of another's artifact. */
  readonly sharedWith: string;
}

const anybody: Rule = { own: 'rmsa', foreign: 'rmsa', sharedWith: 'rmsa' };
const bytes: Rule = { own: 'msa', foreign: 'msa', sharedWith: 'msa' };
const project: Rule = { own: 'ma', foreign: 'a', sharedWith: 'a' };
const administrator: Rule = { own: 'a', foreign: 'a', sharedWith: 'a' };

export const whoMay: Readonly<Record<Action, Rule>> = {
  'artifact:create': project,
  'artifact:read': anybody,
  'artifact:list': anybody,
  'artifact:update': project,
  'artifact:move': administrator,
  'artifact:publish': project,
  'artifact:delete': project,
  'artifact:restore': project,
  'artifact:deactivate': project,
  'artifact:reactivate': project,
  'artifact:yank': project,
  'artifact:deprecate': project,
  'artifact:protect': project,
  'artifact:publicize': administrator,
  'artifact:communitize': project,
  'artifact:closure': anybody,
  'artifact:dependents': anybody,
  'family:read': anybody,
  'family:update': project,
  'blob:upload': project,
  'blob:download': bytes,
  'blob:remove': project,
  'upload:part': project,
  'member:create': project,
  'member:update': { own: 'a', foreign: 'a', sharedWith: 'ma' },
  'member:remove': { own: 'ma', foreign: 'a', sharedWith: 'ma' },
  'member:list': anybody,
  'token:create': project,
  'token:list': project,
  'token:revoke': project,
  'type:list': anybody,
  'store:list': anybody,
  'store:detail': { own: 'sa', foreign: 'sa', sharedWith: 'sa' },
  'usage:read': anybody,
  'instance:read': anybody,
  'instance:read-only': administrator,
  'job:list': administrator,
  'job:run': administrator,
};
