/** What policies may speak of, as Cedar's schema: who acts, on what, and what is known of it. Policies are checked against it. */
import type { Action } from './policy.ts';

/** The type of what an action is about. */
export type ResourceKind = 'Artifact' | 'Family' | 'Project';

/** What policies may look at of each kind, beside its project. */
export const resourceFacts = {
  Artifact: ['type', 'name', 'version', 'state', 'visibility', 'hidden', 'protected', 'tags', 'properties'],
  Family: ['type', 'name'],
  Project: [],
} as const;

export function resourceKindOf(action: Action): ResourceKind {
  if (action === 'artifact:list') return 'Project';
  const [noun] = action.split(':', 1);
  if (noun === 'artifact' || noun === 'blob' || noun === 'member') return 'Artifact';
  return noun === 'family' ? 'Family' : 'Project';
}

/** Whether an action on a share says which project it is with: always, where it is known, or never. */
function shareContext(action: Action): string {
  if (action === 'member:update' || action === 'member:remove') return ', context: { memberProject: String }';
  return action === 'member:create' ? ', context: { memberProject?: String }' : '';
}

/** The schema in Cedar's own words. */
export function renderSchema(actions: readonly Action[]): string {
  const rules = actions.map(
    (action) => `action "${action}" appliesTo { principal: Caller, resource: ${resourceKindOf(action)}${shareContext(action)} };`,
  );
  return `${entities}\n${rules.join('\n')}\n`;
}

const entities = `// Who is in "admin" is in "member" too, and who is in "member" in "reader"; "service" stands beside them.
entity Role enum ["reader", "member", "admin", "service"];

entity Caller in [Role] {
  project: String,
  // All roles by the names that whoever vouches for the caller gives them, in lower case.
  roleNames: Set<String>,
  // Of a service that passes the caller's request on.
  serviceRoles: Set<String>,
};

// Each property by its name, as text: true, 42, and lists and objects as canonical JSON. What is null is not there.
entity Properties tags String;

entity Artifact {
  project: String,
  type: String,
  name?: String,
  version?: String,
  // draft, active, deactivated, pending_delete
  state: String,
  // private, shared, community, public; for artifact:publicize and artifact:communitize what it shall become
  visibility: String,
  hidden: Bool,
  protected: Bool,
  tags: Set<String>,
  properties: Properties,
};

entity Family {
  project: String,
  type: String,
  name: String,
};

// What is about no artifact is about a project: mostly the caller's own.
entity Project {
  project: String,
};
`;
