/**
 * The policies that Vitrine ships, decided ahead: they look at roles and at whose project it is, so that all their answers fit
 * in a table. A server that has no policies of its own never loads Cedar, which would cost it 65 MiB and its first requests.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256Hex } from '#core/canonical-json.ts';
import { renderSchema } from './cedar-schema.ts';
import { relationOf } from './decision-facts.ts';
import { toPolicy } from './enforce.ts';
import { actions, type Decision, type Policy, type Resource } from './policy.ts';

export const defaultPolicyFile = join(import.meta.dirname, 'default.cedar');
const decisionsFile = join(import.meta.dirname, 'default-decisions.json');

/** Written by `npm run docs`. */
export interface DefaultDecisions {
  /** Of the policies and the schema that were decided. */
  readonly source: string;
  /** By action and by `own`, `other`, `own+self` …: the role sets that may, each by its letters (`rm`). */
  readonly allowed: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export function digestOfDefault(text: string): string {
  return sha256Hex(`${renderSchema(actions)}\n${text}`);
}

const allowed: Decision = { isAllowed: true, policies: [], isFailed: false };
const denied: Decision = { isAllowed: false, policies: [], isFailed: false };

/** Undefined where `default.cedar` is not the one that was decided: then Cedar has to. */
export function findDefaultPolicy(): Policy | undefined {
  const decisions: DefaultDecisions = JSON.parse(readFileSync(decisionsFile, 'utf8'));
  if (decisions.source !== digestOfDefault(readFileSync(defaultPolicyFile, 'utf8'))) return undefined;
  const mayDo = new Set(
    Object.entries(decisions.allowed).flatMap(([action, byRelation]) =>
      Object.entries(byRelation).flatMap(([relation, roles]) => roles.split(' ').map((set) => `${action} ${set} ${relation}`)),
    ),
  );
  const nothing: ReadonlySet<keyof Resource> = new Set();
  return toPolicy(
    (caller, action, resource) => (mayDo.has(`${action} ${relationOf(caller, resource)}`) ? allowed : denied),
    () => nothing,
  );
}

/** @throws Error where `default.cedar` was changed and not decided again */
export function createDefaultPolicy(): Policy {
  const policy = findDefaultPolicy();
  if (policy === undefined) throw new Error('default.cedar or the actions have changed: run `npm run docs`');
  return policy;
}
