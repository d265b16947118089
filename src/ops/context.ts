/** What every operation is given: the services of this process, and who asks for what. */
import type { Logger } from 'pino';
import type { Clock } from '#base/clock.ts';
import type { NewId } from '#base/id.ts';
import type { Blobs } from '#blobs/blobs.ts';
import type { Database } from '#metadata/database.ts';
import type { JobQueue } from '#metadata/metadata.ts';
import type { Caller, Policy } from '#policy/policy.ts';
import type { TypeRegistry } from '#types/type-registry.ts';

/** Limits and defaults that operations keep; from configuration. */
export interface OpSettings {
  /** Projects a reference without a project falls to after the caller's own, in this order. */
  readonly trustedProjects: readonly string[];
  readonly draftTtlMs: number;
  readonly uploadTtlMs: number;
  readonly idempotencyTtlMs: number;
  readonly maxBlobBytes: number;
  readonly maxClosureNodes: number;
  readonly maxBodyBytes: number;
  readonly maxPropertiesBytes: number;
  readonly maxTags: number;
  readonly maxDependencies: number;
  readonly pageSizeMax: number;
  /** Signs cursors and hashes tokens; 32 bytes. */
  readonly instanceKey: Uint8Array;
  /** Names this process in leases: unique per start. */
  readonly nodeId: string;
  readonly storage: StorageSettings;
  readonly image: ImageSettings;
  readonly imageType: ImageType;
}

/** What the Image API shows: the type of artifact, and its slot of kind `one` with the data. */
export interface ImageType {
  readonly type: string;
  readonly slot: string;
}

/** What the Image API takes and tells; of no concern to other edges. */
export interface ImageSettings {
  readonly diskFormats: readonly string[];
  readonly containerFormats: readonly string[];
  readonly properties: readonly ImagePropertyRule[];
  readonly propertyQuota: number;
  readonly memberQuota: number;
  readonly formatMatch: 'enforce' | 'log';
  /** Where clients find this server; undefined: the Host of each request says it. */
  readonly publicEndpoint: string | undefined;
}

/** What a deployment says about the text of a further property. */
export interface ImagePropertyRule {
  readonly name: string;
  readonly description?: string | undefined;
  readonly enum?: readonly string[] | undefined;
  readonly pattern?: string | undefined;
  readonly minLength?: number | undefined;
  readonly maxLength?: number | undefined;
  readonly required?: boolean | undefined;
}

/** How stored bytes are looked after, and how long a delete can be taken back. */
interface StorageSettings {
  readonly collectGraceMs: number;
  readonly strayAgeMs: number;
  readonly scrubBytesPerSecond: number;
  readonly scrubAfterMs: number;
  /** 0: a delete is at once, and for good. */
  readonly deleteDelayMs: number;
  readonly purgeConcurrency: number;
}

export interface Services {
  readonly db: Database;
  readonly blobs: Blobs;
  readonly queue: JobQueue;
  readonly types: TypeRegistry;
  readonly policy: Policy;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly settings: OpSettings;
  readonly log: Logger;
}

/** What the care for stored bytes needs: less than a server, so that it runs where no server can. */
export interface StorageServices extends Pick<Services, 'db' | 'blobs' | 'newId' | 'log'> {
  readonly settings: Pick<OpSettings, 'storage'>;
}

/** Facts of one request. */
export interface Request {
  readonly caller: Caller;
  /** `req-<uuid>`. */
  readonly requestId: string;
  readonly traceparent?: string | undefined;
  readonly sourceAddress?: string | undefined;
  readonly signal: AbortSignal;
}

export interface OpContext extends Services, Request {}

/** What an operation that runs as a job is given beside its services. */
export interface JobRun {
  /** Aborts when the job is cancelled, past its time, or its worker drains: end soon, at a place from where it can go on. */
  readonly signal: AbortSignal;
  /** Kept where `vitrine jobs show` finds it, at most about once a second. `total` is null while nobody knows it. */
  progress(done: number, total: number | null, note?: string): Promise<void>;
}

export function createContext(services: Services, request: Request): OpContext {
  return { ...services, ...request };
}
