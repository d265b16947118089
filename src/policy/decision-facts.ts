/** What Cedar is told of one question: no more than its policies look at, so that the same facts have the same answer. */
import type { Json } from '#base/json.ts';
import { canonicalJson } from '#core/canonical-json.ts';
import { type ResourceKind, resourceFacts, resourceKindOf } from './cedar-schema.ts';
import type { Action, Caller, Resource, Role } from './policy.ts';
import type { Reads } from './policy-reads.ts';

export interface Facts {
  readonly action: Action;
  /** With those they contain. */
  readonly roles: readonly Role[];
  /** '' where nobody looks at it. */
  readonly callerId: string;
  readonly project: string;
  /** Each only where somebody looks at it. */
  readonly callerAttributes: Readonly<Record<string, string[]>>;
  readonly resource: {
    readonly kind: ResourceKind;
    readonly id: string;
    readonly project: string;
    readonly attributes: Readonly<Record<string, Json>>;
    readonly properties: Readonly<Record<string, string>>;
  };
  readonly memberProject: string | undefined;
}

/** What policies may look at of a caller, beside its project and its roles. */
const callerFacts = ['roleNames', 'serviceRoles'] as const satisfies readonly (keyof Caller)[];

/** How projects are called where only their being the same or not can matter. */
const stands = { caller: 'the caller’s', other: 'another', third: 'a third' } as const;

/**
 * `rm own+third`: the caller's roles, whose project it is about, and whose share. With no other facts, all that a decision
 * depends on.
 */
export function relationOf(caller: Caller, { project, memberProject }: Resource): string {
  const whose = project === caller.project ? 'own' : 'other';
  const roles = roleLetters(caller);
  if (memberProject === undefined) return `${roles} ${whose}`;
  const share = memberProject === caller.project ? 'self' : memberProject === project ? 'owner' : 'third';
  return `${roles} ${whose}+${share}`;
}

/** Role sets by their letters: the hot path makes no list. */
function roleLetters({ roles }: Caller): string {
  const plain = `${roles.has('reader') ? 'r' : ''}${roles.has('member') ? 'm' : ''}`;
  return `${plain}${roles.has('admin') ? 'a' : ''}${roles.has('service') ? 's' : ''}`;
}

export function isRelationEnough(reads: Reads): boolean {
  const { callerId, resourceId, projectNames, attributes, properties } = reads;
  return !callerId && !resourceId && !projectNames && attributes.length === 0 && properties.length === 0;
}

/** @throws Error where a policy looks at what the operation does not tell: it cannot be answered, and must not be guessed */
export function factsOf(reads: Reads, caller: Caller, action: Action, resource: Resource): Facts {
  const kind = resourceKindOf(action);
  return {
    action,
    roles: containedRoles(caller),
    callerId: reads.callerId ? caller.id : '',
    callerAttributes: Object.fromEntries(
      callerFacts.filter((fact) => reads.attributes.includes(fact)).map((fact) => [fact, [...caller[fact]].sort()]),
    ),
    ...projectsOf(reads, caller, resource),
    resource: {
      kind,
      id: reads.resourceId ? idOf(kind, action, resource) : '',
      project: projectsOf(reads, caller, resource).owner,
      attributes: attributesOf(kind, reads, action, resource),
      properties: propertiesOf(kind, reads, action, resource),
    },
  };
}

function containedRoles({ roles }: Caller): readonly Role[] {
  const isMember = roles.has('member') || roles.has('admin');
  const has = {
    reader: roles.has('reader') || isMember,
    member: isMember,
    admin: roles.has('admin'),
    service: roles.has('service'),
  };
  return (['reader', 'member', 'admin', 'service'] as const).filter((role) => has[role]);
}

/** By name, or by what they are to each other. */
function projectsOf({ projectNames }: Reads, caller: Caller, { project, memberProject }: Resource) {
  if (projectNames) return { project: caller.project, owner: project, memberProject };
  const owner = project === caller.project ? stands.caller : stands.other;
  if (memberProject === undefined) return { project: stands.caller, owner, memberProject };
  const share = memberProject === caller.project ? stands.caller : memberProject === project ? owner : stands.third;
  return { project: stands.caller, owner, memberProject: share };
}

function idOf(kind: ResourceKind, action: Action, { id, project, type, name }: Resource): string {
  if (kind === 'Project') return project;
  if (kind === 'Family') return `${project}/${type ?? ''}/${name ?? ''}`;
  return id ?? untold(action, 'id');
}

function attributesOf(kind: ResourceKind, reads: Reads, action: Action, resource: Resource): Readonly<Record<string, Json>> {
  const known: readonly (keyof Resource)[] = resourceFacts[kind];
  const wanted = known.filter((fact) => fact !== 'properties' && reads.attributes.includes(fact));
  const told = wanted.map((fact) => [fact, resource[fact] ?? (resource[fact] === null ? null : untold(action, fact))]);
  return Object.fromEntries(told.filter(([, value]) => value !== null));
}

function propertiesOf(kind: ResourceKind, reads: Reads, action: Action, resource: Resource): Readonly<Record<string, string>> {
  if (kind !== 'Artifact' || reads.properties.length === 0) return {};
  const properties = resource.properties ?? untold(action, 'properties');
  const names = reads.properties === 'all' ? Object.keys(properties).sort() : reads.properties;
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = Object.hasOwn(properties, name) ? properties[name] : null;
      return value === null || value === undefined ? [] : [[name, toText(value)]];
    }),
  );
}

function toText(value: Json): string {
  return typeof value === 'string' ? value : canonicalJson(value);
}

function untold(action: Action, fact: string): never {
  throw new Error(`a policy looks at the ${fact} of what ${action} is about, and the operation does not tell it`);
}
