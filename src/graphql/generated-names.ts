/** The names that types bring into the schema: built in one place, and refused where two meet. */
import { AppError } from '#base/app-error.ts';
import type { ArtifactType } from '#types/type-registry.ts';

export interface NameClaims {
  /**
   * Takes a name for a type's sake and gives it back.
   * @param pointer into the type's manifest: what renames it
   * @throws AppError TYPE_INVALID where it is taken already
   */
  claim(name: string, type: Pick<ArtifactType, 'folder' | 'manifest'>, pointer: string): string;
}

/** @param own the names that the schema has without any type */
export function createNameClaims(own: Iterable<string>): NameClaims {
  const owners = new Map([...own].map((name) => [name, 'the schema itself']));
  return {
    claim(name, { folder, manifest }, pointer) {
      const claimant = `the type "${manifest.type}"`;
      const owner = owners.get(name);
      if (owner !== undefined) {
        const taken = owner === claimant ? 'twice' : `as ${owner} does`;
        const message = `T${claimant.slice(1)} generates the GraphQL name "${name}", ${taken}; give it another name in its manifest.`;
        throw typeInvalid(folder, pointer, message);
      }
      owners.set(name, claimant);
      return name;
    },
  };
}

export type TypeNames = ReturnType<typeof claimTypeNames>;

/** The names that a type brings whatever its properties; before theirs, so that a property that meets one is what is at fault. */
export function claimTypeNames(names: NameClaims, type: ArtifactType) {
  const { typeName, plural } = type.manifest.graphql;
  const claim = (name: string) => names.claim(name, type, '/graphql/typeName');
  const write = (verb: 'Create' | 'Update') => ({
    mutation: claim(`${verb.toLowerCase()}${typeName}`),
    input: claim(`${verb}${typeName}Input`),
    payload: claim(`${verb}${typeName}Payload`),
    result: claim(`${verb}${typeName}Result`),
  });
  return {
    object: claim(typeName),
    filter: claim(`${typeName}Filter`),
    order: claim(`${typeName}Order`),
    connection: claim(`${typeName}Connection`),
    edge: claim(`${typeName}Edge`),
    properties: claim(`${typeName}Properties`),
    create: write('Create'),
    update: write('Update'),
    plural: names.claim(plural, type, '/graphql/plural'),
  };
}

/** What renames the field of a property. */
export function fieldPointer(property: string): string {
  return `/graphql/fields/${property.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** @param pointer into the manifest */
export function typeInvalid(folder: string, pointer: string, message: string): AppError {
  return new AppError('TYPE_INVALID', message, { faults: [{ pointer: `${folder}/manifest.json#${pointer}`, message }] });
}

/** `disk_format` → `DiskFormat`, `minRam` → `MinRam`. */
export function toPascal(field: string): string {
  return field
    .split('_')
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join('');
}

/** `disk_format` → `DISK_FORMAT`, `minRam` → `MIN_RAM`. */
export function toScreaming(field: string): string {
  return field.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase();
}

const enumValuePattern = /^(?!__)[A-Za-z_][A-Za-z0-9_]*$/;
const enumWords = new Set(['true', 'false', 'null']);

/** An enum is one in GraphQL where each value is a name as it stands; otherwise it stays text, so that values are the same on all planes. */
export function isGraphqlEnum(values: readonly string[]): boolean {
  return values.length > 0 && values.every((value) => enumValuePattern.test(value) && !enumWords.has(value));
}
