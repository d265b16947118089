/** One version of a type, ready to judge properties: its JSON Schema compiled once, and its digest. */
import type { Fault } from '#base/app-error.ts';
import { isJsonObject, type JsonObject } from '#base/json.ts';
import { type ValidateFunction, validatorOf } from '#base/validator.ts';
import { canonicalJson, sha256Hex } from '#core/canonical-json.ts';
import type { TypeVersionRule } from '#sdk/sdk.ts';
import { ajvFaults } from './ajv-faults.ts';
import { guardFaults } from './input-guard.ts';
import { annotations, formats, propertyKind, schemaProperties } from './schema-subset.ts';
import type { TypeVersion } from './type-registry.ts';

export interface TypeVersionSource {
  readonly version: string;
  readonly rule: TypeVersionRule;
  readonly jsonSchema: JsonObject;
  /** As written in manifest.json, before defaults: a default that Vitrine adds later changes no digest. */
  readonly slots: JsonObject;
  readonly dependencies: JsonObject;
}

/** @throws Error where ajv's strict mode finds what the subset does not (a pattern on a number, say) */
export function createTypeVersion(source: TypeVersionSource): TypeVersion {
  const { version, rule, jsonSchema, slots, dependencies } = source;
  // No coercion, no defaults: what is stored is what was sent. One instance a version, so that nothing is shared by name.
  const compile = (schema: JsonObject): ValidateFunction =>
    validatorOf(schema, { strict: true, allErrors: true, annotations, formats });
  const { required: _, ...withoutRequired } = jsonSchema;
  const full = compile(jsonSchema);
  // Compiled with the first draft: a start has enough to do.
  let partial: ValidateFunction | undefined;
  const validatePartial = (): ValidateFunction => {
    partial ??= compile(withoutRequired);
    return partial;
  };

  const properties = new Map(Object.entries(schemaProperties(jsonSchema)));
  const marked = (property: string, annotation: string): boolean => properties.get(property)?.[annotation] === true;
  const extra = jsonSchema['additionalProperties'];
  return {
    version,
    rule,
    jsonSchema,
    digest: sha256Hex(canonicalJson({ schema: jsonSchema, slots, dependencies })),
    extraKind: isJsonObject(extra) ? propertyKind(extra) : null,
    validate: (values, options) => faultsOf(options.partial ? validatePartial() : full, values),
    isMutable: (property) => marked(property, 'x-mutable'),
    isSystemWritten: (property) => marked(property, 'x-system-written'),
  };
}

function faultsOf(validate: ValidateFunction, properties: JsonObject): readonly Fault[] {
  const guarded = guardFaults(properties);
  if (guarded.length > 0) return guarded;
  return validate(properties) ? [] : ajvFaults(validate.errors);
}
