/** The immutable registry of loaded artifact types: what GraphQL is generated from and operations validate with. */
import type { Fault } from '#base/app-error.ts';
import type { Json, JsonObject } from '#base/json.ts';
import type { HookArtifact, TypeManifest, TypeVersionRule } from '#sdk/sdk.ts';

/** The GraphQL-able kinds of a property; `json` for whatever has no closer kind. */
export type PropertyKind = 'string' | 'integer' | 'number' | 'boolean' | 'string-list' | 'json';

/** One property over all released versions of a type. */
export interface PropertyRule {
  readonly name: string;
  /** Its name in GraphQL. */
  readonly field: string;
  readonly kind: PropertyKind;
  readonly description: string;
  readonly label: string | null;
  readonly enum: readonly string[] | null;
  /** May change after publish (`x-mutable`). */
  readonly mutable: boolean;
  readonly filterable: boolean;
  readonly sortable: boolean;
  /** Written by hooks only (`x-system-written`). */
  readonly systemWritten: boolean;
  /** In every version, and in `required` of every version. */
  readonly required: boolean;
  /** The type versions in which the property is of this kind, oldest first; an artifact of another one has no such field. */
  readonly versions: readonly string[];
}

export interface TypeVersion {
  readonly version: string;
  readonly rule: TypeVersionRule;
  readonly jsonSchema: JsonObject;
  /** SHA-256, hex, of the RFC 8785 form of {schema, slots, dependencies}. */
  readonly digest: string;
  /** The one scalar kind of further properties, or null where there are none. */
  readonly extraKind: PropertyKind | null;
  /** Every fault of the properties, JSON Schema only. `partial`: a draft, where `required` does not yet hold. */
  validate(properties: JsonObject, options: { readonly partial: boolean }): readonly Fault[];
  isMutable(property: string): boolean;
  isSystemWritten(property: string): boolean;
}

export interface ArtifactType {
  readonly manifest: TypeManifest;
  readonly folder: string;
  readonly versions: ReadonlyMap<string, TypeVersion>;
  readonly current: TypeVersion;
  readonly properties: readonly PropertyRule[];
  readonly extraKind: PropertyKind | null;
  /** The hooks, each ended at its deadline; absent hooks answer with nothing. Throws TYPE_HOOK_FAILED. */
  readonly hooks: RunnableHooks;
}

export interface RunnableHooks {
  readonly has: ReadonlySet<'validate' | 'inspectBlob' | 'derive' | 'beforePublish'>;
  validate(artifact: HookArtifact, signal?: AbortSignal): Promise<readonly Fault[]>;
  /** Of all its blobs, one after another. */
  inspectBlobs(artifact: HookArtifact, signal?: AbortSignal): Promise<readonly Fault[]>;
  derive(artifact: HookArtifact, signal?: AbortSignal): Promise<Readonly<Record<string, Json>>>;
  beforePublish(artifact: HookArtifact, signal?: AbortSignal): Promise<readonly Fault[]>;
}

export interface TypeRegistry extends AsyncDisposable {
  readonly types: ReadonlyMap<string, ArtifactType>;
  /** @throws AppError TYPE_UNKNOWN */
  get(type: string): ArtifactType;
}
