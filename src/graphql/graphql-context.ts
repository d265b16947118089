/** What every resolver is given: the operation context of the request, and reads that are batched within it. */
import { isAppError } from '#base/app-error.ts';
import type { Artifact, Dependency } from '#core/artifact.ts';
import { createContext, type OpContext, type Request, type Services } from '#ops/context.ts';
import { getArtifacts } from '#ops/get-artifacts.ts';
import { getFamilies } from '#ops/get-families.ts';
import type { Family } from '#ops/get-family.ts';
import { listDependencies } from '#ops/list-dependencies.ts';
import { type AnswerBudget, createAnswerBudget } from './answer-budget.ts';
import { type BatchLoader, createBatchLoader } from './batch-loader.ts';

export interface GraphqlContext {
  readonly op: OpContext;
  /** What the lists of the answer may still hold. */
  readonly budget: AnswerBudget;
  /** Readable artifacts by id; null for what does not exist or may not be seen, which are not told apart. */
  readonly artifacts: BatchLoader<string, Artifact | null>;
  /** As `artifacts`, of families. */
  readonly families: BatchLoader<string, Family | null>;
  /** The declared dependencies of an artifact, by its id. */
  readonly dependencies: BatchLoader<string, readonly Dependency[]>;
}

/** @param maxValues rows of the answer's lists, times their fields */
export function createGraphqlContext(services: Services, request: Request, maxValues: number): GraphqlContext {
  const op = createContext(services, request);
  return {
    op,
    budget: createAnswerBudget(maxValues),
    artifacts: createBatchLoader(async (ids) => byId(ids, await getArtifacts(op, { ids })), null),
    families: createBatchLoader(async (ids) => byId(ids, await getFamilies(op, { ids })), null),
    dependencies: createBatchLoader((artifactIds) => listDependencies(op, { artifactIds }), []),
  };
}

/** After a change: what is asked for from now on is read anew. */
export function forgetReads({ artifacts, families, dependencies }: GraphqlContext): void {
  for (const loader of [artifacts, families, dependencies]) loader.forget();
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

function byId<Found>(ids: readonly string[], found: readonly (Found | null)[]): Map<string, Found | null> {
  return new Map(ids.map((id, index) => [id, found[index] ?? null]));
}
