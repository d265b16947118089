/** Names a type may take in GraphQL, and those that are taken: the interface's fields and the schema's own types. */

/**
 * Fields every artifact has in GraphQL, and the words of its filters, inputs and orders. A property of such a name needs
 * another one under `graphql.fields` of its manifest.
 */
const reservedFieldNames: ReadonlySet<string> = new Set([
  'id',
  'project',
  'type',
  'typeVersion',
  'family',
  'familyId',
  'name',
  'version',
  'state',
  'visibility',
  'hidden',
  'protected',
  'deprecated',
  'deprecatedAt',
  'deprecationMessage',
  'yanked',
  'yankedAt',
  'yankReason',
  'properties',
  'extraProperties',
  'viewerCan',
  'tags',
  'digest',
  'revision',
  'createdAt',
  'updatedAt',
  'publishedAt',
  'expiresAt',
  'slots',
  'blobs',
  'dependencies',
  'dependents',
  'closure',
  'members',
  'ref',
  'and',
  'or',
  'not',
  'versionRange',
  'latest',
  'property',
]);

/** Names of the schema itself, also those a generated ending would turn into one: a type `tag` would have the TagFilter. */
const reservedTypeNames: ReadonlySet<string> = new Set([
  'Artifact',
  'ArtifactState',
  'ArtifactType',
  'ArtifactTypeVersion',
  'Audit',
  'BigInt',
  'Blob',
  'Boolean',
  'Bytes',
  'Caller',
  'Channel',
  'Closure',
  'ClosureBlob',
  'ClosureDependency',
  'ClosureMode',
  'ClosureNode',
  'ClosureProblem',
  'ClosureProblemKind',
  'DateTime',
  'Dependency',
  'DependencyProblem',
  'DependencyRule',
  'Dependent',
  'Event',
  'Exact',
  'ExtraProperty',
  'Family',
  'Fault',
  'Float',
  'ID',
  'Instance',
  'Int',
  'JSON',
  'Job',
  'JobProgress',
  'JobState',
  'Lock',
  'Long',
  'Member',
  'MemberStatus',
  'Mutation',
  'NegotiatedBlob',
  'NegotiatedState',
  'Node',
  'PackLimits',
  'PageInfo',
  'Pin',
  'Project',
  'Property',
  'PropertyKind',
  'PropertyRule',
  'Query',
  'ResolvedPin',
  'ResolvedReference',
  'RevisionConflict',
  'Role',
  'Slot',
  'SlotKind',
  'SlotRule',
  'String',
  'StringList',
  'Subscription',
  'Tag',
  'Task',
  'Token',
  'UnknownTypeArtifact',
  'UploadWays',
  'Version',
  'ViewerCan',
  'Visibility',
]);

/** Endings of generated names: a type `image-filter` would take the filter of a type `image`. */
const reservedEndings = /(Filter|Input|Order|OrderBy|OrderField|Connection|Edge|Payload|Result|Error|Properties)$/;
const reservedBeginnings =
  /^(Create|Update|Publish|Delete|Yank|Unyank|Deprecate|Deactivate|Reactivate|Add|Remove|Revoke)(?=[A-Z])/;

/** Lists of the Query type that no type's plural may take. */
const reservedPlurals: ReadonlySet<string> = new Set([
  'node',
  'nodes',
  'artifact',
  'artifacts',
  'resolve',
  'closure',
  'closures',
  'dependents',
  'family',
  'families',
  'heatProjection',
  'instance',
  'job',
  'jobs',
  'artifactType',
  'artifactTypes',
  'token',
  'tokens',
  'member',
  'members',
  'tasks',
  'locks',
  'channels',
  'stores',
  'server',
  'viewer',
]);

const fieldPattern = /^(?!__)[A-Za-z_][A-Za-z0-9_]{0,127}$/;

/** `heat-template` → `HeatTemplate`. */
export function defaultTypeName(type: string): string {
  return type
    .split('-')
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join('');
}

/** `heat-template` → `heatTemplates`; `policy` → `policies`; `box` → `boxes`. */
export function defaultPlural(type: string): string {
  const name = defaultTypeName(type);
  const single = name.charAt(0).toLowerCase() + name.slice(1);
  if (/[^aeiou]y$/.test(single)) return `${single.slice(0, -1)}ies`;
  return /(s|x|z|ch|sh)$/.test(single) ? `${single}es` : `${single}s`;
}

/** Why a field name cannot be used, or undefined where it can. */
export function fieldNameProblem(field: string): string | undefined {
  if (!fieldPattern.test(field)) return `"${field}" is no GraphQL name`;
  if (reservedFieldNames.has(field)) return `"${field}" is a field every artifact has`;
  return undefined;
}

/** Why an object type's name cannot be used, or undefined where it can. */
export function typeNameProblem(typeName: string): string | undefined {
  if (reservedTypeNames.has(typeName)) return `"${typeName}" is a name of the schema itself`;
  const affix = reservedEndings.exec(typeName)?.[0] ?? reservedBeginnings.exec(typeName)?.[0];
  return affix === undefined ? undefined : `"${typeName}" could be a generated name, by its "${affix}"`;
}

/** Why the name of a type's list cannot be used, or undefined where it can. */
export function pluralProblem(plural: string): string | undefined {
  return reservedPlurals.has(plural) ? `"${plural}" is a field of Query itself` : undefined;
}
