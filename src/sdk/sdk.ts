/** What an artifact type may say: its manifest, its hooks, and the values a hook is given. Exported as `vitrine/sdk`. */
import type { Fault } from '#base/app-error.ts';
import type { Json, JsonObject } from '#base/json.ts';

export type { Fault } from '#base/app-error.ts';
export type { Json, JsonObject } from '#base/json.ts';

/** A named place for bytes. `one` holds at most one blob; `map` holds blobs keyed by relative path. */
export interface SlotRule {
  readonly kind: 'one' | 'map';
  readonly description: string;
  /** Publish refuses an artifact whose required slot is empty. */
  readonly required: boolean;
  /** Media types accepted, `type/subtype` or `type/*`; empty: any. The first one is the default where it is exact. */
  readonly mediaTypes: readonly string[];
  /** Largest blob, in bytes; null: the server's limit. */
  readonly maxBytes: number | null;
  /** Most blobs in a `map`. */
  readonly maxEntries: number;
  /** The blobs are UTF-8 text that a closure may carry inline. */
  readonly text: boolean;
}

/** Links an artifact of this type may or must declare. */
export interface DependencyRule {
  readonly description: string;
  /** Types a link may point at. */
  readonly targets: readonly string[];
  readonly min: number;
  /** Null: as many as the server allows. */
  readonly max: number | null;
  /** At most one version of a family in a closure: the ranges intersect or it is a CONFLICT. */
  readonly singleton: boolean;
}

/** One version of a type. Its JSON Schema stands in `schemas/<version>.json`. */
export interface TypeVersionRule {
  /** Not yet released: its digest may still change. */
  readonly draft: boolean;
  readonly slots: Readonly<Record<string, SlotRule>>;
  readonly dependencies: Readonly<Record<string, DependencyRule>>;
}

/** What an artifact of a type is to Heat: the part of a stack that its slot holds. */
export interface HeatProjectionRule {
  readonly role: 'template' | 'environment';
  /** The slot of kind `one` that holds the document; every other blob is a file that it may refer to. */
  readonly slot: string;
  /** The property that lists environments among the artifact's own files, by path, in their order. */
  readonly environmentFiles: string | null;
}

/** `manifest.json` of an artifact type, after its defaults were filled in. */
export interface TypeManifest {
  /** Kebab-case: `heat-template`. */
  readonly type: string;
  readonly title: string;
  readonly description: string;
  /** The version new artifacts are written under. */
  readonly current: string;
  readonly versions: Readonly<Record<string, TypeVersionRule>>;
  readonly graphql: {
    /** Object type's name; default the type in PascalCase. */
    readonly typeName: string;
    /** Name of the list on Query; default the plural of the type in camelCase: `heatTemplates`. */
    readonly plural: string;
    /**
     * Property → GraphQL field, for names that are no GraphQL names or collide with the interface `Artifact`. A property
     * whose kind changed is named once for each version, as `property@version`.
     */
    readonly fields: Readonly<Record<string, string>>;
  };
  /** What a closure's projections make of artifacts of this type. */
  readonly projections: {
    readonly heat: HeatProjectionRule | null;
  };
}

/** One blob as a hook sees it. `read` gives at most 1 MiB a call, fewer bytes only at the end. */
export interface BlobView {
  readonly slot: string;
  readonly path: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  read(offset: number, length: number): Promise<Uint8Array>;
}

export interface DependencyView {
  readonly slot: string;
  readonly alias: string;
  readonly targetType: string | null;
  readonly targetName: string | null;
  readonly range: string;
  readonly parameter: string | null;
}

/** The artifact as a hook sees it: values only. */
export interface HookArtifact {
  readonly type: string;
  readonly typeVersion: string;
  readonly name: string | null;
  readonly version: string | null;
  readonly properties: JsonObject;
  readonly tags: readonly string[];
  readonly blobs: readonly BlobView[];
  readonly dependencies: readonly DependencyView[];
}

/**
 * The hooks of a type, all optional. Pure or bounded: no network, no disk, no database; a hook runs in a worker thread that
 * is ended at its deadline. What it throws is reported as the type's fault. Pointers of faults lead into the artifact:
 * `/properties/<name>`, `/slots/<slot>/<path>` (the path as one segment, RFC 6901), `/dependencies/<alias>`.
 */
export interface TypeHooks {
  /** Further faults, beside the JSON Schema's. Runs when a draft is written, where blobs may be missing, and at publish. */
  validate?(artifact: HookArtifact): readonly Fault[] | Promise<readonly Fault[]>;
  /** Faults of one blob. Runs at publish for each blob, on verified bytes. */
  inspectBlob?(blob: BlobView, artifact: HookArtifact): readonly Fault[] | Promise<readonly Fault[]>;
  /** Values for properties marked `x-system-written`. Runs at publish, after every blob passed. */
  derive?(artifact: HookArtifact): JsonObject | Promise<JsonObject>;
  /** The last word before publish, on the artifact with its derived properties. */
  beforePublish?(artifact: HookArtifact): readonly Fault[] | Promise<readonly Fault[]>;
}

/** Checks a hooks literal against its interface. */
export function defineHooks(hooks: TypeHooks): TypeHooks {
  return hooks;
}

/**
 * A fault in the words every room uses.
 * @param reason which kind of fault it is, in kebab-case; `format-mismatch` is one that an operator may have logged instead of refused
 */
export function fault(pointer: string, message: string, reason?: string): Fault {
  return reason === undefined ? { pointer, message } : { pointer, message, reason };
}

/** Narrows a JSON value to an object. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export type { HeatDocument, HeatFormat, HeatReference } from '#core/heat-references.ts';
export { heatReferences, readHeatDocument } from '#core/heat-references.ts';
export type { ResolvedPath } from '#core/relative-path.ts';
export { resolvePath } from '#core/relative-path.ts';
export type { YamlText } from '#core/yaml-text.ts';
export { parseYaml, yamlLimits } from '#core/yaml-text.ts';
export type { YamlLimits } from '#core/yaml-tokens.ts';
export type { ArchiveLimits } from './archive-members.ts';
export { archiveLimits } from './archive-members.ts';
export { decodeUtf8, readAll } from './blob-text.ts';
export { heatMergeStrategies, inspectHeatEnvironment } from './heat-environment.ts';
export type { HeatParameter, HeatSummary } from './heat-template.ts';
export { describeHeatTemplate, inspectHeatTemplate } from './heat-template.ts';
export type { HeatRole, HeatTree, HeatTreeReport } from './heat-tree.ts';
export { heatLimits, inspectHeatTree } from './heat-tree.ts';
export type { ImageFacts, ImageFinding, ImageFormat, ImageRefusal, ImageRefusalReason } from './image-formats/image-finding.ts';
export type { ImageLimits } from './image-formats/image-source.ts';
export { imageLimits } from './image-formats/image-source.ts';
export type { ImageInspection } from './image-formats/inspect-image.ts';
export { inspectImage } from './image-formats/inspect-image.ts';
export type { ImageDeclaration, ImageVerdict } from './image-formats/judge-image.ts';
export { judgeImage } from './image-formats/judge-image.ts';
export { essenceOf, findContradiction, sniffBytes } from './media-sniff.ts';
export type { TextLimits } from './structured-text.ts';
export { claimedText, inspectText, textLimits } from './structured-text.ts';
export { inspectTar, inspectTarGzip } from './tar-archive.ts';
export { inspectZip } from './zip-archive.ts';
