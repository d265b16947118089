/** Every operation that asks the policy, with what it asks: the rows of the authorisation matrix. */
import { Readable } from 'node:stream';
import { abortUpload } from '#ops/abort-upload.ts';
import { addMember } from '#ops/add-member.ts';
import { appendUpload } from '#ops/append-upload.ts';
import { beginPartialUpload, beginUpload } from '#ops/begin-upload.ts';
import { cancelJob } from '#ops/cancel-job.ts';
import { createContext, type OpContext } from '#ops/context.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { createToken } from '#ops/create-token.ts';
import { deactivateArtifact } from '#ops/deactivate-artifact.ts';
import { deleteArtifact } from '#ops/delete-artifact.ts';
import { deprecateArtifact } from '#ops/deprecate-artifact.ts';
import { exportClosureTar } from '#ops/export-closure-tar.ts';
import { findBootImage } from '#ops/find-boot-image.ts';
import { getArtifact } from '#ops/get-artifact.ts';
import { getClosure } from '#ops/get-closure.ts';
import { getFamily } from '#ops/get-family.ts';
import { getJob } from '#ops/get-job.ts';
import { getUpload } from '#ops/get-upload.ts';
import { getUsage } from '#ops/get-usage.ts';
import { joinUploads } from '#ops/join-uploads.ts';
import { listArtifacts } from '#ops/list-artifacts.ts';
import { listDependencies } from '#ops/list-dependencies.ts';
import { listDependents } from '#ops/list-dependents.ts';
import { listImages } from '#ops/list-images.ts';
import { listJobs } from '#ops/list-jobs.ts';
import { listMembers } from '#ops/list-members.ts';
import { listStoreDetails, listStores } from '#ops/list-stores.ts';
import { listTokens } from '#ops/list-tokens.ts';
import { negotiateUploads } from '#ops/negotiate-uploads.ts';
import { openBlob } from '#ops/open-blob.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { reactivateArtifact } from '#ops/reactivate-artifact.ts';
import { removeBlob } from '#ops/remove-blob.ts';
import { removeMember } from '#ops/remove-member.ts';
import { resolveReference } from '#ops/resolve-reference.ts';
import { restoreArtifact } from '#ops/restore-artifact.ts';
import { retryJob } from '#ops/retry-job.ts';
import { revokeToken } from '#ops/revoke-token.ts';
import { runJob } from '#ops/run-job.ts';
import { getReadOnly, setReadOnly } from '#ops/set-read-only.ts';
import { unyankArtifact } from '#ops/unyank-artifact.ts';
import { updateArtifact } from '#ops/update-artifact.ts';
import { updateFamily } from '#ops/update-family.ts';
import { updateMember } from '#ops/update-member.ts';
import { uploadBlob } from '#ops/upload-blob.ts';
import { uploadImage } from '#ops/upload-image.ts';
import { uploadPack } from '#ops/upload-pack.ts';
import { yankArtifact } from '#ops/yank-artifact.ts';
import { type Action, createCaller } from '#policy/policy.ts';
import type { Subject } from './authorisation-subjects.ts';

export interface AuthorisedOperation {
  /** All of them are asked for. */
  readonly actions: readonly Action[];
  readonly run: (context: OpContext, subject: Subject) => Promise<unknown>;
  /** Of actions on a share: whose it is; by default nobody's. */
  readonly share?: (callerProject: string) => string;
  /** Undefined: of all. */
  readonly visibilities?: readonly Subject['visibility'][];
}

const sha256 = '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';
const text = (content: string) => Readable.from([Buffer.from(content)]);
const kit = { type: 'kit', slot: 'main' } as const;

function anotherMember(project: string): string {
  return project === 'accepted' ? 'pending' : 'accepted';
}

