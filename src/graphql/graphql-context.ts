/** What every resolver is given: the operation context of the request, and reads that are batched within it. */
import { isAppError } from '#base/app-error.ts';
import type { Artifact, Dependency } from '#core/artifact.ts';
import { createContext, type OpContext, type Request, type Services } from '#ops/context.ts';
import { getArtifacts } from '#ops/get-artifacts.ts';
import { listDependencies } from '#ops/list-dependencies.ts';
import { type BatchLoader, createBatchLoader } from './batch-loader.ts';

export interface GraphqlContext {
  readonly op: OpContext;
  /** Readable artifacts by id; null for what does not exist or may not be seen, which are not told apart. */
  readonly artifacts: BatchLoader<string, Artifact | null>;
  /** The declared dependencies of an artifact, by its id. */
  readonly dependencies: BatchLoader<string, readonly Dependency[]>;
}

export function createGraphqlContext(services: Services, request: Request): GraphqlContext {
  const op = createContext(services, request);
  return {
    op,
    artifacts: createBatchLoader((ids) => readArtifacts(op, ids), null),
    dependencies: createBatchLoader((artifactIds) => listDependencies(op, { artifactIds }), []),
  };
}

/** Undefined instead of the error, for reads where "not found" is an answer. */
export async function orNull<Value>(read: Promise<Value>): Promise<Value | null> {
  try {
    return await read;
  } catch (error) {
    if (isAppError(error) && (error.code === 'ARTIFACT_NOT_FOUND' || error.code === 'FAMILY_NOT_FOUND')) return null;
    throw error;
  }
}

async function readArtifacts(op: OpContext, ids: readonly string[]): Promise<Map<string, Artifact | null>> {
  const found = await getArtifacts(op, { ids });
  return new Map(ids.map((id, index) => [id, found[index] ?? null]));
}
