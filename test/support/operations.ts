/** A node as operations see it: a real database, a filesystem store, the test types, and contexts for whoever acts. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pino } from 'pino';
import { AppError } from '#base/app-error.ts';
import { systemClock } from '#base/clock.ts';
import { randomId } from '#base/id.ts';
import { openBlobs } from '#blobs/blobs.ts';
import { loadConfig } from '#config/config.ts';
import type { Artifact } from '#core/artifact.ts';
import { openDatabase, openJobQueue } from '#metadata/metadata.ts';
import { claimStores } from '#ops/claim-stores.ts';
import type { OpContext, OpSettings, Services } from '#ops/context.ts';
import { createContext } from '#ops/context.ts';
import { type CreateArtifactInput, createArtifact } from '#ops/create-artifact.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { uploadBlob } from '#ops/upload-blob.ts';
import { type Caller, createCaller, createDefaultPolicy, type Role } from '#policy/policy.ts';
import { imageType } from '#rest/images/image-routes.ts';
import { loadTypes } from '#types/load-types.ts';
import type { TypeRegistry } from '#types/type-registry.ts';
import { createTestDatabase } from './database.ts';

export interface Node extends AsyncDisposable {
  readonly services: Services;
  readonly databaseUrl: string;
  /** Where its one store, `local`, keeps its objects. */
  readonly storeFolder: string;
  /** A second node over the same database and store, with a pool of its own. Ends with the first. */
  second(poolSize?: number): Promise<Services>;
  /** The same node, with some services replaced. */
  with(changes: Partial<Services>): Services;
}

export const testSettings: OpSettings = {
  trustedProjects: ['library', 'vendor'],
  draftTtlMs: 30 * 24 * 3600 * 1000,
  uploadTtlMs: 3600 * 1000,
  idempotencyTtlMs: 24 * 3600 * 1000,
  maxBlobBytes: 1024 * 1024,
  maxClosureNodes: 10_000,
  maxBodyBytes: 1024 * 1024,
  maxPropertiesBytes: 65_536,
  maxTags: 128,
  maxDependencies: 50,
  pageSizeMax: 100,
  instanceKey: createHash('sha256').update('tests').digest(),
  nodeId: 'test-node',
  storage: {
    collectGraceMs: 0,
    strayAgeMs: 0,
    scrubBytesPerSecond: 1024 ** 3,
    scrubAfterMs: 0,
    deleteDelayMs: 0,
    purgeConcurrency: 2,
  },
  imageType,
  image: loadConfig({ env: {}, cwd: import.meta.dirname }).config.image,
};

export const testTypesFolder = join(import.meta.dirname, 'artifact-types');

export async function createTestNode(settings: Partial<OpSettings> = {}): Promise<Node> {
  const stack = new AsyncDisposableStack();
  const database = stack.use(await createTestDatabase());
  const folder = await mkdtemp(join(tmpdir(), 'vitrine-ops-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const blobs = stack.use(
    await openBlobs({ stores: [{ name: 'local', kind: 'filesystem', path: folder }], defaultStore: 'local' }),
  );
  await claimStores(database.db, blobs, randomId());
  const types: TypeRegistry = stack.use(await loadTypes({ folders: [testTypesFolder] }));
  const services: Services = {
    ...{
      db: database.db,
      blobs,
      queue: stack.use(openJobQueue(database.db)),
      types,
      policy: createDefaultPolicy(),
      clock: systemClock,
      newId: randomId,
    },
    settings: { ...testSettings, ...settings },
    log: pino({ level: 'silent' }),
  };
  return {
    services,
    databaseUrl: database.url,
    storeFolder: folder,
    with: (changes) => ({ ...services, ...changes }),
    second: async (poolSize) => {
      const db = stack.use(openDatabase({ url: database.url, poolSize, applicationName: 'vitrine-test-second' }));
      const queue = stack.use(openJobQueue(db));
      return { ...services, db, queue, settings: { ...services.settings, nodeId: 'second-node' } };
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** A context for a caller of the project; `member` unless said otherwise. */
export function actAs(services: Services, project: string, ...roles: readonly Role[]): OpContext {
  return actAsCaller(services, createCaller(`user-of-${project}`, project, roles.length === 0 ? ['member', 'reader'] : roles));
}

export function actAsCaller(services: Services, caller: Caller): OpContext {
  const signal = new AbortController().signal;
  return createContext(services, { caller, requestId: `req-${randomId()}`, sourceAddress: '192.0.2.1', signal });
}

/** Puts text into a slot of a draft. */
export async function putText(context: OpContext, artifactId: string, slot: string, text: string, path?: string): Promise<void> {
  await uploadBlob(context, {
    artifactId,
    slot,
    source: Readable.from([Buffer.from(text)]),
    ...(path === undefined ? {} : { path }),
  });
}

/** A published kit, version 1.0.0 unless said otherwise. */
export async function publishKit(
  context: OpContext,
  input: Partial<CreateArtifactInput> & { readonly name: string },
): Promise<Artifact> {
  const draft = await createArtifact(context, { type: 'kit', version: '1.0.0', ...input });
  return publishArtifact(context, { id: draft.id });
}

/** The AppError a promise ends with; fails when it ends otherwise. */
export async function refusal(promise: Promise<unknown>): Promise<AppError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('was expected to be refused, and was not');
}

/** The code a promise is refused with, or `ok`. */
export async function outcome(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'ok';
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
}
