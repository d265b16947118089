/** Decides ahead what the shipped policies say to every role set and relation, for default-policy.ts. Run by `npm run docs`. */
import { readFileSync } from 'node:fs';
import { roles as allRoles, createCaller } from './caller.ts';
import { loadCedar, openEngine } from './cedar-engine.ts';
import { createCedarPolicy } from './cedar-policy.ts';
import { isRelationEnough, relationOf } from './decision-facts.ts';
import { type DefaultDecisions, defaultPolicyFile, digestOfDefault } from './default-policy.ts';
import { type Action, actions, type Resource } from './policy.ts';
import { readsOf } from './policy-reads.ts';
import { readPolicyFile } from './read-policies.ts';

/** Of the caller's project or another; for shares with the caller's, the owner's or a third project. */
const plainRelations: readonly Resource[] = [{ project: 'own' }, { project: 'other' }];
const shareRelations: readonly Resource[] = [
  ...plainRelations,
  { project: 'own', memberProject: 'own' },
  { project: 'own', memberProject: 'third' },
  { project: 'other', memberProject: 'own' },
  { project: 'other', memberProject: 'other' },
  { project: 'other', memberProject: 'third' },
];

/** @throws Error where the shipped policies look at more than a table can hold, or are not valid */
export async function renderDefaultDecisions(): Promise<string> {
  const cedar = await loadCedar();
  const { policies, faults } = readPolicyFile(cedar, defaultPolicyFile);
  if (faults.length > 0) throw new Error(faults.map(({ pointer, message }) => `${pointer} ${message}`).join('\n'));
  const jsons = policies.map(({ json }) => json);
  const reads = new Map(actions.map((action) => [action, readsOf(action, jsons)]));
  const wide = actions.filter((action) => !isRelationEnough(reads.get(action) ?? readsOf(action, jsons)));
  if (wide.length > 0) throw new Error(`default.cedar looks at more than roles and projects: ${wide.join(', ')}`);
  const policy = createCedarPolicy(openEngine(cedar, policies), { reads });
  const decisions: DefaultDecisions = {
    source: digestOfDefault(readFileSync(defaultPolicyFile, 'utf8')),
    allowed: Object.fromEntries(actions.map((action) => [action, rolesByRelation(action)])),
  };
  return `${JSON.stringify(decisions, null, 2)}\n`;

  function rolesByRelation(action: Action): Readonly<Record<string, string>> {
    const found = new Map<string, string[]>();
    for (const resource of relationsOf(action)) {
      for (const roles of roleSets) {
        const caller = createCaller('c', 'own', roles);
        const [letters = '', relation = ''] = relationOf(caller, resource).split(' ');
        if (policy.allows(caller, action, resource)) found.set(relation, [...(found.get(relation) ?? []), letters]);
      }
    }
    return Object.fromEntries([...found].map(([relation, sets]) => [relation, sets.join(' ')]));
  }
}

/** What needs to know whose share it is cannot be asked without. */
function relationsOf(action: Action): readonly Resource[] {
  if (!action.startsWith('member:')) return plainRelations;
  return action === 'member:update' || action === 'member:remove' ? shareRelations.slice(2) : shareRelations;
}

const roleSets = Array.from({ length: 2 ** allRoles.length }, (_, bits) =>
  allRoles.filter((_role, index) => bits & (1 << index)),
);
