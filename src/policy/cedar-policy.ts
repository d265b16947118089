/** The policy that Cedar decides: each question once, then from memory, as long as its facts are the same. */
import { LRUCache } from 'lru-cache';
import { sha256Hex } from '#core/canonical-json.ts';
import type { CedarEngine } from './cedar-engine.ts';
import { resourceFacts, resourceKindOf } from './cedar-schema.ts';
import { factsOf, isRelationEnough, relationOf } from './decision-facts.ts';
import { toPolicy } from './enforce.ts';
import { type Action, actions, type Caller, type Decision, type Policy, type Resource } from './policy.ts';
import type { Reads } from './policy-reads.ts';

export interface CedarPolicyOptions {
  /** By action. */
  readonly reads: ReadonlyMap<Action, Reads>;
  /** Told once for each set of facts under which a policy could not be evaluated. */
  readonly onFailure?: ((action: Action, policies: readonly string[]) => void) | undefined;
}

/** A thousand kinds of caller and artifact, at some hundred bytes each. */
const rememberedMax = 10_000;

/** Longer keys, of long properties, are remembered by their digest. */
const keyLengthMax = 200;

export function createCedarPolicy(engine: CedarEngine, { reads, onFailure }: CedarPolicyOptions): Policy {
  const remembered = new LRUCache<string, Decision>({ max: rememberedMax });
  const isPlain = new Map(actions.map((action) => [action, isRelationEnough(readsOf(action))]));

  function readsOf(action: Action): Reads {
    const found = reads.get(action);
    if (found === undefined) throw new Error(`no policies were read for ${action}`);
    return found;
  }

  function decide(caller: Caller, action: Action, resource: Resource): Decision {
    const facts = isPlain.get(action) === true ? undefined : factsOf(readsOf(action), caller, action, resource);
    const key = facts === undefined ? `${action} ${relationOf(caller, resource)}` : shorten(JSON.stringify(facts));
    const known = remembered.get(key);
    if (known !== undefined) return known;
    const decision = engine.decide(facts ?? factsOf(readsOf(action), caller, action, resource));
    remembered.set(key, decision);
    if (decision.isFailed) onFailure?.(action, decision.policies);
    return decision;
  }

  return toPolicy(decide, (action) => {
    const { attributes, properties, resourceId } = readsOf(action);
    const facts: readonly (keyof Resource)[] = resourceFacts[resourceKindOf(action)];
    const read = facts.filter((fact) => (fact === 'properties' ? properties.length > 0 : attributes.includes(fact)));
    return new Set(resourceId ? ['id', ...read] : read);
  });
}

function shorten(key: string): string {
  return key.length > keyLengthMax ? sha256Hex(key) : key;
}
