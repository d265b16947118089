/** What a job is: a name, a JSON Schema of its payload, an operation, and how it is repeated, tried again and timed. */
import type { Json, JsonObject } from '#base/json.ts';
import type { Config } from '#config/config.ts';
import type { JobRun, Services } from '#ops/context.ts';

export type JobSettings = Config['jobs'];

export interface JobDefinition {
  /** `noun:verb`. */
  readonly name: string;
  /** What it does, in one sentence. */
  readonly summary: string;
  /** JSON Schema 2020-12 of an object. */
  readonly payload: JsonObject;
  /** Of jobs of one key one waits and one runs at most. */
  readonly key: (payload: JsonObject) => string;
  /** Milliseconds between two of the same; 0 never. */
  readonly schedule?: { readonly everyMs: (settings: JobSettings) => number; readonly payload: JsonObject } | undefined;
  /** Attempts after the first. A worker that is killed costs one. */
  readonly retryLimit: number;
  readonly retryDelayMaxSeconds: number;
  /** Of one attempt. */
  readonly timeoutMs: number;
  /** What it answers is kept with the job, for those who look. */
  readonly run: (services: Services, payload: JsonObject, run: JobRun) => Promise<JsonObject>;
}

type Definition<Payload> = Pick<JobDefinition, 'name' | 'summary' | 'payload'> &
  Partial<Pick<JobDefinition, 'retryLimit' | 'retryDelayMaxSeconds' | 'timeoutMs'>> & {
    readonly key?: (payload: Payload) => string;
    readonly schedule?: { readonly everyMs: (settings: JobSettings) => number; readonly payload: Payload };
    readonly run: (services: Services, payload: Payload, run: JobRun) => Promise<object>;
  };

const hour = 3600_000;

/** The schema has been asked before `key` and `run` see a payload, so it is what they take it for. */
export function defineJob<Payload extends object>(definition: Definition<Payload>): JobDefinition {
  const { key, run } = definition;
  return {
    ...{ retryLimit: 5, retryDelayMaxSeconds: 300, timeoutMs: 6 * hour },
    ...definition,
    schedule: definition.schedule as JobDefinition['schedule'],
    key: (payload) => key?.(payload as Payload) ?? definition.name,
    run: async (services, payload, context) => toJson(await run(services, payload as Payload, context)),
  };
}

/** As it will be read again. */
function toJson(result: object): JsonObject {
  const value: Json = JSON.parse(JSON.stringify(result));
  return value as JsonObject;
}

/** Names of stores in a payload. */
export const storeNames = {
  type: 'array',
  items: { type: 'string', minLength: 1 },
  uniqueItems: true,
} as const satisfies JsonObject;

/** A payload without anything in it. */
export const noPayload = { type: 'object', additionalProperties: false } as const satisfies JsonObject;