/** About one artifact. */
export const artifactOperations: Readonly<Record<string, AuthorisedOperation>> = {
  'read by id': { actions: ['artifact:read'], run: (context, { versioned: { id } }) => getArtifact(context, { id }) },
  'read to boot': { actions: ['artifact:read'], run: (context, { versioned: { id } }) => findBootImage(context, { id, ...kit }) },
  'resolve a reference': {
    actions: ['artifact:read'],
    run: (context, { versioned: { id } }) => resolveReference(context, { ref: id }),
  },
  'read its closure': {
    actions: ['artifact:closure'],
    run: (context, { versioned: { id } }) => getClosure(context, { ref: id, mode: 'pinned' }),
  },
  'list what depends on it': {
    actions: ['artifact:dependents'],
    run: (context, { versioned: { id } }) => listDependents(context, { id, page: { first: 1 } }),
  },
  'read its family': {
    actions: ['family:read'],
    run: (context, { versioned }) => getFamily(context, { id: versioned.familyId ?? '' }),
  },
  'describe its family': {
    actions: ['family:update'],
    run: (context, { versioned }) => updateFamily(context, { id: versioned.familyId ?? '', description: 'new' }),
  },
  'download a blob': {
    actions: ['blob:download'],
    run: (context, { versioned: { id } }) => openBlob(context, { artifactId: id, slot: 'main' }),
  },
  'download its closure': {
    actions: ['artifact:closure', 'blob:download'],
    run: (context, { versioned: { id } }) => exportClosureTar(context, { ref: id, mode: 'pinned' }),
  },
  change: { actions: ['artifact:update'], run: (context, { plain: { id } }) => updateArtifact(context, { id, addTags: ['t'] }) },
  protect: {
    actions: ['artifact:update', 'artifact:protect'],
    run: (context, { plain: { id } }) => updateArtifact(context, { id, protected: true }),
  },
  'show to the community': {
    actions: ['artifact:update', 'artifact:communitize'],
    visibilities: ['private', 'shared', 'public'],
    run: (context, { plain: { id } }) => updateArtifact(context, { id, visibility: 'community' }),
  },
  'show to all': {
    actions: ['artifact:update', 'artifact:publicize'],
    visibilities: ['private', 'shared', 'community'],
    run: (context, { plain: { id } }) => updateArtifact(context, { id, visibility: 'public' }),
  },
  'move to another project': {
    actions: ['artifact:update', 'artifact:move'],
    run: (context, { plain: { id } }) => updateArtifact(context, { id, project: 'elsewhere' }),
  },
  'upload a blob': {
    actions: ['blob:upload'],
    run: (context, { plain: { id } }) =>
      uploadBlob(context, { artifactId: id, slot: 'docs', path: 'new.txt', source: text('new') }),
  },
  'begin a resumable upload': {
    actions: ['blob:upload'],
    run: (context, { plain: { id } }) => beginUpload(context, { artifactId: id, slot: 'docs', path: 'new.txt', lengthBytes: 3 }),
  },
  'negotiate uploads': {
    actions: ['blob:upload'],
    run: (context, { plain: { id } }) =>
      negotiateUploads(context, { artifactId: id, blobs: [{ slot: 'docs', path: 'a.txt', sizeBytes: 5, sha256 }] }),
  },
  'upload a pack': {
    actions: ['blob:upload'],
    run: (context, { plain: { id } }) => uploadPack(context, { artifactId: id, members: nothing() }),
  },
  'join uploads': {
    actions: ['blob:upload'],
    run: (context, { plain: { id } }) => joinUploads(context, { artifactId: id, slot: 'docs', path: 'new.txt', parts: [] }),
  },
  'upload an image': {
    actions: ['artifact:publish', 'blob:upload'],
    run: (context, { plain: { id } }) =>
      uploadImage(context, {
        ...{ id, ...kit, needs: [], source: text('hello'), expectedBytes: 5, store: undefined },
        onAccepted: () => undefined,
      }),
  },
  'remove a blob': {
    actions: ['blob:remove'],
    run: (context, { plain: { id } }) => removeBlob(context, { artifactId: id, slot: 'main' }),
  },
  publish: { actions: ['artifact:publish'], run: (context, { versioned: { id } }) => publishArtifact(context, { id }) },
  yank: { actions: ['artifact:yank'], run: (context, { versioned: { id } }) => yankArtifact(context, { id }) },
  unyank: { actions: ['artifact:yank'], run: (context, { versioned: { id } }) => unyankArtifact(context, { id }) },
  deprecate: {
    actions: ['artifact:deprecate'],
    run: (context, { versioned: { id } }) => deprecateArtifact(context, { id, message: 'old' }),
  },
  deactivate: { actions: ['artifact:deactivate'], run: (context, { versioned: { id } }) => deactivateArtifact(context, { id }) },
  reactivate: { actions: ['artifact:reactivate'], run: (context, { versioned: { id } }) => reactivateArtifact(context, { id }) },
  delete: { actions: ['artifact:delete'], run: (context, { versioned: { id } }) => deleteArtifact(context, { id }) },
  restore: { actions: ['artifact:restore'], run: (context, { versioned: { id } }) => restoreArtifact(context, { id }) },
  'list its members': {
    actions: ['member:list'],
    run: (context, { versioned: { id } }) => listMembers(context, { artifactId: id }),
  },
  'share with a project': {
    actions: ['member:create'],
    run: (context, { versioned: { id } }) => addMember(context, { artifactId: id, project: 'new' }),
  },
  'end a share of another project': {
    actions: ['member:remove'],
    share: anotherMember,
    run: (context, { versioned: { id } }) =>
      removeMember(context, { artifactId: id, project: anotherMember(context.caller.project) }),
  },
  'leave a share': {
    actions: ['member:remove'],
    share: (project) => project,
    run: (context, { versioned: { id } }) => removeMember(context, { artifactId: id, project: context.caller.project }),
  },
  'answer a share': {
    actions: ['member:update'],
    share: (project) => project,
    run: (context, { versioned: { id } }) =>
      updateMember(context, { artifactId: id, project: context.caller.project, status: 'accepted' }),
  },
  'answer a share of another project': {
    actions: ['member:update'],
    share: anotherMember,
    run: (context, { versioned: { id } }) =>
      updateMember(context, { artifactId: id, project: anotherMember(context.caller.project), status: 'rejected' }),
  },
};

