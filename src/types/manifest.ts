/** Reads `manifest.json`: checked by its JSON Schema and beyond it, with the defaults of what it leaves out. */
import type { Fault } from '#base/app-error.ts';
import { isJsonObject, type Json, type JsonObject } from '#base/json.ts';
import { type ValidateFunction, validatorOf } from '#base/validator.ts';
import type { DependencyRule, HeatProjectionRule, SlotRule, TypeManifest, TypeVersionRule } from '#sdk/sdk.ts';
import { ajvFaults } from './ajv-faults.ts';
import { defaultPlural, defaultTypeName } from './graphql-names.ts';
import { manifestSchema } from './manifest-schema.ts';

let compiled: ValidateFunction | undefined;

export interface ReadManifest {
  readonly manifest: TypeManifest | undefined;
  /** Slots and dependency rules of a version exactly as written: what its digest is made of. */
  readonly asWritten: ReadonlyMap<string, { readonly slots: JsonObject; readonly dependencies: JsonObject }>;
  /** Pointers into manifest.json. */
  readonly faults: readonly Fault[];
}

/** Checks a parsed manifest.json and fills in its defaults. */
export function readManifest(value: Json): ReadManifest {
  const none = new Map<string, { slots: JsonObject; dependencies: JsonObject }>();
  compiled ??= validatorOf(manifestSchema, { strict: true, allowUnionTypes: true, allErrors: true });
  if (!compiled(value)) return { manifest: undefined, asWritten: none, faults: ajvFaults(compiled.errors) };
  const written = value as unknown as WrittenManifest;
  const faults = crossFaults(written);
  const versions = Object.fromEntries(Object.entries(written.versions).map(([name, rule]) => [name, withDefaults(rule)]));
  const manifest: TypeManifest = {
    type: written.type,
    title: written.title,
    description: written.description ?? '',
    current: written.current,
    versions,
    graphql: {
      typeName: written.graphql?.typeName ?? defaultTypeName(written.type),
      plural: written.graphql?.plural ?? defaultPlural(written.type),
      fields: written.graphql?.fields ?? {},
    },
    projections: { heat: withHeatDefaults(written.projections?.heat) },
  };
  for (const [name, rule] of Object.entries(written.versions)) {
    none.set(name, { slots: plain(rule.slots), dependencies: plain(rule.dependencies) });
  }
  return { manifest, asWritten: none, faults };
}

/** Numeric, part by part; a missing part is 0. */
export function compareTypeVersions(a: string, b: string): number {
  const left = a.split('.').map(Number);
  const right = b.split('.').map(Number);
  for (let index = 0; index < 3; index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

interface WrittenVersion {
  readonly draft?: boolean;
  readonly slots?: Readonly<Record<string, Partial<SlotRule> & Pick<SlotRule, 'kind'>>>;
  readonly dependencies?: Readonly<Record<string, Partial<DependencyRule> & Pick<DependencyRule, 'targets'>>>;
}

interface WrittenManifest {
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly current: string;
  readonly versions: Readonly<Record<string, WrittenVersion>>;
  readonly graphql?: {
    readonly typeName?: string;
    readonly plural?: string;
    readonly fields?: Readonly<Record<string, string>>;
  };
  readonly projections?: { readonly heat?: Partial<HeatProjectionRule> & Pick<HeatProjectionRule, 'role' | 'slot'> };
}

/** What JSON Schema cannot say: versions that are one, a current one that is there, bounds that fit each other. */
function crossFaults(manifest: WrittenManifest): Fault[] {
  const faults: Fault[] = [];
  const versions = Object.entries(manifest.versions);
  if (!Object.hasOwn(manifest.versions, manifest.current)) {
    faults.push({ pointer: '/current', message: `names version ${manifest.current}, which /versions does not have` });
  }
  for (const [index, [name]] of versions.entries()) {
    const twin = versions.slice(0, index).find(([other]) => compareTypeVersions(name, other) === 0);
    if (twin) faults.push({ pointer: `/versions/${name}`, message: `is the same version as ${twin[0]}` });
  }
  const heatSlot = manifest.projections?.heat?.slot;
  if (heatSlot !== undefined && manifest.versions[manifest.current]?.slots?.[heatSlot]?.kind !== 'one') {
    faults.push({ pointer: '/projections/heat/slot', message: 'is no slot of kind one in the current version' });
  }
  for (const [name, rule] of versions) {
    for (const [slot, { kind, maxEntries }] of Object.entries(rule.slots ?? {})) {
      if (kind === 'one' && maxEntries !== undefined) {
        faults.push({ pointer: `/versions/${name}/slots/${slot}/maxEntries`, message: 'is for slots of kind map' });
      }
    }
    for (const [slot, { min, max }] of Object.entries(rule.dependencies ?? {})) {
      if (typeof max === 'number' && (min ?? 0) > max) {
        faults.push({ pointer: `/versions/${name}/dependencies/${slot}/min`, message: 'is more than max' });
      }
    }
  }
  return faults;
}

function withDefaults(rule: WrittenVersion): TypeVersionRule {
  const slots = Object.entries(rule.slots ?? {}).map(([name, slot]): [string, SlotRule] => [
    name,
    {
      kind: slot.kind,
      description: slot.description ?? '',
      required: slot.required ?? false,
      mediaTypes: slot.mediaTypes ?? [],
      maxBytes: slot.maxBytes ?? null,
      maxEntries: slot.kind === 'one' ? 1 : (slot.maxEntries ?? 1000),
      text: slot.text ?? false,
    },
  ]);
  const dependencies = Object.entries(rule.dependencies ?? {}).map(([name, link]): [string, DependencyRule] => [
    name,
    {
      description: link.description ?? '',
      targets: link.targets,
      min: link.min ?? 0,
      max: link.max ?? null,
      singleton: link.singleton ?? false,
    },
  ]);
  return { draft: rule.draft ?? false, slots: Object.fromEntries(slots), dependencies: Object.fromEntries(dependencies) };
}

function withHeatDefaults(rule: NonNullable<WrittenManifest['projections']>['heat']): HeatProjectionRule | null {
  return rule === undefined ? null : { role: rule.role, slot: rule.slot, environmentFiles: rule.environmentFiles ?? null };
}

function plain(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}
