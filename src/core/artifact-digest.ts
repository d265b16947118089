/** The digest of an artifact: SHA-256 of the canonical JSON of everything about it that can never change. */
import type { Json, JsonObject } from '#base/json.ts';
import type { SlotEntry } from './artifact.ts';
import { canonicalJson, compareCodeUnits, sha256Hex } from './canonical-json.ts';

/** What a dependency contributes: the words of the consumer, and what publish resolved them to. */
interface DigestedDependency {
  readonly slot: string;
  readonly alias: string;
  /** The constraint as written. */
  readonly range: string;
  readonly parameter: string | null;
  readonly resolved: {
    readonly type: string;
    readonly name: string | null;
    readonly version: string | null;
    readonly digest: string | null;
    /** For an unversioned artifact, which has no digest: what its slots hold. */
    readonly slots?: readonly { readonly slot: string; readonly key: string; readonly sha256: string }[];
  };
}

export interface DigestInput {
  readonly type: string;
  readonly typeVersion: string;
  readonly name: string;
  readonly version: string;
  /** Without the properties that the type marks mutable. */
  readonly immutableProperties: JsonObject;
  readonly slots: readonly Pick<SlotEntry, 'slot' | 'key' | 'path' | 'mediaType' | 'sizeBytes' | 'sha256'>[];
  readonly dependencies: readonly DigestedDependency[];
}

/** `sha256:<hex>`. Ids, projects, tags, visibility, state and mutable properties never enter it; nor does any order. */
export function artifactDigest(input: DigestInput): string {
  const canonical = canonicalJson({
    type: input.type,
    typeVersion: input.typeVersion,
    name: input.name,
    version: input.version,
    properties: input.immutableProperties,
    slots: input.slots.toSorted(bySlot).map((entry) => ({
      slot: entry.slot,
      key: entry.key,
      path: entry.path,
      mediaType: entry.mediaType,
      size: entry.sizeBytes,
      sha256: entry.sha256,
    })),
    dependencies: input.dependencies.toSorted(byAlias).map(toCanonicalDependency),
  });
  return `sha256:${sha256Hex(canonical)}`;
}

function toCanonicalDependency({ slot, alias, range, parameter, resolved }: DigestedDependency): Json {
  const { type, name, version, digest, slots } = resolved;
  const pinned = slots?.toSorted(bySlot).map((entry) => ({ slot: entry.slot, key: entry.key, sha256: entry.sha256 }));
  return {
    slot,
    alias,
    range,
    // Left out where there is none, so that a type without parameters has the same digest as before they existed.
    ...(parameter === null ? {} : { parameter }),
    resolved: { type, name, version, digest, ...(pinned === undefined ? {} : { slots: pinned }) },
  };
}

function bySlot(a: { slot: string; key: string }, b: { slot: string; key: string }): number {
  return compareCodeUnits(a.slot, b.slot) || compareCodeUnits(a.key, b.key);
}

function byAlias(a: DigestedDependency, b: DigestedDependency): number {
  return compareCodeUnits(a.slot, b.slot) || compareCodeUnits(a.alias, b.alias);
}