async function* nothing(): AsyncGenerator<never> {
  // A pack without members is refused for that, after the policy was asked.
}

function adminOf(context: OpContext, project: string): OpContext {
  return createContext(context, { ...context, caller: createCaller('maker', project, ['admin']) });
}

async function beginPart(context: OpContext, project: string): Promise<string> {
  const { upload } = await beginPartialUpload(adminOf(context, project), { lengthBytes: 1 });
  return upload.id;
}

/** About a project, or about none. */
export interface ProjectOperation {
  readonly actions: readonly Action[];
  /** Whose it is: only the caller's own can be meant where left out. */
  readonly run: (context: OpContext, project: string) => Promise<unknown>;
  readonly isOwnOnly?: true;
}

const noJob = '00000000-0000-4000-8000-000000000000';

export const projectOperations: Readonly<Record<string, ProjectOperation>> = {
  'create an artifact': {
    actions: ['artifact:create'],
    run: (context, project) => createArtifact(context, { type: 'kit', project }),
  },
  'create one for all': {
    actions: ['artifact:create', 'artifact:publicize'],
    run: (context, project) => createArtifact(context, { type: 'kit', project, visibility: 'public' }),
  },
  'create one for the community': {
    actions: ['artifact:create', 'artifact:communitize'],
    run: (context, project) => createArtifact(context, { type: 'kit', project, visibility: 'community' }),
  },
  'create a protected one': {
    actions: ['artifact:create', 'artifact:protect'],
    run: (context, project) => createArtifact(context, { type: 'kit', project, protected: true }),
  },
  'list artifacts': {
    actions: ['artifact:list'],
    isOwnOnly: true,
    run: (context) =>
      listArtifacts(context, {
        ...{ type: 'kit', filter: null, page: { first: 1 } },
        orderBy: { key: 'createdAt', direction: 'desc' },
      }),
  },
  'list images': {
    actions: ['artifact:list'],
    isOwnOnly: true,
    run: (context) => listImages(context, { ...kit, filter: null, sorts: [], tieDirection: 'desc', limit: 1 }),
  },
  'list dependencies': {
    actions: ['artifact:list'],
    isOwnOnly: true,
    run: (context) => listDependencies(context, { artifactIds: [] }),
  },
  'begin a part of an upload': {
    actions: ['upload:part'],
    isOwnOnly: true,
    run: (context) => beginPartialUpload(context, { lengthBytes: 1 }),
  },
  'create a token': {
    actions: ['token:create'],
    run: (context, project) => createToken(context, { project, subject: 's', roles: [] }),
  },
  'read an upload': {
    actions: ['upload:part'],
    run: async (context, project) => getUpload(context, { id: await beginPart(context, project) }),
  },
  'end an upload': {
    actions: ['upload:part'],
    run: async (context, project) => abortUpload(context, { id: await beginPart(context, project) }),
  },
  'go on with an upload': {
    actions: ['upload:part'],
    run: async (context, project) =>
      appendUpload(context, { id: await beginPart(context, project), offset: 0, source: text(''), expectedBytes: 0 }),
  },
  'revoke a token': {
    actions: ['token:revoke'],
    run: async (context, project) => {
      const { token } = await createToken(adminOf(context, project), { project, subject: 's', roles: ['reader'] });
      return revokeToken(context, { id: token.id });
    },
  },
  'list tokens': { actions: ['token:list'], isOwnOnly: true, run: (context) => listTokens(context) },
  'read whether it is read-only': { actions: ['instance:read'], isOwnOnly: true, run: (context) => getReadOnly(context) },
  'make it read-only': {
    actions: ['instance:read-only'],
    isOwnOnly: true,
    run: (context) => setReadOnly(context, { readOnly: false }),
  },
  'list stores': {
    actions: ['store:list'],
    isOwnOnly: true,
    run: async (context) => listStores(context),
  },
  'list stores in detail': {
    actions: ['store:detail'],
    isOwnOnly: true,
    run: async (context) => listStoreDetails(context),
  },
  'read how much is used': {
    actions: ['usage:read'],
    isOwnOnly: true,
    run: (context) => getUsage(context, { type: 'kit' }),
  },
  'list jobs': { actions: ['job:list'], isOwnOnly: true, run: (context) => listJobs(context, { first: 1 }) },
  'read a job': { actions: ['job:list'], isOwnOnly: true, run: (context) => getJob(context, { id: noJob }) },
  'run a job': {
    actions: ['job:run'],
    isOwnOnly: true,
    run: (context) =>
      runJob(context, () => {
        throw new Error('planned');
      }).catch((error: unknown) => {
        if (!(error instanceof Error) || error.message !== 'planned') throw error;
      }),
  },
  'cancel a job': { actions: ['job:run'], isOwnOnly: true, run: (context) => cancelJob(context, { id: noJob }) },
  'retry a job': { actions: ['job:run'], isOwnOnly: true, run: (context) => retryJob(context, { id: noJob }) },
};
