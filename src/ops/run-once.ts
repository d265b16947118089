/** Idempotency keys: the same request under the same key is answered as the first was, on whichever node it comes in. */
import { AppError } from '#base/app-error.ts';
import type { Json } from '#base/json.ts';
import type { Artifact } from '#core/artifact.ts';
import { canonicalJson, sha256Hex } from '#core/canonical-json.ts';
import { assertName } from '#core/names.ts';
import type { Sql } from '#metadata/database.ts';
import { idempotencyRecords } from '#metadata/metadata.ts';
import type { OpContext } from './context.ts';

export interface Repeatable {
  readonly scope: idempotencyRecords.IdempotencyScope;
  readonly bodyHash: string;
}

/** Undefined where no key was given. @throws AppError INPUT_INVALID for a key that is not 1 to 255 ordinary characters */
export function repeatable(
  context: OpContext,
  operation: string,
  input: { readonly idempotencyKey?: string | undefined },
): Repeatable | undefined {
  const { idempotencyKey: key, ...body } = input;
  if (key === undefined) return undefined;
  try {
    assertName(key);
  } catch (cause) {
    const message = 'must be 1 to 255 characters without control characters';
    throw new AppError('INPUT_INVALID', undefined, { faults: [{ pointer: '/idempotencyKey', message }], cause });
  }
  const { project, id: caller } = context.caller;
  return { scope: { project, caller, operation, key }, bodyHash: hashBody(body) };
}

/** What was answered to this request before, if it was. @throws AppError KEY_REUSED */
export async function findReplay(context: OpContext, request: Repeatable | undefined): Promise<Artifact | undefined> {
  return request === undefined ? undefined : readResponse(context.db, request);
}

/** Runs `work` in a transaction, unless the key has been used: then what was answered first. @throws AppError KEY_REUSED */
export async function runOnce(
  context: OpContext,
  request: Repeatable | undefined,
  work: (tx: Sql) => Promise<Artifact>,
): Promise<Artifact> {
  return context.db.transaction(
    async (tx) => {
      if (request === undefined) return work(tx);
      const isFirst = await idempotencyRecords.reserveKey(tx, request.scope, request.bodyHash, context.settings.idempotencyTtlMs);
      if (!isFirst) {
        const replay = await readResponse(tx, request);
        if (replay !== undefined) return replay;
        throw new AppError('KEY_REUSED', 'The idempotency key expired while it was used.');
      }
      const result = await work(tx);
      await idempotencyRecords.storeResponse(tx, request.scope, toJson(result));
      return result;
    },
    { signal: context.signal },
  );
}

async function readResponse(sql: Sql, { scope, bodyHash }: Repeatable): Promise<Artifact | undefined> {
  const found = await idempotencyRecords.findResponse(sql, scope);
  if (found === undefined) return undefined;
  if (found.body_hash !== bodyHash) throw new AppError('KEY_REUSED');
  // Written by storeResponse from an Artifact, and by nothing else.
  return found.response as unknown as Artifact;
}

function hashBody(body: object): string {
  try {
    return sha256Hex(canonicalJson(toJson(body)));
  } catch (cause) {
    if (cause instanceof RangeError) throw new AppError('INPUT_INVALID', 'The input is nested too deeply.', { cause });
    if (cause instanceof TypeError) throw new AppError('INPUT_INVALID', 'The input has half a surrogate pair.', { cause });
    throw cause;
  }
}

/** Drops what is undefined, so that a member left out and one given as undefined are one request. */
function toJson(value: object): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}
