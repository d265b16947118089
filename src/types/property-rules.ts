/** The properties of a type over all its versions, as GraphQL shows them: one rule for each (property, kind). */
import type { Fault } from '#base/app-error.ts';
import type { JsonObject } from '#base/json.ts';
import type { TypeManifest } from '#sdk/sdk.ts';
import { pointerSegment } from './ajv-faults.ts';
import { fieldNameProblem } from './graphql-names.ts';
import { compareTypeVersions } from './manifest.ts';
import { propertyKind, requiredNames, schemaProperties } from './schema-subset.ts';
import type { PropertyKind, PropertyRule } from './type-registry.ts';

interface Occurrence {
  readonly version: string;
  readonly schema: JsonObject;
  readonly required: boolean;
}

/**
 * The rules, and the faults of `graphql.fields` (pointers into manifest.json). A key of `graphql.fields` is a property, or
 * `property@version` where the property's kind changed; every version of such a property must be named.
 */
export function propertyRules(
  manifest: TypeManifest,
  schemas: ReadonlyMap<string, JsonObject>,
): { readonly rules: readonly PropertyRule[]; readonly faults: readonly Fault[] } {
  const versions = [...schemas.keys()].sort(compareTypeVersions);
  const occurrences = collect(versions, schemas);
  const faults: Fault[] = [];
  const used = new Set<string>();
  const rules = [...occurrences].flatMap(([name, found]) => {
    const kinds = new Set(found.map(({ schema }) => propertyKind(schema)));
    const groups =
      kinds.size === 1 ? [found] : [...kinds].map((kind) => found.filter(({ schema }) => propertyKind(schema) === kind));
    return groups.map((group) => {
      const field = fieldOf(manifest, name, group, kinds, used, faults);
      return toRule(name, field, group, versions.length);
    });
  });
  for (const key of Object.keys(manifest.graphql.fields)) {
    if (!used.has(key)) faults.push({ pointer: fieldPointer(key), message: `no version has a property for "${key}"` });
  }
  faults.push(...nameFaults(rules, manifest));
  return { rules, faults };
}

function collect(versions: readonly string[], schemas: ReadonlyMap<string, JsonObject>): Map<string, Occurrence[]> {
  const occurrences = new Map<string, Occurrence[]>();
  for (const version of versions) {
    const schema = schemas.get(version) ?? {};
    const required = new Set(requiredNames(schema));
    for (const [name, property] of Object.entries(schemaProperties(schema))) {
      const found = occurrences.get(name) ?? [];
      found.push({ version, schema: property, required: required.has(name) });
      occurrences.set(name, found);
    }
  }
  return occurrences;
}

/** The field of a property in the versions of one kind; where the kind changed each version must say its own. */
function fieldOf(
  manifest: TypeManifest,
  name: string,
  group: readonly Occurrence[],
  kinds: ReadonlySet<PropertyKind>,
  used: Set<string>,
  faults: Fault[],
): string {
  const { fields } = manifest.graphql;
  const mapped = (key: string): string | undefined => {
    if (!Object.hasOwn(fields, key)) return undefined;
    used.add(key);
    return fields[key];
  };
  if (kinds.size === 1) return mapped(name) ?? name;
  const named = group.map(({ version }) => {
    const field = mapped(`${name}@${version}`);
    if (field === undefined) {
      const message = `"${name}" is ${[...kinds].join(' in one version and ')} in another; give its field of version ${version} here`;
      faults.push({ pointer: fieldPointer(`${name}@${version}`), message });
    }
    return field;
  });
  const distinct = new Set(named.filter((field) => field !== undefined));
  if (distinct.size > 1) {
    faults.push({ pointer: '/graphql/fields', message: `"${name}" has two fields for one kind: ${[...distinct].join(', ')}` });
  }
  return [...distinct][0] ?? `${name}_${group[0]?.version.replaceAll('.', '_') ?? ''}`;
}

function toRule(name: string, field: string, group: readonly Occurrence[], versionCount: number): PropertyRule {
  const newest = group.at(-1)?.schema ?? {};
  const enums = group.map(({ schema }) => schema['enum']);
  const isEnum = enums.every((values): values is readonly string[] => Array.isArray(values));
  const label = newest['x-label'];
  const description = newest['description'];
  return {
    name,
    field,
    kind: propertyKind(newest),
    description: typeof description === 'string' ? description : '',
    label: typeof label === 'string' ? label : null,
    enum: isEnum ? [...new Set(enums.flat())] : null,
    mutable: newest['x-mutable'] === true,
    filterable: newest['x-filterable'] === true,
    sortable: newest['x-sortable'] === true,
    systemWritten: newest['x-system-written'] === true,
    required: group.length === versionCount && group.every(({ required }) => required),
    versions: group.map(({ version }) => version),
  };
}

function nameFaults(rules: readonly PropertyRule[], manifest: TypeManifest): Fault[] {
  const faults: Fault[] = [];
  const taken = new Map<string, string>();
  for (const rule of rules) {
    const key = Object.keys(manifest.graphql.fields).find(
      (candidate) => candidate === rule.name || candidate.startsWith(`${rule.name}@`),
    );
    const pointer = fieldPointer(key ?? rule.name);
    const problem = fieldNameProblem(rule.field);
    if (problem !== undefined) {
      faults.push({ pointer, message: `property "${rule.name}": ${problem}; map it to another` });
    }
    const other = taken.get(rule.field);
    if (other !== undefined) {
      faults.push({ pointer, message: `properties "${other}" and "${rule.name}" would both be the field "${rule.field}"` });
    }
    taken.set(rule.field, rule.name);
  }
  return faults;
}

function fieldPointer(key: string): string {
  return `/graphql/fields/${pointerSegment(key)}`;
}
