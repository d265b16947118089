/** What a set of policies looks at, action by action: only that is told to Cedar, so only that can make a difference. */
import type { ActionConstraint, PolicyJson, PrincipalConstraint, ResourceConstraint } from '@cedar-policy/cedar-wasm/nodejs';
import type { Action } from './policy.ts';

export interface Reads {
  /** The caller, or what is acted on, by its id. */
  readonly callerId: boolean;
  readonly resourceId: boolean;
  /** Whether projects are only compared with each other, or by their names. */
  readonly projectNames: boolean;
  /** Of what is acted on, sorted; never `project`. */
  readonly attributes: readonly string[];
  /** Of an artifact's properties: by name, sorted, or all of them. */
  readonly properties: 'all' | readonly string[];
}

/** As it is collected. */
interface Found {
  callerId: boolean;
  resourceId: boolean;
  projectNames: boolean;
  readonly attributes: Set<string>;
  allProperties: boolean;
  readonly properties: Set<string>;
}

/**
 * Rather too much than too little: whatever is not understood counts as looking at everything it might look at. What is
 * missed all the same would be missing in Cedar's eyes too, and a policy that misses something denies.
 */
export function readsOf(action: Action, policies: readonly PolicyJson[]): Reads {
  const found: Found = {
    ...{ callerId: false, resourceId: false, projectNames: false, allProperties: false },
    ...{ attributes: new Set<string>(), properties: new Set<string>() },
  };
  for (const policy of policies) {
    if (!isAbout(policy.action, action)) continue;
    readScope(policy.principal, policy.resource, found);
    for (const { body } of policy.conditions) readExpression(body, found);
  }
  const { callerId, resourceId, projectNames, attributes, properties } = found;
  return {
    ...{ callerId, resourceId, projectNames },
    attributes: [...attributes].sort(),
    properties: found.allProperties ? 'all' : [...properties].sort(),
  };
}

function isAbout(constraint: ActionConstraint, action: Action): boolean {
  if (constraint.op === 'All') return true;
  const listed = 'entities' in constraint ? constraint.entities : 'entity' in constraint ? [constraint.entity] : [];
  return listed.some((entity) => idOf(entity) === action);
}

function idOf(entity: object): string | undefined {
  const plain = '__entity' in entity ? entity.__entity : entity;
  return isRecord(plain) && typeof plain['id'] === 'string' ? plain['id'] : undefined;
}

function readScope(principal: PrincipalConstraint, resource: ResourceConstraint, found: Found): void {
  const isByRole = principal.op === 'in' && 'entity' in principal && isRole(principal.entity);
  const isByType = principal.op === 'is' && principal.in === undefined;
  if (principal.op !== 'All' && !isByRole && !isByType) found.callerId = true;
  if (resource.op !== 'All' && !(resource.op === 'is' && resource.in === undefined)) found.resourceId = true;
}

function isRole(entity: unknown): boolean {
  const plain = isRecord(entity) && '__entity' in entity ? entity['__entity'] : entity;
  return isRecord(plain) && plain['type'] === 'Role';
}

/** One node of Cedar's JSON form of expressions: an object with one key, the operator. */
function readExpression(expression: unknown, found: Found): void {
  if (!isRecord(expression)) return;
  for (const [operator, operand] of Object.entries(expression)) readOperator(operator, operand, found);
}

function readOperator(operator: string, operand: unknown, found: Found): void {
  const parts = isRecord(operand) ? operand : {};
  switch (operator) {
    case 'Value':
    case 'Slot':
      break;
    case 'Var':
      readWhole(operand, found);
      break;
    case 'Record':
      for (const value of Object.values(parts)) readExpression(value, found);
      break;
    case '.':
    case 'has':
      for (const name of [parts['attr']].flat()) readAttribute(String(name), found);
      readUnlessVariable(parts['left'], found);
      break;
    case 'is':
      if (parts['in'] === undefined) readUnlessVariable(parts['left'], found);
      else readOperands(operand, found);
      break;
    case 'in':
      if (variableOf(parts['left']) !== 'principal' || !isRoles(parts['right'])) readOperands(operand, found);
      break;
    case '==':
    case '!=':
      // Equal or not, whatever they are called: the names of projects make no difference here.
      if (!isProject(parts['left']) || !isProject(parts['right'])) readOperands(operand, found);
      break;
    case 'getTag':
    case 'hasTag':
      readProperty(parts, found);
      break;
    default:
      readOperands(operand, found);
  }
}

function readOperands(operand: unknown, found: Found): void {
  const parts = Array.isArray(operand) ? operand : Object.values(isRecord(operand) ? operand : {});
  for (const part of parts.flat()) readExpression(part, found);
}

/** A variable by itself, compared or passed on: with everything that can be told of it. */
function readWhole(name: unknown, found: Found): void {
  if (name === 'principal') found.callerId = true;
  if (name === 'resource') found.resourceId = true;
  if (name === 'context') found.projectNames = true;
}

function readAttribute(name: string, found: Found): void {
  if (name === 'project' || name === 'memberProject') found.projectNames = true;
  else if (name === 'properties') found.allProperties = true;
  else found.attributes.add(name);
}

function readProperty({ left, right }: Readonly<Record<string, unknown>>, found: Found): void {
  const name = isRecord(right) ? right['Value'] : undefined;
  const access = isRecord(left) && isRecord(left['.']) ? left['.'] : undefined;
  const isPlain = access?.['attr'] === 'properties' && variableOf(access['left']) === 'resource';
  if (typeof name === 'string' && isPlain) {
    found.properties.add(name);
    return;
  }
  found.allProperties = true;
  readExpression(left, found);
  readExpression(right, found);
}

function readUnlessVariable(expression: unknown, found: Found): void {
  if (variableOf(expression) === undefined) readExpression(expression, found);
}

function variableOf(expression: unknown): unknown {
  return isRecord(expression) ? expression['Var'] : undefined;
}

/** A role, or a list of roles. */
function isRoles(expression: unknown): boolean {
  if (!isRecord(expression)) return false;
  const { Value: value, Set: set } = expression;
  if (Array.isArray(set)) return set.every(isRoles);
  return Array.isArray(value) ? value.every(isRole) : isRole(value);
}

/** `principal.project`, `resource.project` or `context.memberProject`. */
function isProject(expression: unknown): boolean {
  const access = isRecord(expression) ? expression['.'] : undefined;
  if (!isRecord(access)) return false;
  const variable = variableOf(access['left']);
  if (variable === 'context') return access['attr'] === 'memberProject';
  return (variable === 'principal' || variable === 'resource') && access['attr'] === 'project';
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
