/** The hooks of a type as operations call them: each in the type's own thread, its answer checked before anybody trusts it. */
import { AppError, type Fault } from '#base/app-error.ts';
import { isJsonObject, type Json, type JsonObject } from '#base/json.ts';
import type { HookArtifact } from '#sdk/sdk.ts';
import { type InspectedBlob, inspectedAtOnce, readHeads } from './hook-heads.ts';
import type { HookLimits } from './hook-limits.ts';
import type { HookName } from './hook-protocol.ts';
import { createHookThread } from './hook-thread.ts';
import { guardFaults } from './input-guard.ts';
import type { RunnableHooks } from './type-registry.ts';

/** What a hook may answer with, in UTF-16 units of JSON. */
const resultUnitsMax = 1024 * 1024;
const faultsMax = 100;

export interface HookRunnerOptions {
  readonly type: string;
  readonly file: string;
  readonly has: ReadonlySet<HookName>;
  readonly limits: HookLimits;
  isSystemWritten(typeVersion: string, property: string): boolean;
}

export interface HookRunner extends RunnableHooks, AsyncDisposable {}

/** Hooks of a type that has none. */
export const noHooks: HookRunner = {
  has: new Set(),
  validate: async () => [],
  inspectBlobs: async () => [],
  derive: async () => ({}),
  beforePublish: async () => [],
  async [Symbol.asyncDispose]() {},
};

/** @throws AppError TYPE_HOOK_FAILED, naming type and hook; and whatever reading a blob throws */
export function createHookRunner(options: HookRunnerOptions): HookRunner {
  const { type, file, has, limits } = options;
  const thread = createHookThread(file, limits);
  const failed = (hook: HookName, reason: string): AppError =>
    new AppError('TYPE_HOOK_FAILED', `Hook ${hook} of type ${type}: ${reason}`, { details: { type, hook } });

  const call = async (
    hook: HookName,
    artifact: HookArtifact,
    inspected: readonly InspectedBlob[],
    signal?: AbortSignal,
  ): Promise<readonly Json[]> => {
    signal?.throwIfAborted();
    const outcome = await untilAborted(thread.call(hook, artifact, inspected), signal);
    if (outcome.kind === 'error') throw outcome.error;
    if (outcome.kind === 'failed') throw failed(hook, outcome.reason);
    return outcome.jsons.map((json) => {
      if (json.length > resultUnitsMax) throw failed(hook, `answered with more than ${resultUnitsMax} characters`);
      return JSON.parse(json) as Json;
    });
  };
  const callOne = async (hook: HookName, artifact: HookArtifact, signal?: AbortSignal): Promise<Json> =>
    (await call(hook, artifact, [], signal))[0] ?? null;
  const assertFaults = (hook: HookName, value: Json): readonly Fault[] => {
    const found = toFaults(value);
    if (found === undefined) throw failed(hook, 'did not answer with a list of {pointer, message}');
    return found;
  };
  const faults = async (hook: HookName, artifact: HookArtifact, signal?: AbortSignal): Promise<readonly Fault[]> =>
    has.has(hook) ? assertFaults(hook, await callOne(hook, artifact, signal)) : [];
  return {
    has,
    validate: (artifact, signal) => faults('validate', artifact, signal),
    async inspectBlobs(artifact, signal) {
      const found: Fault[] = [];
      if (!has.has('inspectBlob')) return found;
      for (let start = 0; start < artifact.blobs.length; start += inspectedAtOnce) {
        let rest = await readHeads(artifact.blobs.slice(start, start + inspectedAtOnce));
        while (rest.length > 0) {
          const values = await call('inspectBlob', artifact, rest, signal);
          for (const value of values) found.push(...assertFaults('inspectBlob', value));
          rest = rest.slice(values.length);
        }
      }
      return found;
    },
    beforePublish: (artifact, signal) => faults('beforePublish', artifact, signal),
    async derive(artifact, signal) {
      if (!has.has('derive')) return {};
      const derived = toDerived(await callOne('derive', artifact, signal));
      if (typeof derived === 'string') throw failed('derive', derived);
      const other = Object.keys(derived).find((property) => !options.isSystemWritten(artifact.typeVersion, property));
      if (other !== undefined) throw failed('derive', `gave "${other}", which is not marked x-system-written`);
      return derived;
    },
    [Symbol.asyncDispose]: () => thread[Symbol.asyncDispose](),
  };
}

function toFaults(value: Json): readonly Fault[] | undefined {
  if (value === null) return [];
  if (!Array.isArray(value)) return undefined;
  const faults = (value as readonly Json[]).slice(0, faultsMax).map((item) => {
    if (!isJsonObject(item)) return undefined;
    const { pointer, message, reason } = item;
    if (typeof pointer !== 'string' || typeof message !== 'string' || !/^(\/|$)/.test(pointer)) return undefined;
    const kind = typeof reason === 'string' && /^[a-z0-9-]{1,64}$/.test(reason) ? { reason } : {};
    return { pointer, message: message.slice(0, 2000), ...kind };
  });
  return faults.every((found) => found !== undefined) ? faults : undefined;
}

/** The derived properties, or why they are none. */
function toDerived(value: Json): JsonObject | string {
  if (value === null) return {};
  if (!isJsonObject(value)) return 'did not answer with an object';
  const guarded = guardFaults(value)[0];
  return guarded === undefined ? value : `${guarded.pointer} ${guarded.message}`;
}

/** The call itself goes on until its end or its deadline; only the caller stops waiting. */
function untilAborted<Result>(work: Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
  if (signal === undefined) return work;
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  return Promise.race([work, promise]).finally(() => signal.removeEventListener('abort', abort));
}
