/** Cedar itself, which is WebAssembly: checks policies, tells what they look at, and decides. Loaded where it is needed only. */
import type { EntityJson, PolicyJson, StatefulAuthorizationCall } from '@cedar-policy/cedar-wasm/nodejs';
import { sha256Hex } from '#core/canonical-json.ts';
import type { Facts } from './decision-facts.ts';
import type { Decision } from './policy.ts';

type Cedar = typeof import('@cedar-policy/cedar-wasm/nodejs');

/** 15 MiB as it is loaded, 65 MiB once it has decided: a server that needs none of it does without. */
export async function loadCedar(): Promise<Cedar> {
  const module: { readonly default?: Cedar } & Cedar = await import('@cedar-policy/cedar-wasm/nodejs');
  return module.default ?? module;
}

/** A policy as it was read. */
export interface NamedPolicy {
  /** Of its annotation `@id`, else `<file>:<line>`. */
  readonly id: string;
  readonly text: string;
  readonly json: PolicyJson;
}

export interface CedarEngine {
  decide(facts: Facts): Decision;
}

/** @param policies checked ones, no id twice */
export function openEngine(cedar: Cedar, policies: readonly NamedPolicy[]): CedarEngine {
  const staticPolicies = Object.fromEntries(policies.map(({ id, text }) => [id, text]));
  // Cedar keeps what it parsed under a name: the same policies share one.
  const preparsedPolicySetId = sha256Hex(JSON.stringify(staticPolicies));
  const parsed = cedar.preparsePolicySet(preparsedPolicySetId, { staticPolicies });
  if (parsed.type === 'failure') throw new Error(`Cedar refused checked policies: ${parsed.errors[0]?.message}`);
  return {
    decide: (facts) => {
      const answer = cedar.statefulIsAuthorized({ ...toCall(facts), preparsedPolicySetId });
      if (answer.type === 'failure') throw new Error(`Cedar could not be asked: ${answer.errors[0]?.message}`);
      const { decision, diagnostics } = answer.response;
      const failed = diagnostics.errors.map(({ policyId }) => policyId);
      // Cedar leaves out a policy that cannot be evaluated, also one that forbids; that must not open a door.
      if (failed.length > 0) return { isAllowed: false, policies: failed.sort(), isFailed: true };
      return { isAllowed: decision === 'allow', policies: diagnostics.reason.toSorted(), isFailed: false };
    },
  };
}

function toCall({ action, roles, callerId, project, callerAttributes, resource, memberProject }: Facts) {
  const principal = { type: 'Caller', id: callerId };
  const about = { type: resource.kind, id: resource.id };
  const properties = { type: 'Properties', id: resource.id };
  const held = resource.kind === 'Artifact' ? { properties: { __entity: properties } } : {};
  const attrs: EntityJson['attrs'] = { ...resource.attributes, project: resource.project, ...held };
  const entities: EntityJson[] = [
    { uid: principal, attrs: { ...callerAttributes, project }, parents: roles.map((id) => ({ type: 'Role', id })) },
    { uid: about, attrs, parents: [] },
    { uid: properties, attrs: {}, parents: [], tags: { ...resource.properties } },
  ];
  const context: StatefulAuthorizationCall['context'] = memberProject === undefined ? {} : { memberProject };
  return { principal, action: { type: 'Action', id: action }, resource: about, context, entities };
}
