/** Every GraphQL document the command line sends. */

const artifactFields = `fragment ArtifactFields on Artifact {
  id project type name version state visibility revision digest properties tags hidden protected
  yankedAt deprecatedAt deprecationMessage createdAt updatedAt publishedAt
  blobs { slot path mediaType sizeBytes sha256 url }
  dependencies { slot alias ref parameter resolved { id project type name version digest } }
}`;

/** What every mutation may answer instead of its payload. */
const errorFields = `__typename
    ... on Error { code message remedy }
    ... on ValidationError { faults { pointer message } }
    ... on ConflictError { faults { pointer message } details }
    ... on DependencyError { problems { alias kind message candidates } }
    ... on LimitError { faults { pointer message } }`;

/** The typed errors of mutations about tokens lack what only artifacts can fail with. */
const tokenErrorFields = `__typename
    ... on Error { code message remedy }
    ... on ValidationError { faults { pointer message } }`;

export const resolveDocument = `query Resolve($ref: String!) {
  resolve(ref: $ref) { warnings artifact { ...ArtifactFields } }
}
${artifactFields}`;

export const typeDocument = `query Type($name: String!) {
  artifactType(name: $name) {
    name extraKind
    current { version slots { name kind mediaTypes } }
    properties { name kind systemWritten }
  }
}`;

export const typesDocument = `query Types {
  artifactTypes {
    name title description objectType listField extraKind
    current {
      version
      slots { name kind description required mediaTypes maxBytes maxEntries }
      dependencies { name description targets min max singleton }
    }
    versions { version draft digest }
    properties { name kind description enum mutable filterable sortable systemWritten required }
  }
}`;

export const listDocument = `query List(
  $type: String, $filter: ArtifactFilter, $orderBy: ArtifactOrder, $first: Int, $after: String, $includeHidden: Boolean
) {
  artifacts(type: $type, filter: $filter, orderBy: $orderBy, first: $first, after: $after, includeHidden: $includeHidden) {
    edges { node { ...ArtifactFields } }
    pageInfo { hasNextPage endCursor }
  }
}
${artifactFields}`;

export const dependentsDocument = `query Dependents($id: ID!, $first: Int, $after: String) {
  artifact(id: $id) {
    dependents(first: $first, after: $after) {
      edges { node { ...ArtifactFields } }
      pageInfo { hasNextPage endCursor }
    }
  }
}
${artifactFields}`;

export const tokensDocument = `query Tokens {
  tokens { id project subject roles description createdAt expiresAt revokedAt }
}`;

export const createTokenDocument = `mutation CreateToken($input: CreateTokenInput!) {
  createToken(input: $input) {
    ${tokenErrorFields}
    ... on CreateTokenPayload { secret token { id project subject roles description createdAt expiresAt revokedAt } }
  }
}`;

export const revokeTokenDocument = `mutation RevokeToken($input: RevokeTokenInput!) {
  revokeToken(input: $input) {
    ${tokenErrorFields}
    ... on RevokeTokenPayload { token { id project subject roles description createdAt expiresAt revokedAt } }
  }
}`;

export const negotiateDocument = `mutation NegotiateUploads($input: NegotiateUploadsInput!) {
  negotiateUploads(input: $input) {
    ${errorFields}
    ... on NegotiateUploadsPayload {
      blobs { slot path state upload { putUrl tusCreateUrl sessionUrl } }
      packUrl
      packLimits { blobs bytes blobBytes }
    }
  }
}`;

export type ArtifactMutation =
  | 'updateArtifact'
  | 'createArtifact'
  | 'publishArtifact'
  | 'deleteArtifact'
  | 'restoreArtifact'
  | 'deactivateArtifact'
  | 'reactivateArtifact'
  | 'yankArtifact'
  | 'unyankArtifact'
  | 'deprecateArtifact';

/** A mutation whose payload is an artifact; they differ by their name and their input only. */
export function artifactMutation(name: ArtifactMutation): string {
  const pascal = name.charAt(0).toUpperCase() + name.slice(1);
  return `mutation ${pascal}($input: ${pascal}Input!) {
  ${name}(input: $input) {
    ${errorFields}
    ... on ArtifactPayload { artifact { ...ArtifactFields } }
  }
}
${artifactFields}`;
}

const instanceFields = 'readOnly readOnlySince readOnlyReason';

export const instanceDocument = `query Instance { instance { ${instanceFields} } }`;

export const setReadOnlyDocument = `mutation SetReadOnly($input: SetReadOnlyInput!) {
  setReadOnly(input: $input) {
    ${tokenErrorFields}
    ... on SetReadOnlyPayload { isQuiet instance { ${instanceFields} } }
  }
}`;

const jobFields = `id name state payload output attempts maxAttempts createdAt startAfter startedAt endedAt
  progress { done total note updatedAt }`;

export const jobsDocument = `query Jobs($first: Int!, $names: [String!], $states: [JobState!]) {
  jobs(first: $first, names: $names, states: $states) { ${jobFields} }
}`;

export const jobDocument = `query Job($id: ID!) { job(id: $id) { ${jobFields} } }`;

export type JobMutation = 'runJob' | 'cancelJob' | 'retryJob';

/** Mutations whose payload is a job. */
export function jobMutation(name: JobMutation): string {
  const pascal = name.charAt(0).toUpperCase() + name.slice(1);
  return `mutation ${pascal}($input: ${pascal}Input!) {
  ${name}(input: $input) {
    ${tokenErrorFields}
    ... on JobPayload { job { ${jobFields} } }
  }
}`;
}
